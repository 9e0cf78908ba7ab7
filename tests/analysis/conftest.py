"""The analysis service in several states of readiness."""

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from threadpoolctl import threadpool_limits

from services.analysis.app import MIGRATIONS
from services.analysis.scoring.app import build
from services.analysis.scoring.settings import Settings
from tests.analysis.centre import Centre, Headers
from tests.analysis.scoring import ScoringDoor, linear
from tests.conftest import MEMBERS, let_join
from tests.databases import migrated


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in the worker's child; OpenMP threads that spin make the tests slow on a busy machine."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def few_trees() -> Iterator[None]:
    """For tests that do not ask how well a model does; scikit-learn is imported for them alone."""
    with importlib.import_module("tests.analysis.fewer").fewer_trees():
        yield


@pytest.fixture
def open_centre(
    serve: Callable[..., Awaitable[Any]], headers: Headers, say: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Centre]]:
    """`centre = await open_centre(lease_seconds=0.3)`: the service with other settings."""

    async def start(**settings: Any) -> Centre:
        return Centre(await serve("analysis", **settings), headers, say)

    return start


@pytest.fixture
async def centre(open_centre: Callable[..., Awaitable[Centre]]) -> Centre:
    return await open_centre()


@pytest.fixture
async def live_centre(centre: Centre) -> Centre:
    """The method is live."""
    await centre.make_live()
    return centre


@pytest.fixture
async def open_door(
    make_settings: Callable[..., Any], tmp_path: Path, headers: Headers
) -> AsyncIterator[Callable[..., Awaitable[ScoringDoor]]]:
    """`door = await open_door(rows_limit=10)`: the scoring door with other settings, on an empty database."""
    async with AsyncExitStack() as stack:

        async def start(**more: Any) -> ScoringDoor:
            given = make_settings("analysis").model_dump()
            common = {name: given[name] for name in ("database_url", "storage_url", "jwks", "issuer", "audience", "public_url")}
            values = common | more
            await migrated(MIGRATIONS, values["database_url"])
            app = build(Settings(**values))
            await stack.enter_async_context(app.router.lifespan_context(app))
            await let_join(app.state.db, MEMBERS)
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
            own = headers("requester", "mohw", subject="scorer.mohw")
            return ScoringDoor(app.state.db, app.state.door.shelf.storage, app, client, own)

        yield start


@pytest.fixture
async def door(open_door: Callable[..., Awaitable[ScoringDoor]]) -> ScoringDoor:
    """One released model, and a grant on it."""
    door = await open_door()
    await door.grant(await door.release(linear()))
    return door
