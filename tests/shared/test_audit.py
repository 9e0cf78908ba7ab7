"""The audit chain: what somebody who can write the database alone changes, removes, swaps or adds is named."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from shared.audit import record_audit
from shared.audit_rows import chain
from shared.audit_seal import Sealer
from shared.audit_verify import Report, Verdict, verify
from shared.auth import Principal, Role
from shared.db import Database
from shared.ids import new_id
from shared.keys import SigningKey
from tests.shared.conftest import MAC_KEY

LEE = Principal(subject="lee", ministry="nts", roles=frozenset({Role.STEWARD}))


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.ensure(tmp_path / "audit.pem")


@pytest.fixture
def sealer(db: Database, key: SigningKey) -> Sealer:
    return Sealer(db, key)


async def write(db: Database, n: int, sealer: Sealer | None = None) -> None:
    async with db.transaction(caller=LEE) as session:
        for i in range(n):
            await record_audit(session, "catalog.register-dataset", f"dataset/{i}", detail={"reason": "협력"})
    if sealer:
        await seal(sealer)


async def seal(sealer: Sealer) -> None:
    while await sealer.turn():
        pass


async def audit_ids(db: Database) -> list[Any]:
    async with db.reading() as session:
        return list((await session.execute(select(db.tables.seals.c.audit_id).order_by(db.tables.seals.c.position))).scalars())


async def rows_of(db: Database) -> list[Mapping[str, Any]]:
    """The audit as it is stored, in the order of the chain."""
    audit, seals = db.tables.audit, db.tables.seals
    joined = select(audit, seals.c.hash).outerjoin(seals, seals.c.audit_id == audit.c.id)
    async with db.reading() as session:
        return [dict(row) for row in (await session.execute(joined.order_by(seals.c.position))).mappings()]


async def change(db: Database, *statements: Any) -> None:
    async with db.transaction() as session:
        for statement in statements:
            await session.execute(statement)


async def latest(db: Database) -> Mapping[str, Any]:
    """The newest checkpoint, as it is handed out."""
    async with db.reading() as session:
        table = db.tables.checkpoints
        row = (await session.execute(select(table).order_by(table.c.position.desc()).limit(1))).mappings().one()
        return {"service": db.service, **row}


async def broken_at(db: Database, key: SigningKey, **more: Any) -> tuple[int, str]:
    """Where the chain breaks: position and row."""
    report = await verify(db, key.verify_key, **more)
    assert report.verdict is Verdict.BROKEN
    assert report.broken is not None
    return report.broken.position, report.broken.audit_id


async def test_a_chain_is_whole_beside_a_checkpoint_and_counts_what_is_not_sealed(
    db: Database, key: SigningKey, sealer: Sealer
) -> None:
    await write(db, 3, sealer)
    taken_away = await latest(db)
    await write(db, 2, sealer)
    await write(db, 1)
    report = await verify(db, key.verify_key, [taken_away], mac_key=MAC_KEY)
    assert report == Report(sealed=5, waiting=1, compared=3)
    assert report.verdict is Verdict.WHOLE


async def test_without_a_checkpoint_it_cannot_be_told(db: Database, key: SigningKey, sealer: Sealer) -> None:
    assert (await verify(db, key.verify_key)).verdict is Verdict.UNKNOWN  # an empty chain
    await write(db, 3, sealer)
    report = await verify(db, key.verify_key)
    assert (report.verdict, report.sealed, report.broken, report.findings) == (Verdict.UNKNOWN, 3, None, [])


async def test_a_verification_starts_at_a_checkpoint(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 3, sealer)
    start = await latest(db)
    await write(db, 2, sealer)
    report = await verify(db, key.verify_key, start=start)
    assert (report.verdict, report.start, report.sealed) == (Verdict.WHOLE, 3, 2)
    ids = await audit_ids(db)
    await change(db, update(db.tables.audit).where(db.tables.audit.c.id == ids[0]).values(actor="x"))
    assert (await verify(db, key.verify_key, start=start)).verdict is Verdict.WHOLE  # it was verified before
    await change(db, update(db.tables.audit).where(db.tables.audit.c.id == ids[4]).values(actor="x"))
    assert await broken_at(db, key, start=start) == (5, str(ids[4]))
    await change(db, update(db.tables.seals).where(db.tables.seals.c.position == 3).values(hash="0" * 64))
    assert (await broken_at(db, key, start=start))[0] == 3


async def test_a_row_says_who_did_what_to_which_and_can_be_checked_by_the_specification_alone(
    db: Database, sealer: Sealer
) -> None:
    await write(db, 2, sealer)
    first, second = await rows_of(db)
    assert (first["actor"], first["ministry"], first["roles"], first["outcome"]) == ("lee", "nts", "steward", "done")
    assert first["detail"] == '{"reason": "협력"}'
    assert [first["number"], second["number"], second["settled"], second["void"]] == [1, 2, 2, ""]
    assert first["writer"] == second["writer"]
    names = "format id at action outcome subject actor ministry roles request_id trace_id detail writer number settled void"
    values = [second[name].hex if name == "id" else second[name] for name in names.split()]
    words = json.dumps(["dure-audit-row", "catalog", *values], ensure_ascii=False, separators=(",", ":")).encode()
    assert second["mac"] == hmac.new(bytes(range(32)), words, "sha256").hexdigest()
    linked = b"\n".join([first["hash"].encode(), b"2", words, second["mac"].encode()])
    assert second["hash"] == hashlib.sha256(linked).hexdigest()


async def test_a_changed_row_is_named(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 5, sealer)
    ids = await audit_ids(db)
    await change(db, update(db.tables.audit).where(db.tables.audit.c.id == ids[2]).values(actor="nobody"))
    assert await broken_at(db, key) == (3, str(ids[2]))


async def test_a_removed_row_is_named(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 5, sealer)
    ids, seals, audit = await audit_ids(db), db.tables.seals, db.tables.audit
    await change(db, delete(audit).where(audit.c.id == ids[1]))
    assert await broken_at(db, key) == (2, str(ids[1]))
    await change(db, delete(seals).where(seals.c.audit_id == ids[1]))
    assert (await broken_at(db, key))[0] == 2


async def test_swapped_rows_are_named(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 5, sealer)
    ids, seals = await audit_ids(db), db.tables.seals
    await change(
        db,
        update(seals).where(seals.c.position == 2).values(audit_id=new_id()),
        update(seals).where(seals.c.position == 4).values(audit_id=ids[1]),
        update(seals).where(seals.c.position == 2).values(audit_id=ids[3]),
    )
    assert (await broken_at(db, key))[0] == 2


async def test_a_row_sealed_by_hand_is_named(db: Database, key: SigningKey, sealer: Sealer) -> None:
    """What somebody who knows our code, but no key, would do to add a row; sealing on top of it does not cover it up."""
    await write(db, 3, sealer)
    *_, old = await rows_of(db)
    row = {name: value for name, value in old.items() if name != "hash"} | {"id": new_id(), "actor": "forger"}
    seal_ = {"position": 4, "audit_id": row["id"], "hash": chain(db.service, old["hash"], 4, row)}
    await change(db, insert(db.tables.audit).values(**row), insert(db.tables.seals).values(**seal_))
    assert (await broken_at(db, key))[0] == 4
    await write(db, 1, sealer)
    report = await verify(db, key.verify_key)
    assert report.verdict is Verdict.BROKEN
    assert any("head-changed" in each for each in report.findings)


async def test_a_cut_tail_is_found_by_a_checkpoint_handed_out(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 3, sealer)
    await write(db, 2, sealer)
    taken_away, tables, ids = await latest(db), db.tables, await audit_ids(db)
    await change(
        db,
        delete(tables.checkpoints).where(tables.checkpoints.c.position == 5),
        delete(tables.seals).where(tables.seals.c.position > 3),
        delete(tables.audit).where(tables.audit.c.id.in_(ids[3:])),
    )
    assert (await verify(db, key.verify_key)).verdict is Verdict.UNKNOWN  # alone, the shorter chain looks whole
    assert (await broken_at(db, key, handed_out=[taken_away]))[0] == 4
    # The process that sealed it knows, and says so in the chain.
    await write(db, 1, sealer)
    assert any("head-changed" in each for each in (await verify(db, key.verify_key)).findings)


async def test_everything_removed_is_found_by_a_checkpoint_handed_out(db: Database, key: SigningKey, sealer: Sealer) -> None:
    await write(db, 3, sealer)
    taken_away = await latest(db)
    await change(db, delete(db.tables.checkpoints), delete(db.tables.seals), delete(db.tables.audit))
    assert (await verify(db, key.verify_key)).verdict is Verdict.UNKNOWN
    assert (await broken_at(db, key, handed_out=[taken_away]))[0] == 1


async def test_rewriting_everything_is_found(db: Database, key: SigningKey, sealer: Sealer, tmp_path: Path) -> None:
    await write(db, 3, sealer)
    taken_away, tables = await latest(db), db.tables
    await change(db, delete(tables.checkpoints), delete(tables.seals), update(tables.audit).values(actor="somebody else"))
    await seal(Sealer(db, SigningKey.ensure(tmp_path / "forger.pem")))
    report = await verify(db, key.verify_key)
    assert "signature" in str(report.broken)
    # Even with the right key the head handed out earlier differs, and the sealer does not find the MACs.
    await change(db, delete(tables.checkpoints), delete(tables.seals))
    await seal(Sealer(db, key))
    report = await verify(db, key.verify_key, [taken_away])
    assert "rewritten" in str(report.broken)
    assert any("forged-row" in each for each in (await verify(db, key.verify_key)).findings)
    forged = await verify(db, key.verify_key, [{**taken_away, "hash": "0" * 64}])
    assert "handed out does not verify" in str(forged.broken)
