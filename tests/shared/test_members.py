"""Who may act: a copy of the members in each service, asked wherever somebody calls."""

from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Any

import pytest

from deploy.installation import SERVICES
from services.catalog.models import PLUMBING, Base
from shared.auth import Principal
from shared.contracts import LocalText, MinistryJoined, MinistryLeft
from shared.db import Database
from shared.errors import Unavailable
from shared.members import NotAMember, check_member, keep_member, present_members

Serve = Callable[..., Awaitable[Any]]
Headers = Callable[..., dict[str, str]]
LIST = {"catalog": "/catalog/datasets", "requests": "/requests", "analysis": "/analysis/methods", "results": "/results"}
NAME = LocalText(ko="법제처", en="Ministry of Government Legislation")


def of(ministry: str) -> Principal:
    return Principal("kim", ministry, frozenset())


async def test_only_newer_news_count(database_url: str) -> None:
    """In whatever order they arrive."""
    db = Database(database_url, Base.metadata, PLUMBING, "catalog")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    news = [(1, False), (4, True), (7, False), (9, True)]
    for at, order in enumerate(permutations(news)):
        async with db.transaction() as session:
            for sequence, has_left in order:
                await keep_member(session, f"m{at}", sequence, has_left=has_left)
    async with db.reading() as session:
        assert await present_members(session) == frozenset()
    async with db.transaction() as session:
        await keep_member(session, "m3", 10)
        assert await present_members(session) == {"m3"}
        await check_member(session, of("m3"))
        for never_or_left in ("m4", "nobody"):
            with pytest.raises(NotAMember) as refused:
                await check_member(session, of(never_or_left))
            assert refused.value.extensions["right"] == "a ministry that is a member"
    await db.close()


async def test_before_any_member_is_heard_of_nobody_is_told_that_they_are_none(database_url: str) -> None:
    db = Database(database_url, Base.metadata, PLUMBING, "catalog")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.reading() as session:
        with pytest.raises(Unavailable):
            await check_member(session, of("mohw"))
    await db.close()


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "catalog"])
async def test_a_service_follows_what_the_catalog_says(
    name: str, serve: Serve, say: Callable[..., Awaitable[Any]], headers: Headers
) -> None:
    client = await serve(name, members=("mohw",))

    async def status() -> int:
        await client.settle()
        return int((await client.get(LIST[name], headers=headers("auditor", "molg"))).status_code)

    assert await status() == 403
    await say(MinistryJoined(code="molg", name=NAME))
    assert await status() == 200
    await say(MinistryLeft(code="molg", reason="It was merged."))
    assert await status() == 403
    await say(MinistryJoined(code="molg", name=NAME))
    assert await status() == 200


@pytest.mark.parametrize("name", SERVICES)
async def test_a_body_that_never_joined_is_refused_and_audited_within_bounds(name: str, serve: Serve, headers: Headers) -> None:
    """Any number of bodies can be made up: their refusals are bounded, as those of strangers are."""
    client = await serve(name)
    answer = await client.get(LIST[name], headers=headers("auditor", "zzz"))
    assert (answer.status_code, answer.json()["right"]) == (403, "a ministry that is a member")
    assert answer.json()["type"].endswith("/problems/not-a-member")
    assert "zzz is not a member" in answer.json()["detail"]
    for at in range(70):
        assert (await client.get(LIST[name], headers=headers("auditor", f"zz{at}"))).status_code == 403
    table = client.app.state.db.tables.audit
    async with client.app.state.db.reading() as session:
        rows = (await session.execute(table.select().where(table.c.outcome == "refused"))).mappings().all()
    assert rows[0]["ministry"] == "zzz"
    assert len(rows) == 60
