"""The scoring door: calls answered as the model says, and everything else refused with a reason."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.analysis.app import MIGRATIONS
from services.analysis.scoring.app import build
from services.analysis.scoring.settings import Settings
from shared import migrate
from tests.analysis.scoring import ScoringDoor, expected, linear, tensor

ROWS = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]


@pytest.fixture
async def open_door(
    make_settings: Callable[..., Any], tmp_path: Path, headers: Callable[..., dict[str, str]]
) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def start(**more: Any) -> ScoringDoor:
            given = make_settings("analysis").model_dump()
            common = {name: given[name] for name in ("database_url", "storage_url", "jwks", "issuer", "audience", "public_url")}
            await asyncio.to_thread(migrate.upgrade, MIGRATIONS, common["database_url"])
            app = build(Settings(**(common | more)))
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
            return ScoringDoor(app, client, headers("requester", "mohw", subject="scorer.mohw"))

        yield start


@pytest.fixture
async def door(open_door: Callable[..., Any]) -> ScoringDoor:
    door: ScoringDoor = await open_door()
    await door.grant(await door.release(linear()))
    return door


async def test_it_scores(door: ScoringDoor) -> None:
    answer = await door.infer(tensor(ROWS, id="42"))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["model_name"], told["model_version"], told["id"]) == ("shop_closures.risk_model", "1", "42")
    scores = {each["name"]: each for each in told["outputs"]}
    assert scores["score"] == {"name": "score", "datatype": "FP32", "shape": [2, 1], "data": expected(ROWS).ravel().tolist()}
    assert scores["flagged"]["data"] == (expected(ROWS) > 1).ravel().tolist()
