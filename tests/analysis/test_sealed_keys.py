"""Sealed keys: made beside the bundle for the ministry that asked, seen by no worker, gone when the request is closed."""

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb
import pytest

from deploy.open_list import make_key
from services.analysis.models import RequestKey, Run, RunStatus
from services.analysis.prepare.keys import KeyLost, request_key, unwrap
from shared.clock import now
from shared.contracts import MinistryKeyRegistered, MinistryKeyRetired, OutputKind, PublicKey, RequestApproved, ResultReleased
from shared.sealing import Keyring, Unopened
from tests.analysis.centre import Centre
from tests.analysis.examples import CSV, SITES, SITES_TABLE, approved, as_csv, card, given, inputs
from tests.waiting import eventually

WRAPPING = bytes(range(32))


class Ministry:
    """A ministry with its keys."""

    def __init__(self, code: str = "mohw") -> None:
        self.code = code
        self.private: dict[Any, Any] = {}
        self.newest = PublicKey(x="A" * 43)

    @property
    def ring(self) -> Keyring:
        return Keyring(self.private)

    def key(self, *, begins: float = -1, ends: float = 1) -> MinistryKeyRegistered:
        private, public = make_key()
        self.newest = PublicKey(x=public["x"])
        self.private[self.newest.kid] = private
        days = {"valid_from": now() + timedelta(days=begins), "valid_until": now() + timedelta(days=ends)}
        return MinistryKeyRegistered(ministry=self.code, kid=self.newest.kid, key=self.newest, **days)

    def retired(self, kid: str) -> MinistryKeyRetired:
        return MinistryKeyRetired(ministry=self.code, kid=kid, reason="Lost.")


@pytest.fixture
def mohw() -> Ministry:
    return Ministry()


async def sealed_of(centre: Centre, run: Run) -> list[dict[str, str]]:
    assert run.sealed_keys is not None
    raw = await centre.storage.read(run.sealed_keys["object"]["sha256"], 10_000_000)
    return [json.loads(line) for line in raw.splitlines()]


async def bundle_of(centre: Centre, run: Run) -> list[str]:
    """The pseudonyms of the bundle, in its order."""
    assert run.bundle is not None
    path = Path(str(centre.storage.folder)) / "bundle.parquet"
    await centre.storage.fetch(run.bundle["files"][0]["sha256"], path)
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT pseudonym FROM read_parquet($1)", [str(path)]).fetchall()
    return [row[0] for row in rows]


async def test_each_base_row_is_sealed_to_the_ministry_that_asked(live_centre: Centre, mohw: Ministry) -> None:
    await live_centre.hear(mohw.key())
    event = approved()
    run = await live_centre.row(await live_centre.prepared(event))
    sealed = await sealed_of(live_centre, run)
    opened = [mohw.ring.open(line["sealed"]) for line in sealed]
    # In the order of the pseudonyms: that of the bundle goes by what the rows hold.
    names = sorted(await bundle_of(live_centre, run))
    assert [line["pseudonym"] for line in sealed] == [each.pseudonym for each in opened] == names
    assert {each.key for each in opened} == {number for number, *_ in SITES}
    assert {(each.request, each.key_domain) for each in opened} == {(str(event.brief.request_id), "facility")}
    other = Ministry("nts")
    other.key()
    for line in sealed:
        with pytest.raises(Unopened):
            other.ring.open(line["sealed"])


async def test_keys_are_sealed_in_their_canonical_form(live_centre: Centre, mohw: Ministry) -> None:
    await live_centre.hear(mohw.key())
    data = as_csv(SITES_TABLE, [(" 가-0010\t", "서울", 1, "x"), ("", "서울", 2, "x"), ("가-0011", "부산", "", "x")])
    of = (given("site", SITES_TABLE, {"site_no": "site", "region": "region"}, data), inputs()[1])
    await live_centre.storage.put_bytes(data, CSV)
    run = await live_centre.row(await live_centre.prepared(approved(of=of)))
    assert {mohw.ring.open(line["sealed"]).key for line in await sealed_of(live_centre, run)} == {"가-0010", "가-0011"}


async def test_no_worker_gets_them(live_centre: Centre, mohw: Ministry) -> None:
    await live_centre.hear(mohw.key())
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    told = (await claim.call("GET", "/bundle")).json()
    assert [file["name"] for file in told["files"]] == ["linked.parquet"]
    run = await live_centre.row(run_id)
    assert run.sealed_keys is not None
    sha256 = run.sealed_keys["object"]["sha256"]
    assert sha256 not in json.dumps(told)
    for name in ("sealed.ndjson", "sealed", sha256):
        assert (await claim.call("GET", f"/bundle/{name}")).status_code == 404
    await claim.succeed()
    (finished,) = await live_centre.finished()
    assert finished.sealed_keys is not None
    assert (finished.sealed_keys.object.sha256, finished.sealed_keys.kid) == (sha256, mohw.newest.kid)


async def test_without_a_valid_key_the_run_goes_on_and_nothing_is_sealed(live_centre: Centre, mohw: Ministry) -> None:
    await live_centre.hear(mohw.key(begins=-2, ends=-1))
    await live_centre.hear(mohw.key(begins=1, ends=2))
    await live_centre.hear(Ministry("nts").key())
    retired = mohw.key()
    await live_centre.hear(mohw.retired(retired.kid))
    await live_centre.hear(retired)
    run = await live_centre.row(await live_centre.prepared())
    assert run.sealed_keys is None
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    (finished,) = await live_centre.finished()
    assert (finished.outcome, finished.sealed_keys) == ("succeeded", None)


def knowing(key: PublicKey) -> RequestApproved:
    """An approval by a requests service that has heard of this key."""
    return approved().model_copy(update={"sealing_key": key})


async def sealed_under(centre: Centre, event: RequestApproved) -> str | None:
    """The key that the run of this approval is sealed to."""
    run = await centre.row(await centre.prepared(event))
    return run.sealed_keys["kid"] if run.sealed_keys else None


async def test_a_key_that_is_heard_of_only_after_the_approval_is_sealed_to(live_centre: Centre, mohw: Ministry) -> None:
    late = mohw.key()
    run = await live_centre.row(await live_centre.prepared(knowing(late.key)))
    assert run.sealed_keys is not None and run.sealed_keys["kid"] == late.kid
    assert {mohw.ring.open(line["sealed"]).key for line in await sealed_of(live_centre, run)} == {site for site, *_ in SITES}
    await live_centre.hear(late)
    assert await sealed_under(live_centre, approved()) == late.kid


async def test_a_newer_key_that_the_centre_knows_is_preferred(live_centre: Centre, mohw: Ministry) -> None:
    older, newer = mohw.key(), mohw.key()
    await live_centre.hear(newer)
    assert await sealed_under(live_centre, knowing(older.key)) == newer.kid
    await live_centre.hear(mohw.retired(newer.kid))
    assert await sealed_under(live_centre, knowing(older.key)) == older.kid


async def test_a_key_retired_between_approval_and_prepare_is_not_used(live_centre: Centre, mohw: Ministry) -> None:
    gone, other = mohw.key(), mohw.key()
    await live_centre.hear(mohw.retired(gone.kid))
    assert await sealed_under(live_centre, knowing(gone.key)) is None
    await live_centre.hear(gone)
    assert await sealed_under(live_centre, knowing(gone.key)) is None
    await live_centre.hear(other)
    assert await sealed_under(live_centre, knowing(gone.key)) == other.kid


async def test_a_key_that_has_run_out_since_the_approval_is_not_used(live_centre: Centre, mohw: Ministry) -> None:
    old = mohw.key(begins=-2, ends=-1)
    await live_centre.hear(old)
    assert await sealed_under(live_centre, knowing(old.key)) is None


async def test_a_key_approved_a_moment_before_its_first_on_our_clock_is_used(live_centre: Centre, mohw: Ministry) -> None:
    """Clocks differ: where the approval held the key to be valid, our clock does not keep the list from being opened."""
    young = mohw.key(begins=1, ends=2)
    await live_centre.hear(young)
    assert await sealed_under(live_centre, approved()) is None
    assert await sealed_under(live_centre, knowing(young.key)) == young.kid


async def test_a_method_that_lists_nothing_gets_nothing_sealed(centre: Centre, mohw: Ministry) -> None:
    tables = [each.model_dump() for each in card().outputs if each.kind is OutputKind.TABLE]
    await centre.make_live(card(outputs=tables))
    await centre.hear(mohw.key())
    assert await sealed_under(centre, knowing(mohw.newest)) is None


async def test_rotation_seals_to_the_new_key_and_old_lists_stay_open(live_centre: Centre, mohw: Ministry) -> None:
    kids = []
    for _ in range(2):
        await live_centre.hear(mohw.key())
        run = await live_centre.row(await live_centre.prepared())
        assert run.sealed_keys is not None
        kids.append(run.sealed_keys["kid"])
        assert kids[-1] == mohw.newest.kid
        assert all(mohw.ring.open(line["sealed"]).key for line in await sealed_of(live_centre, run))
    await live_centre.hear(mohw.retired(kids[1]))
    run = await live_centre.row(await live_centre.prepared())
    assert run.sealed_keys is not None
    assert run.sealed_keys["kid"] == kids[0]


async def gone(centre: Centre, sha256: str) -> bool:
    """True as soon as the storage holds it no more: that is cleared behind the answer, and nobody waits for it."""

    async def look() -> bool:
        return not await centre.storage.exists(sha256)

    return await eventually(look)


async def test_they_go_when_the_request_is_closed_and_not_before(live_centre: Centre, mohw: Ministry) -> None:
    await live_centre.hear(mohw.key())
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    await live_centre.until_cleared(run_id)
    run = await live_centre.row(run_id)
    assert run.sealed_keys is not None
    sha256 = run.sealed_keys["object"]["sha256"]
    assert await live_centre.storage.exists(sha256)
    await live_centre.hear(released(run))
    assert await gone(live_centre, sha256)


async def test_they_go_with_a_run_that_ends_otherwise(live_centre: Centre, mohw: Ministry) -> None:
    await live_centre.hear(mohw.key())
    run_id = await live_centre.prepared()
    body, headers = {"reason": "Not needed."}, live_centre.headers("requester", "mohw")
    await live_centre.client.post(f"/analysis/runs/{run_id}/cancel", json=body, headers=headers)
    run = await live_centre.until(run_id, RunStatus.CANCELLED)
    assert run.sealed_keys is not None
    assert await gone(live_centre, run.sealed_keys["object"]["sha256"])


def released(run: Run) -> ResultReleased:
    brief = run.approved["brief"]
    told: dict[str, Any] = {name: brief[name] for name in ("request_id", "title", "ministry", "audience")}
    return ResultReleased.model_validate({"result_id": uuid4(), **told})


async def key_row(centre: Centre, request_id: UUID) -> RequestKey:
    async with centre.client.app.state.db.reading() as session:
        row = await session.get(RequestKey, request_id)
    assert row is not None
    return row


async def test_once_the_request_is_closed_its_pseudonyms_cannot_be_made_again(live_centre: Centre) -> None:
    """Whoever holds the database, the wrapping key and every raw key still lacks what made the pseudonyms."""
    run = await live_centre.row(await live_centre.prepared())
    names = set(await bundle_of(live_centre, run))
    wrapped = (await key_row(live_centre, run.request_id)).wrapped
    assert wrapped is not None
    key = unwrap(wrapped, WRAPPING, run.request_id)
    assert {hmac.new(key, b"facility\0" + site.encode(), hashlib.sha256).hexdigest() for site, *_ in SITES} == names
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    await live_centre.hear(released(run))
    row = await key_row(live_centre, run.request_id)
    assert (row.wrapped, row.destroyed_at is not None) == (None, True)
    db = live_centre.client.app.state.db
    async with db.transaction() as session:
        with pytest.raises(KeyLost):
            await request_key(session, run.request_id, WRAPPING)
    again = await live_centre.row(await live_centre.prepared())
    assert not names & set(await bundle_of(live_centre, again))
