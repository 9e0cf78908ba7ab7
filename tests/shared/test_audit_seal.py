"""What the sealer finds is a row of its own: forged, back-dated, suppressed and hidden rows; and what is no alarm."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, text

from shared.audit import record_audit
from shared.audit_rows import FIELDS, gaps, spans_in, spans_of, written
from shared.audit_seal import Sealer
from shared.audit_verify import Report, Verdict, verify
from shared.db import Database
from shared.errors import Unavailable
from shared.ids import new_id
from shared.keys import SigningKey
from tests.shared.conftest import MAC_KEY, TABLES, Base
from tests.shared.test_audit import LEE, change, latest, rows_of, seal, write


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.ensure(tmp_path / "audit.pem")


@pytest.fixture
def sealer(db: Database, key: SigningKey) -> Sealer:
    return Sealer(db, key)


async def seen(db: Database, key: SigningKey) -> Report:
    """With the public key alone, beside the newest checkpoint."""
    return await verify(db, key.verify_key, [await latest(db)])


async def forge(db: Database, **fields: Any) -> UUID:
    """A copy of the newest row with other fields: what an INSERT by hand can do."""
    *_, last = await rows_of(db)
    row = {name: last[name] for name in FIELDS} | {"id": new_id()} | fields
    await change(db, insert(db.tables.audit).values(**row))
    return UUID(str(row["id"]))


FORGERIES: dict[str, dict[str, Any]] = {
    "as one of ours": {"actor": "innocent.minister", "action": "requests.cast-vote"},
    "back-dated": {"at": "2025-01-01T00:00:00.000000+00:00"},
    "with a time that is none": {"at": "yesterday"},
    "of the next number": {"number": 4, "settled": 4},
    "of a process of its own": {"writer": "f" * 32, "number": 1, "settled": 10**17, "void": "1-999999999999999999"},
    "of the old format": {"format": 1, "writer": None, "number": None, "settled": None, "void": None, "mac": None},
    "without a MAC": {"mac": None},
    "behind the chain": {"id": UUID(int=(1_735_689_600_000 << 80) + 7), "at": "2025-01-01T00:00:00.000000+00:00"},
    "of the far future": {"id": UUID(int=(32_503_680_000_000 << 80) + 7)},
    "as an alarm": {"outcome": "alarm", "detail": "[]"},
}


@pytest.mark.parametrize("fields", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_row_that_no_process_of_ours_wrote_is_named(
    db: Database, key: SigningKey, sealer: Sealer, fields: dict[str, Any]
) -> None:
    await write(db, 3, sealer)
    forged = await forge(db, **fields)
    await write(db, 1)
    sealer.swept = -1e9
    await seal(sealer)
    report = await seen(db, key)
    assert (report.verdict, report.broken, report.waiting) == (Verdict.BROKEN, None, 0)
    assert any(str(forged) in each for each in report.findings)
    assert all(str(forged) in each for each in report.findings if "forged" in each)
    before = len(report.findings)
    await write(db, 2, sealer)  # named once, and what follows is not taken for forged
    assert len((await seen(db, key)).findings) == before


async def test_with_the_key_of_the_macs_it_is_named_before_it_is_sealed(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 3, sealer)
    forged = await forge(db, actor="innocent.minister")
    report = await verify(db, key.verify_key, [await latest(db)], mac_key=MAC_KEY)
    assert [str(forged) in each for each in report.findings] == [True]


async def test_a_row_that_was_removed_before_it_was_sealed_is_named(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 3, sealer)
    await write(db, 4)
    audit, writer = db.tables.audit, db.writer.name
    await change(db, delete(audit).where(audit.c.number.in_([5, 7])))  # also the last one
    await seal(sealer)
    (finding, again) = (await seen(db, key)).findings
    assert "missing-numbers" in finding
    assert writer in finding
    assert "numbers 5,7" in finding
    assert f"rows 5,7 of the process {writer}" in again
    await write(db, 1, sealer)
    assert sealer.alarms == 1


async def test_a_row_of_another_process_that_was_suppressed_is_named(db: Database, key: SigningKey, sealer: Sealer) -> None:
    other = Database(db.url, Base.metadata, TABLES, "catalog", MAC_KEY)
    await write(other, 3)
    audit = db.tables.audit
    await change(db, delete(audit).where(audit.c.number == 1))
    await seal(sealer)
    assert any("missing-numbers" in each and other.writer.name in each for each in (await seen(db, key)).findings)
    start = await latest(db)
    await write(other, 2)
    await write(db, 1, sealer)
    assert (await verify(db, key.verify_key, start=start)).verdict is Verdict.WHOLE
    await write(other, 2)
    await change(db, delete(audit).where(audit.c.number == 6))
    await seal(sealer)
    report = await verify(db, key.verify_key, start=start)
    assert any("rows 6 of the process" in each for each in report.findings)
    await other.close()


async def test_what_was_rolled_back_raises_no_alarm(db: Database, key: SigningKey, sealer: Sealer) -> None:
    async def fail(n: int) -> None:
        with pytest.raises(LookupError):
            async with db.transaction(caller=LEE) as session:
                for _ in range(n):
                    await record_audit(session, "catalog.register-dataset", "dataset/1")
                raise LookupError

    await fail(2)
    await write(db, 1, sealer)
    await fail(3)
    await seal(sealer)
    await write(db, 2, sealer)
    report = await seen(db, key)
    assert (report.verdict, report.findings, sealer.alarms) == (Verdict.WHOLE, [], 0)
    assert [(row["number"], row["void"]) for row in await rows_of(db)] == [(3, "1-2"), (7, "4-6"), (8, "4-6")]


async def test_a_process_that_is_killed_raises_no_alarm(db: Database, key: SigningKey, sealer: Sealer) -> None:
    """What it had open, and what it had rolled back and not yet said, is lost with it."""
    killed = Database(db.url, Base.metadata, TABLES, "catalog", MAC_KEY)
    await write(killed, 2)
    killed.writer.stamp(dict.fromkeys(FIELDS) | {"id": new_id()})
    await write(killed, 1)
    killed.writer.stamp(dict.fromkeys(FIELDS) | {"id": new_id()})
    await killed.close()
    await write(db, 2, sealer)
    report = await seen(db, key)
    assert (report.verdict, report.findings, report.sealed) == (Verdict.WHOLE, [], 5)


ON_POSTGRESQL = pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)


@ON_POSTGRESQL  # on SQLite one writes after the other
async def test_rows_that_come_in_another_order_raise_no_alarm(db: Database, key: SigningKey, sealer: Sealer) -> None:
    async with db.transaction(caller=LEE) as slow:
        await record_audit(slow, "catalog.register-dataset", "dataset/slow")
        await write(db, 3, sealer)
        with pytest.raises(LookupError):
            async with db.transaction(caller=LEE) as failed:
                await record_audit(failed, "catalog.register-dataset", "dataset/failed")
                raise LookupError
        await write(db, 1, sealer)
    await seal(sealer)
    report = await seen(db, key)
    assert (report.verdict, report.findings, report.sealed, sealer.alarms) == (Verdict.WHOLE, [], 5, 0)
    assert [row["number"] for row in await rows_of(db)] == [2, 3, 4, 6, 1]


HIDING: dict[bool, tuple[str, ...]] = {
    True: ("CREATE TRIGGER hide BEFORE INSERT ON audit WHEN new.actor = 'mallory' BEGIN SELECT RAISE(IGNORE); END",),
    False: (
        "CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF new.actor = 'mallory' THEN RETURN NULL; END IF; RETURN new; END $$",
        "CREATE TRIGGER hide BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION hide()",
    ),
}
REMOVING: dict[bool, tuple[str, ...]] = {
    True: (
        "CREATE TRIGGER hide AFTER INSERT ON audit WHEN new.actor = 'mallory' BEGIN DELETE FROM audit WHERE id = new.id; END",
    ),
    False: (
        "CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN DELETE FROM audit WHERE id = new.id AND new.actor = 'mallory'; RETURN new; END $$",
        "CREATE TRIGGER hide AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION hide()",
    ),
}
MALLORY = replace(LEE, subject="mallory")


async def test_a_trigger_that_hides_rows_is_named_and_what_it_hid(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 1, sealer)
    await change(db, *map(text, HIDING[db.sqlite]))
    with pytest.raises(Unavailable):  # nothing happens without its row
        async with db.transaction(caller=MALLORY) as session:
            await record_audit(session, "catalog.register-dataset", "dataset/1")
    report = await seen(db, key)
    assert [each for each in report.findings if "trigger hide" in each]
    await change(db, text("DROP TRIGGER hide" + ("" if db.sqlite else " ON audit")))
    await write(db, 1, sealer)
    assert any("missing-numbers" in each and "numbers 2" in each for each in (await seen(db, key)).findings)


async def test_a_trigger_that_removes_rows_is_sealed_as_an_alarm(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await change(db, *map(text, REMOVING[db.sqlite]))
    async with db.transaction(caller=MALLORY) as session:
        await record_audit(session, "catalog.register-dataset", "dataset/1")
    await seal(sealer)
    await change(db, text("DROP TRIGGER hide" + ("" if db.sqlite else " ON audit")))
    findings = (await seen(db, key)).findings
    assert any("schema-changed" in each and "trigger hide" in each for each in findings)
    assert any("missing-numbers" in each and "numbers 1" in each for each in findings)


async def test_rows_of_before_the_macs_are_no_alarm_until_the_first_with_one_is_sealed(
    db: Database, key: SigningKey, sealer: Sealer
) -> None:
    before = Database(db.url, Base.metadata, TABLES, "catalog")
    await write(before, 2, Sealer(before, key))
    await write(before, 2)  # not sealed yet when the key is set
    await before.close()
    await write(db, 2, sealer)
    report = await seen(db, key)
    assert (report.verdict, report.findings, report.sealed) == (Verdict.WHOLE, [], 6)


def test_numbers_and_their_gaps() -> None:
    assert written(spans_of([9, 3, 7, 8])) == "3,7-9"
    assert spans_in("3,7-9") == [(3, 3), (7, 9)]
    assert spans_in("") == spans_in("; DROP TABLE") == spans_in("1-") == []
    assert gaps(1, 10, [(7, 9), (3, 3)]) == [(1, 2), (4, 6)]
    assert gaps(1, 4, [(1, 10)]) == gaps(5, 5, []) == []
    assert gaps(1, 10**18, []) == [(1, 10**18 - 1)]
