"""Hundreds of runs over four real workers while workers, the service and the broker are killed: each is done once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.broker import Broker
from tests.faults.centre import Centre
from tests.faults.storming import SHORT, check_each_done_once, storm

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(900)]
RUNS = {"sqlite": 300, "postgresql": 60}


@pytest.fixture
async def centre(database_url: str, tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(tmp_path / "centre", database_url, Broker(), SHORT)
    try:
        await centre.start()
        yield centre
    finally:
        await centre.stop()


async def test_no_run_is_lost_and_none_is_done_twice(centre: Centre) -> None:
    count = RUNS[centre.db.engine.dialect.name]
    await storm(centre, count)
    await check_each_done_once(centre, count)
