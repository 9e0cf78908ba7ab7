"""The key of a request: wrapped, bound to its request, destroyed for good."""

from pathlib import Path
from uuid import uuid4

import pytest

from services.analysis.models import PLUMBING, Base, RequestKey
from services.analysis.prepare.keys import KeyLost, destroy_key, new_key, pads, request_key, unwrap, wrap
from shared.db import Database

WRAPPING = b"\x01" * 32


def test_wrapped_keys_open_only_for_their_request() -> None:
    key, request_id = new_key(), uuid4()
    wrapped = wrap(key, WRAPPING, request_id)
    assert unwrap(wrapped, WRAPPING, request_id) == key
    assert wrapped != wrap(key, WRAPPING, request_id)
    assert key.hex() not in wrapped
    for other_key, other_request in ((b"\x02" * 32, request_id), (WRAPPING, uuid4())):
        with pytest.raises(KeyLost):
            unwrap(wrapped, other_key, other_request)


def test_pads_are_not_shown() -> None:
    assert repr(pads(b"\x41" * 32)) == "Pads()"


async def test_a_key_is_made_once_and_never_after_it_was_destroyed(tmp_path: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/keys.db", Base.metadata, PLUMBING, "analysis")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    request_id, never_used = uuid4(), uuid4()
    async with db.transaction() as session:
        first = await request_key(session, request_id, WRAPPING)
    async with db.transaction() as session:
        assert await request_key(session, request_id, WRAPPING) == first
        assert await request_key(session, uuid4(), WRAPPING) != first
    async with db.transaction() as session:
        assert await destroy_key(session, request_id, "test")
        assert not await destroy_key(session, request_id, "test")
        assert await destroy_key(session, never_used, "test")
    for lost in (request_id, never_used):
        async with db.transaction() as session:
            with pytest.raises(KeyLost):
                await request_key(session, lost, WRAPPING)
            row = await session.get(RequestKey, lost)
            assert row is not None
            assert row.wrapped is None
            assert row.destroyed_at is not None
    await db.close()
