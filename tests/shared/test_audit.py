"""The audit chain: whoever can write the database alone can neither change, remove, swap nor add a row unseen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, update

from shared.audit import Verification, chain, record_audit, seal_batch, verify
from shared.auth import Principal, Role
from shared.db import Database
from shared.ids import new_id
from shared.keys import SigningKey

LEE = Principal(subject="lee", ministry="nts", roles=frozenset({Role.STEWARD}))


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.ensure(tmp_path / "audit.pem")


async def write(db: Database, n: int, key: SigningKey | None = None) -> None:
    async with db.transaction(caller=LEE) as session:
        for i in range(n):
            await record_audit(session, "catalog.register-dataset", f"dataset/{i}", detail={"reason": "협력"})
    if key:
        while await seal_batch(db, key):
            pass


async def audit_ids(db: Database) -> list[Any]:
    async with db.reading() as session:
        return list((await session.execute(select(db.tables.seals.c.audit_id).order_by(db.tables.seals.c.position))).scalars())


async def change(db: Database, *statements: Any) -> None:
    async with db.transaction() as session:
        for statement in statements:
            await session.execute(statement)


async def test_a_whole_chain_verifies_and_counts_what_is_not_sealed(db: Database, key: SigningKey) -> None:
    await write(db, 3, key)
    await write(db, 2, key)
    await write(db, 1)
    assert await verify(db, key.verify_key) == (5, 1, None)


async def test_a_row_says_who_did_what_to_which(db: Database) -> None:
    await write(db, 1)
    async with db.reading() as session:
        (row,) = (await session.execute(select(db.tables.audit))).mappings().all()
    assert (row["actor"], row["ministry"], row["roles"], row["outcome"]) == ("lee", "nts", "steward", "done")
    assert row["detail"] == '{"reason": "협력"}'


async def test_a_changed_row_is_named(db: Database, key: SigningKey) -> None:
    await write(db, 5, key)
    ids = await audit_ids(db)
    await change(db, update(db.tables.audit).where(db.tables.audit.c.id == ids[2]).values(actor="nobody"))
    _, _, broken = await verify(db, key.verify_key)
    assert broken is not None
    assert (broken.position, broken.audit_id) == (3, str(ids[2]))


async def test_a_removed_row_is_named(db: Database, key: SigningKey) -> None:
    await write(db, 5, key)
    ids = await audit_ids(db)
    await change(db, delete(db.tables.audit).where(db.tables.audit.c.id == ids[1]))
    _, _, broken = await verify(db, key.verify_key)
    assert broken is not None
    assert (broken.position, broken.audit_id, "removed" in broken.fault) == (2, str(ids[1]), True)


async def test_a_row_removed_with_its_seal_is_named(db: Database, key: SigningKey) -> None:
    await write(db, 5, key)
    ids = await audit_ids(db)
    seals, audit = db.tables.seals, db.tables.audit
    await change(db, delete(seals).where(seals.c.audit_id == ids[1]), delete(audit).where(audit.c.id == ids[1]))
    _, _, broken = await verify(db, key.verify_key)
    assert broken is not None
    assert broken.position == 2


async def test_swapped_rows_are_named(db: Database, key: SigningKey) -> None:
    await write(db, 5, key)
    ids, seals = await audit_ids(db), db.tables.seals
    spare = new_id()
    await change(
        db,
        update(seals).where(seals.c.position == 2).values(audit_id=spare),
        update(seals).where(seals.c.position == 4).values(audit_id=ids[1]),
        update(seals).where(seals.c.position == 2).values(audit_id=ids[3]),
    )
    _, _, broken = await verify(db, key.verify_key)
    assert broken is not None
    assert broken.position == 2


async def add_sealed_by_hand(db: Database) -> None:
    """What somebody who knows our code, but not the key, would do to add a row."""
    async with db.transaction() as session:
        seals = (await session.execute(select(db.tables.seals).order_by(db.tables.seals.c.position))).mappings().all()
        old = (await session.execute(select(db.tables.audit).limit(1))).mappings().one()
        row = dict(old) | {"id": new_id(), "actor": "forger"}
        position = len(seals) + 1
        await session.execute(insert(db.tables.audit).values(**row))
        seal = {"position": position, "audit_id": row["id"], "hash": chain(seals[-1]["hash"], position, row)}
        await session.execute(insert(db.tables.seals).values(**seal))


async def test_a_row_sealed_by_hand_is_named(db: Database, key: SigningKey) -> None:
    await write(db, 3, key)
    await add_sealed_by_hand(db)
    _, _, broken = await verify(db, key.verify_key)
    assert broken is not None
    assert broken.position == 4


async def test_a_row_added_behind_the_chain_is_named(db: Database, key: SigningKey) -> None:
    await write(db, 3, key)
    async with db.reading() as session:
        old = dict((await session.execute(select(db.tables.audit).limit(1))).mappings().one())
    added = UUID(int=(1_700_000_000_000 << 80) + 7)
    await change(db, insert(db.tables.audit).values(**old | {"id": added, "actor": "forger"}))
    assert not await seal_batch(db, key)
    _, _, broken = await verify(db, key.verify_key)
    assert broken is not None
    assert broken.audit_id == str(added)


async def latest(db: Database) -> Mapping[str, Any]:
    async with db.reading() as session:
        table = db.tables.checkpoints
        return dict((await session.execute(select(table).order_by(table.c.position.desc()).limit(1))).mappings().one())


async def test_a_cut_tail_is_found_by_a_checkpoint_handed_out(db: Database, key: SigningKey) -> None:
    await write(db, 3, key)
    await write(db, 2, key)
    kept = await latest(db)
    tables, ids = db.tables, await audit_ids(db)
    await change(
        db,
        delete(tables.checkpoints).where(tables.checkpoints.c.position == 5),
        delete(tables.seals).where(tables.seals.c.position > 3),
        delete(tables.audit).where(tables.audit.c.id.in_(ids[3:])),
    )
    assert (await verify(db, key.verify_key))[2] is None  # alone, the shorter chain looks whole
    _, _, broken = await verify(db, key.verify_key, [kept])
    assert broken is not None
    assert "cut off" in broken.fault


async def test_rewriting_everything_with_another_key_is_found(db: Database, key: SigningKey, tmp_path: Path) -> None:
    await write(db, 3, key)
    kept, tables = await latest(db), db.tables
    await change(db, delete(tables.checkpoints), delete(tables.seals), update(tables.audit).values(actor="somebody else"))
    while await seal_batch(db, SigningKey.ensure(tmp_path / "forger.pem")):
        pass
    assert "signature" in str((await verify(db, key.verify_key))[2])
    await change(db, delete(tables.checkpoints), delete(tables.seals))
    await seal_batch(db, key)  # even with the right key, the head handed out earlier differs
    assert "rewritten" in str((await verify(db, key.verify_key, [kept]))[2])


def test_an_empty_chain_is_whole(key: SigningKey) -> None:
    assert Verification("catalog", [], key.verify_key).finish() is None
