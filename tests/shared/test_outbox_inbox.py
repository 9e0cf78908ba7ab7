"""Events leave with their transaction, arrive at least once, are handled once; failures wait, die, and come back by replay."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.bus import Bus, Incoming, InProcessBus
from shared.clock import now
from shared.contracts import DatasetWithdrawn, Envelope, LocalText, MinistryJoined, RequestWithdrawn
from shared.db import Database, Session
from shared.ids import new_id
from shared.inbox import MAX_ATTEMPTS, dispatch_batch, receive, replay, withdrawal_waits
from shared.janitor import Janitor
from shared.outbox import emit, relay_batch, republish_since, retry_now
from shared.storage import Storage

JOINED = MinistryJoined(code="nts", name=LocalText(ko="국세청", en="National Tax Service"))


async def rows(db: Database, table: str) -> list[dict[str, Any]]:
    async with db.reading() as session:
        selected = select(getattr(db.tables, table)).order_by(getattr(db.tables, table).c.id)
        return [dict(row) for row in (await session.execute(selected)).mappings()]


async def say(db: Database, event: Any = JOINED) -> Envelope:
    async with db.transaction() as session:
        return await emit(session, event)


def wire(db: Database) -> InProcessBus:
    bus = InProcessBus()
    bus.subscribe("requests", frozenset({MinistryJoined.type}), partial(receive, db))
    return bus


async def due_now(db: Database, table: Any) -> None:
    async with db.transaction() as session:
        await session.execute(update(table).where(table.c.due_at.is_not(None)).values(due_at=now() - timedelta(seconds=1)))


async def test_nothing_leaves_of_a_transaction_that_failed(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as session:
            await emit(session, JOINED)
            raise ZeroDivisionError
    assert await rows(db, "outbox") == []
    assert (await say(db)).sequence == 1


async def test_sequences_count_per_subject_also_when_emitted_at_once(db: Database) -> None:
    envelopes = await asyncio.gather(*(say(db) for _ in range(8)))
    assert sorted(envelope.sequence for envelope in envelopes) == list(range(1, 9))
    other = await say(db, MinistryJoined(code="mohw", name=LocalText(ko="복지부", en="Health")))
    assert other.sequence == 1


async def test_an_event_reaches_the_inbox_and_is_handled_once(db: Database) -> None:
    bus, handled = wire(db), []

    async def handler(session: Session, event: MinistryJoined, envelope: Envelope) -> None:
        handled.append((event.code, envelope.sequence))

    await say(db)
    assert await relay_batch(db, bus)
    assert not await relay_batch(db, bus)
    (sent,) = await rows(db, "outbox")
    assert sent["due_at"] is None
    assert sent["sent_at"] is not None
    for _ in range(5):  # redelivered
        await bus.publish([Envelope.parse(sent["body"].encode())])
    for _ in range(2):
        assert not await dispatch_batch(db, {MinistryJoined.type: handler})
    assert handled == [("nts", 1)]


async def test_a_failing_handler_leaves_nothing_behind_and_is_tried_again(db: Database) -> None:
    bus, calls = wire(db), []

    async def handler(session: Session, event: MinistryJoined, envelope: Envelope) -> None:
        calls.append(1)
        await emit(session, event)
        if len(calls) < 3:
            raise RuntimeError("not yet")

    await say(db)
    await relay_batch(db, bus)
    for _ in range(3):
        await due_now(db, db.tables.inbox)
        await dispatch_batch(db, {MinistryJoined.type: handler})
    (row,) = await rows(db, "inbox")
    assert (row["state"], len(calls), len(await rows(db, "outbox"))) == ("done", 3, 2)


async def test_an_event_of_an_event_has_a_derived_id(db: Database) -> None:
    cause = await say(db)
    ids = set()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            async with db.transaction(cause=cause) as session:
                ids.add((await emit(session, JOINED)).id)
                raise ZeroDivisionError
    assert len(ids) == 1


async def test_a_poison_event_dies_with_a_reason_and_comes_back_by_replay(db: Database) -> None:
    bus, broken = wire(db), True

    async def handler(session: Session, event: MinistryJoined, envelope: Envelope) -> None:
        if broken:
            raise RuntimeError

    handlers = {MinistryJoined.type: handler}
    envelope = await say(db)
    await relay_batch(db, bus)
    for _ in range(MAX_ATTEMPTS):
        await due_now(db, db.tables.inbox)
        await dispatch_batch(db, handlers)
    (row,) = await rows(db, "inbox")
    assert (row["state"], row["due_at"], row["last_error"]) == ("dead", None, "RuntimeError")
    broken = False
    async with db.transaction() as session:
        assert await replay(session, envelope.id)
        assert not await replay(session, new_id())
    await dispatch_batch(db, handlers)
    assert (await rows(db, "inbox"))[0]["state"] == "done"


@pytest.mark.parametrize("body", [b"", b"\xff\0garbage", b"{}", b'{"specversion":"1.0"}', b"[" * 3000])
async def test_what_cannot_be_read_is_kept_dead_and_the_next_flows(db: Database, body: bytes) -> None:
    good = (await say(db)).model_dump_json().encode()
    await receive(db, [Incoming(body), Incoming(good), Incoming(body)])
    assert sorted(row["state"] for row in await rows(db, "inbox")) == ["dead", "new"]


async def test_an_unknown_type_dies_at_once(db: Database) -> None:
    envelope = (await say(db)).model_copy(update={"type": "catalog.unknown.v9"})
    await receive(db, [Incoming(envelope.model_dump_json().encode())])
    await dispatch_batch(db, {})
    (row,) = await rows(db, "inbox")
    assert (row["state"], row["last_error"]) == ("dead", "KeyError")


async def test_a_forged_sender_is_refused_and_audited(db: Database) -> None:
    envelope = await say(db)
    await receive(db, [Incoming(envelope.model_dump_json().encode(), user_id="results")])
    (row,) = await rows(db, "inbox")
    (audit,) = await rows(db, "audit")
    assert (row["state"], row["last_error"], audit["outcome"]) == ("dead", "forged-sender", "refused")
    await receive(db, [Incoming(envelope.model_dump_json().encode(), user_id="catalog")])
    assert sorted(row["state"] for row in await rows(db, "inbox")) == ["dead", "new"]


class Refusing(InProcessBus):
    """A bus whose broker says no to the events named."""

    def __init__(self, refused: set[int]) -> None:
        super().__init__()
        self.refused = refused

    async def publish(self, batch: Sequence[Envelope]) -> list[Exception | None]:
        return [TimeoutError() if at in self.refused else None for at in range(len(batch))]


async def test_only_what_was_confirmed_is_marked_sent(db: Database) -> None:
    for _ in range(3):
        await say(db)
    bus: Bus = Refusing({1})
    assert not await relay_batch(db, bus)
    assert [row["sent_at"] is None for row in await rows(db, "outbox")] == [False, True, False]
    await retry_now(db)
    assert await relay_batch(db, InProcessBus())
    assert all(row["sent_at"] for row in await rows(db, "outbox"))


async def test_within_one_process_nothing_is_sent_before_everybody_listens(db: Database) -> None:
    """Services start one after the other; the first one's relay must not speak to an empty room."""
    await say(db)
    bus = InProcessBus({"catalog", "requests"})
    bus.subscribe("catalog", frozenset(), partial(receive, db))
    assert bus.down == "not yet there: requests"
    assert not await relay_batch(db, bus)
    assert [row["sent_at"] for row in await rows(db, "outbox")] == [None]
    bus.subscribe("requests", frozenset({MinistryJoined.type}), partial(receive, db))
    assert bus.down is None
    await retry_now(db)
    assert await relay_batch(db, bus)
    assert [row["type"] for row in await rows(db, "inbox")] == [MinistryJoined.type]


async def test_ops_republish(db: Database) -> None:
    await say(db)
    await relay_batch(db, InProcessBus())
    async with db.transaction() as session:
        assert await republish_since(session, now() - timedelta(hours=1)) == 1
    assert await relay_batch(db, InProcessBus())


async def test_only_what_is_old_and_done_is_purged_and_that_is_audited(db: Database, tmp_path: Path) -> None:
    left, used = tmp_path / "dure-check-left", tmp_path / "dure-check-used"
    left.mkdir()
    used.mkdir()
    (left / "table").write_text("rows of a killed check")
    os.utime(left, (time.time() - 7 * 3600,) * 2)
    janitor = Janitor(db, Storage((tmp_path / "objects").as_uri()), tmp_path)
    for age in (1, 8, 8):
        await say(db)
        await relay_batch(db, InProcessBus())
        newest = (await rows(db, "outbox"))[-1]["id"]
        async with db.transaction() as session:
            table = db.tables.outbox
            await session.execute(update(table).where(table.c.id == newest).values(sent_at=now() - timedelta(days=age)))
    unsent = await say(db)
    await janitor.tidy()
    await janitor.tidy()
    assert len(await rows(db, "outbox")) == 2
    assert (await rows(db, "outbox"))[-1]["event_id"] == unsent.id
    (audit,) = await rows(db, "audit")
    assert audit["action"] == "catalog.purge"
    assert json.loads(audit["detail"]) == {
        "half-uploads": 0,
        "working-folders": 1,
        "sent-events": 2,
        "handled-events": 0,
        "kept-answers": 0,
    }
    assert (left.exists(), used.exists()) == (False, True)


@pytest.mark.parametrize("state", ["new", "dead", "done"])
async def test_a_withdrawal_in_the_inbox_holds_releases(db: Database, state: str) -> None:
    withdrawn = RequestWithdrawn(request_id=new_id(), ministry="mohw", reason="No longer needed.")
    envelope = Envelope(
        id=new_id(),
        source="/requests",
        type=withdrawn.type,
        subject=withdrawn.subject,
        time=now(),
        sequence=1,
        dataschema=Envelope.schema_url(withdrawn.type),
        data=withdrawn.model_dump(mode="json"),
    )
    await receive(db, [Incoming(envelope.model_dump_json().encode())])
    async with db.transaction() as session:
        await session.execute(update(db.tables.inbox).values(state=state))
    async with db.reading() as session:
        assert await withdrawal_waits(session) is (state != "done")


def test_withdrawals_are_marked() -> None:
    assert DatasetWithdrawn.withdrawal
    assert not MinistryJoined.withdrawal
