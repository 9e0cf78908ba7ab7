"""Panels and further columns: rows that a key and a month identify together, joined as plain Python would join them."""

import datetime
import hashlib
import json
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given as having
from hypothesis import settings, strategies

from services.analysis import policy
from services.analysis.models import Model, ModelState, Run, RunStatus
from services.analysis.prepare.bundle import private_folder
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.keys import pads
from services.analysis.prepare.linkage import Linked
from services.analysis.prepare.plan import plan_linkage
from services.analysis.prepare.readers import Limits, locked
from services.analysis.prepare.sealed import raw_keys
from shared.contracts import ApprovedInput, Column, MethodCard, ModelRef
from shared.errors import Unprocessable
from tests.analysis.centre import Centre
from tests.analysis.examples import KEY, METHOD, approved, as_csv, both, card, given, inputs, stored
from tests.analysis.linking import KEY as SECRET
from tests.analysis.linking import build, pseudonym_of, refusal, rows_of
from tests.exploring import examples

MONTH = {"name": "month", "type": "date"}
LINE = {"name": "line", "type": "integer"}
INPUTS: list[dict[str, Any]] = [
    {"name": "site", "title": both("시설"), "columns": [KEY, MONTH, LINE, {"name": "kwh", "type": "number"}],
     "keyed_by": ["month", "line"], "further": ["number", "string"]},
    {"name": "price", "title": both("요금"), "columns": [KEY, MONTH, {"name": "won", "type": "number"}], "keyed_by": ["month"]},
    {"name": "owner", "title": both("주인"), "columns": [KEY, {"name": "sector", "type": "string"}], "required": False},
]  # fmt: skip
SITE = Column(name="no", type="string", role="key", key_domain="facility")
SITE_TABLE = (
    SITE,
    Column(name="month", type="date", role="attribute"),
    Column(name="line", type="integer", role="attribute"),
    Column(name="kwh", type="integer", role="measure", unit="kWh", available_from=datetime.date(2024, 7, 1)),
    Column(name="region", type="string", role="quasi_identifier"),
    Column(name="staff", type="integer", role="measure", available_from=datetime.date(2025, 1, 1)),
    Column(name="opened", type="date", role="attribute"),
)
PRICE_TABLE = (SITE, SITE_TABLE[1], Column(name="won", type="number", role="measure", unit="KRW"))
OWNER_TABLE = (SITE, Column(name="sector", type="string", role="attribute"))
SITE_COLUMNS = {"site_no": "no", "month": "month", "line": "line", "kwh": "kwh"}
PRICE_COLUMNS = {"site_no": "no", "month": "month", "won": "won"}
OWNER_COLUMNS = {"site_no": "no", "sector": "sector"}


FEW = both("The tables of a test may have nothing in common.")


def panel(**changes: Any) -> MethodCard:
    told = {
        "inputs": INPUTS,
        "linkage": {"key_domain": "facility", "base": "site", "match_floor": 0, "floor_reason": FEW},
    } | changes
    return card(**told)


def parts(**more: str) -> tuple[ApprovedInput, ...]:
    return (
        given("site", SITE_TABLE, SITE_COLUMNS | more, b""),
        given("price", PRICE_TABLE, PRICE_COLUMNS, b""),
        given("owner", OWNER_TABLE, OWNER_COLUMNS, b""),
    )


def link(folder: Path, site: list[Any], price: list[Any], owner: list[Any], **more: str) -> tuple[list[dict[str, Any]], Linked]:
    files = {"site": as_csv(SITE_TABLE, site), "price": as_csv(PRICE_TABLE, price), "owner": as_csv(OWNER_TABLE, owner)}
    path, linked = build(folder, files, of=parts(**more), method=panel())
    return rows_of(path), linked


KEYS = strategies.sampled_from(["a1", "a2", " b1 ", "가-1", "", "  "])
MONTHS = strategies.sampled_from(["2025-01-01", "2025-02-01", "2024-12-01", ""])
LINES = strategies.sampled_from(["1", "2", ""])
NUMBERS = strategies.one_of(strategies.just(""), strategies.integers(0, 9).map(str))


def distinct(rows: list[Any], width: int) -> list[Any]:
    return list({tuple(cell.strip() for cell in row[:width]): row for row in rows}.values())


def in_order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["pseudonym"], row["site__month"], row["site__line"]


def plain_join(
    site: list[Any], price: list[Any], owner: list[Any]
) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, int]]:
    """The same in plain Python, row by row."""
    whole = [[row for row in table if all(cell.strip() for cell in row[:width])] for table, width in
             ((site, 3), (price, 2), (owner, 1))]  # fmt: skip
    prices = {(row[0].strip(), row[1]): row for row in whole[1]}
    owners = {row[0].strip(): row for row in whole[2]}
    found = []
    for key, month, line, kwh, *_ in whole[0]:
        day, paid, owned = datetime.date.fromisoformat(month), prices.get((key.strip(), month)), owners.get(key.strip())
        found.append({
            "pseudonym": pseudonym_of(key.strip()),
            "site__month": day, "site__line": int(line), "site__kwh": float(kwh) if kwh else None,
            "price__month": day if paid else None, "price__won": float(paid[2]) if paid and paid[2] else None,
            "owner__sector": owned[1] if owned and owned[1] else None,
        })  # fmt: skip
    rows = len(found)
    matched = {
        "price": sum((row[0].strip(), row[1]) in prices for row in whole[0]),
        "owner": sum(row[0].strip() in owners for row in whole[0]),
    }
    dropped = {
        role: len(table) - len(kept)
        for role, table, kept in zip(("site", "price", "owner"), (site, price, owner), whole, strict=True)
    }
    ordered = sorted(found, key=in_order)
    # Of all rows of the base: one without a whole key was found nowhere.
    rates = {role: round(hits / len(site), 6) for role, hits in matched.items()} if rows else {}
    return ordered, rates, dropped


@settings(max_examples=examples(25))
@having(
    site=strategies.lists(strategies.tuples(KEYS, MONTHS, LINES, NUMBERS, strategies.just("서울"), NUMBERS, MONTHS), max_size=14),
    price=strategies.lists(strategies.tuples(KEYS, MONTHS, NUMBERS), max_size=10),
    owner=strategies.lists(strategies.tuples(KEYS, strategies.sampled_from(["농업", "x"])), max_size=6),
)
def test_a_panel_is_joined_as_plain_python_joins_it(
    tmp_path_factory: pytest.TempPathFactory, site: list[Any], price: list[Any], owner: list[Any]
) -> None:
    site, price, owner = distinct(site, 3), distinct(price, 2), distinct(owner, 1)
    expected, rates, dropped = plain_join(site, price, owner)
    with private_folder(tmp_path_factory.getbasetemp()) as folder:
        if not expected:
            files = {"site": as_csv(SITE_TABLE, site), "price": as_csv(PRICE_TABLE, price), "owner": as_csv(OWNER_TABLE, owner)}
            assert refusal(folder, files, of=parts(), method=panel()).code == "no-rows"
            return
        rows, linked = link(folder, site, price, owner)
        assert (sorted(rows, key=in_order), linked.rows) == (expected, len(expected))
        subjects = [row["pseudonym"] for row in rows]
        assert len(list(groupby(subjects))) == len(set(subjects)), "the rows of a subject are neighbours"
        for _, own in groupby(rows, key=lambda row: row["pseudonym"]):
            assert (listed := list(own)) == sorted(listed, key=in_order), "in the order of what they are keyed by"
        assert (linked.match_rates, linked.keys_dropped) == (rates, dropped)


JANUARY, FEBRUARY = "2025-01-01", "2025-02-01"


@pytest.mark.parametrize(
    ("role", "rows", "together"),
    [
        ("site", [("a", JANUARY, 1, 5, "", "", ""), (" a", JANUARY, "01", 6, "", "", "")], "key and month and line"),
        ("price", [("a", JANUARY, 1), ("a", FEBRUARY, 1), ("a", JANUARY, 2)], "key and month"),
        ("owner", [("a", "x"), ("a", "y")], "key"),
    ],
)
def test_a_row_twice_is_refused(tmp_path: Path, role: str, rows: list[Any], together: str) -> None:
    tables: dict[str, list[Any]] = {
        "site": [("a", JANUARY, 1, 5, "", "", "")],
        "price": [("a", JANUARY, 1)],
        "owner": [("a", "x")],
    }
    tables[role] = rows
    files = {
        name: as_csv(table, tables[name])
        for name, table in (("site", SITE_TABLE), ("price", PRICE_TABLE), ("owner", OWNER_TABLE))
    }
    error = refusal(tmp_path, files, of=parts(), method=panel())
    assert error.code == "key-not-unique"
    assert f"some {together};" in error.detail
    assert JANUARY not in error.detail


def test_what_identifies_a_row_is_approved_or_nothing_is_linked(tmp_path: Path) -> None:
    columns = {name: source for name, source in PRICE_COLUMNS.items() if name != "month"}
    site, _, owner = parts()
    error = refusal(tmp_path, of=(site, given("price", PRICE_TABLE, columns, b""), owner), method=panel())
    assert error.code == "column-missing"
    assert "month" in error.detail


def test_one_sealed_key_for_each_pseudonym(tmp_path: Path) -> None:
    rows = [("a", JANUARY, n, 1, "", "", "") for n in range(3)] + [
        ("b ", FEBRUARY, 1, 1, "", "", ""),
        ("b", JANUARY, 1, 1, "", "", ""),
    ]
    rows += [("c", "", 1, 1, "", "", ""), ("", JANUARY, 1, 1, "", "", "")]
    path = tmp_path / "site.input"
    path.write_bytes(as_csv(SITE_TABLE, rows))
    plan = plan_linkage(panel(), parts())
    with locked(tmp_path, Limits(memory_mb=256)) as connection:
        sealed = [row for batch in raw_keys(connection, plan.base, path, pads(SECRET)) for row in batch]
    assert sealed == sorted((pseudonym_of(key), key) for key in "ab")


def test_further_columns_keep_their_own_type(tmp_path: Path) -> None:
    rows = [("a", JANUARY, 1, 5, "서울", 12, JANUARY)]
    found, _ = link(tmp_path, rows, [("a", JANUARY, 1)], [], people="staff", area="region")
    assert list(found[0])[:6] == ["pseudonym", "site__month", "site__line", "site__kwh", "site__area", "site__people"]
    assert (found[0]["site__area"], found[0]["site__people"]) == ("서울", 12)
    assert isinstance(found[0]["site__people"], int)


@pytest.mark.parametrize(
    ("more", "code"),
    [({"extra": "no"}, "key-mismatch"), ({"extra": "opened"}, "column-unknown"), ({"KWH": "staff"}, "column-unknown")],
)
def test_further_columns_that_the_card_does_not_allow(tmp_path: Path, more: dict[str, str], code: str) -> None:
    allowing = [INPUTS[0] | {"further": ["number", "string"]}, *INPUTS[1:]]
    assert refusal(tmp_path, of=parts(**more), method=panel(inputs=allowing)).code == code
    with pytest.raises(PrepareError) as caught:
        plan_linkage(panel(), (parts()[0], given("price", PRICE_TABLE, PRICE_COLUMNS | {"more": "won"}, b"")))
    assert caught.value.code == "column-unknown"


def test_a_further_cell_that_does_not_fit_names_the_column_alone(tmp_path: Path) -> None:
    files = {"site": as_csv(SITE_TABLE, [("a", JANUARY, 1, 5, "", "열둘", "")])}
    files |= {"price": as_csv(PRICE_TABLE, []), "owner": as_csv(OWNER_TABLE, [])}
    error = refusal(tmp_path, files, of=parts(people="staff"), method=panel())
    assert error.code == "input-mistyped"
    assert "people" in error.detail
    assert "열둘" not in error.detail


def test_since_when_a_column_is_there_goes_along() -> None:
    assert plan_linkage(panel(), parts(people="staff")).available_from == {
        "site__kwh": "2024-07-01",
        "site__people": "2025-01-01",
    }
    assert plan_linkage(card(), inputs()).available_from == {}


def test_a_panel_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows = [(f"f{n % 7}", f"2025-{1 + n % 12:02d}-01", n, n, "", "", "") for n in range(200)]
    digests = set()
    for each in (rows, rows[::-1]):
        files = {"site": as_csv(SITE_TABLE, each), "price": as_csv(PRICE_TABLE, []), "owner": as_csv(OWNER_TABLE, [])}
        path, _ = build(tmp_path, files, of=parts(), method=panel())
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


BAD_PANELS = [
    ("inputs/0/keyed_by", ["month", "nothing"], "#/card/inputs/0/keyed_by/1", "bad-key-column"),
    ("inputs/0/keyed_by", ["month", "line", "month"], "#/card/inputs/0/keyed_by/2", "name-twice"),
    ("inputs/0/keyed_by", ["site_no"], "#/card/inputs/0/keyed_by/0", "bad-key-column"),
    ("inputs/0/keyed_by", ["month", "kwh"], "#/card/inputs/0/keyed_by/1", "bad-key-type"),
    ("inputs/0/columns/1/required", False, "#/card/inputs/0/keyed_by/0", "bad-key-column"),
    ("inputs/0/columns/1/type", "datetime", "#/card/inputs/1/keyed_by/0", "not-of-base"),
    ("inputs/0/keyed_by", ["line"], "#/card/inputs/1/keyed_by/0", "not-of-base"),
    ("inputs/0/keyed_by", [], "#/card/inputs/1/keyed_by/0", "not-of-base"),
]


@pytest.mark.parametrize(("path", "value", "pointer", "code"), BAD_PANELS)
def test_panels_that_contradict_themselves(path: str, value: Any, pointer: str, code: str) -> None:
    told: Any = panel().model_dump(mode="json")
    *places, last = path.split("/")
    at = told
    for place in places:
        at = at[int(place)] if isinstance(at, list) else at[place]
    at[last] = value
    with pytest.raises(Unprocessable) as caught:
        policy.check_card(MethodCard.model_validate(told))
    assert (pointer, code) in [(error.pointer, error.code) for error in caught.value.errors]


def test_a_panel_is_a_card_like_any_other() -> None:
    policy.check_card(panel())


# The champion, and what the worker is told.

MODEL = b"bytes of a released model"


async def release(centre: Centre, model: ModelRef) -> None:
    """As if an earlier run had trained it and two reviewers had released it."""
    earlier = await centre.prepared(approved())
    row = Model(
        id=model.model_id, run_id=earlier, request_id=uuid4(), ministry="mois", name=model.name, format=model.format,
        sha256=model.object.sha256, size=model.object.size, media_type=model.object.media_type, method_name=model.method.name,
        method_release=model.method.version, method_digest=model.method.digest, announced_by="worker.centre", authors=[],
        datasets=[], manifest={}, state=ModelState.RELEASED,
    )  # fmt: skip
    async with centre.client.app.state.db.transaction() as session:
        session.add(row)


CHAMPION = ModelRef(
    model_id=uuid4(), name="model", method=METHOD, format="onnx", object=stored(MODEL, "application/octet-stream")
)


async def prepared_with(centre: Centre, champion: ModelRef, *ends: RunStatus) -> Run:
    await release(centre, champion)
    event = approved().model_copy(update={"champion": champion})
    return await centre.until(await centre.approve(event), RunStatus.PREPARED, *ends)


async def test_the_champion_lies_in_the_bundle_and_stays_when_the_bundle_goes(live_centre: Centre) -> None:
    await live_centre.storage.put_bytes(MODEL, "application/octet-stream")
    run = await prepared_with(live_centre, CHAMPION)
    await live_centre.worker().claim()  # the earlier run
    claim = await live_centre.worker().claim()
    assert claim is not None
    files = (await claim.call("GET", "/bundle")).json()["files"]
    assert [file["name"] for file in files] == ["linked.parquet", "champion.model"]
    assert (await claim.call("GET", "/bundle/champion.model")).content == MODEL
    table = files[0]["sha256"]
    assert (await claim.succeed()).status_code == 200
    await live_centre.until_cleared(run.id)
    assert not await live_centre.storage.exists(table)
    assert await live_centre.storage.read(CHAMPION.object.sha256, 1000) == MODEL


@pytest.mark.parametrize("kept", [b"", MODEL[:-1] + b"x"])
async def test_a_champion_of_other_bytes_ends_the_run(live_centre: Centre, kept: bytes) -> None:
    if kept:
        stored_model = await live_centre.storage.put_bytes(MODEL, "application/octet-stream")
        assert live_centre.storage.folder is not None
        (live_centre.storage.folder / f"sha256/{stored_model.sha256[:2]}/{stored_model.sha256}").write_bytes(kept)
    run = await prepared_with(live_centre, CHAMPION, RunStatus.FAILED)
    assert (run.status, (run.reason or {}).get("code")) == (RunStatus.FAILED, "champion-corrupt")


async def test_a_worker_is_told_since_when_columns_are_there(live_centre: Centre) -> None:
    site, meter = inputs()
    dated = tuple(column.model_copy(update={"available_from": datetime.date(2025, 2, 1)}) for column in meter.table)
    event = approved(of=(site, meter.model_copy(update={"table": dated})))
    run_id = await live_centre.prepared(event)
    claim = await live_centre.worker().claim()
    assert claim is not None
    told = (await claim.call("GET", "/bundle")).json()["available_from"]
    assert told == {"meter__kwh": "2025-02-01", "meter__read_on": "2025-02-01"}
    assert await audited(live_centre, run_id) == {"available_from": told, "champion": None}


async def audited(centre: Centre, run_id: UUID) -> dict[str, Any]:
    audit = centre.client.app.state.db.tables.audit
    async with centre.client.app.state.db.reading() as session:
        rows = (await session.execute(audit.select().where(audit.c.action == "analysis.prepare-run"))).mappings().all()
    (row,) = [row for row in rows if row["subject"] == f"run/{run_id}"]
    detail = json.loads(row["detail"]) if isinstance(row["detail"], str) else row["detail"]
    return {name: detail[name] for name in ("available_from", "champion")}


def test_a_method_of_any_keys_pseudonymises_under_the_domain_that_the_keys_are_of() -> None:
    of_any = {"name": "subject", "type": "string", "role": "key", "key_domain": "any"}
    told = card().model_dump(mode="json") | {
        "inputs": [{"name": "table", "title": both("표"), "columns": [of_any], "further": ["number"]}],
        "linkage": {"key_domain": "any", "base": "table"},
    }
    method = MethodCard.model_validate(told)
    policy.check_card(method)
    table = (SITE, Column(name="staff", type="number", role="measure"))
    data = as_csv(table, [["F1", 3], ["F2", 5]])
    one = given("table", table, {"subject": "no", "staff": "staff"}, data)
    plan = plan_linkage(method, (one,))
    assert plan.key_domain == "facility"
    assert [pick.card.name for pick in plan.base.columns] == ["staff"]
    assert plan.base.key.key_domain == "facility"
    two = [told["inputs"][0], told["inputs"][0] | {"name": "other"}]
    with pytest.raises(Unprocessable):
        policy.check_card(MethodCard.model_validate(told | {"inputs": two}))
