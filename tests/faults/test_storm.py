"""Many runs over four real workers while workers, the service and the broker are killed: each is done once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.broker import Broker
from tests.faults.centre import Centre
from tests.faults.storming import SHORT, STRIKES, check_each_done_once, storm

pytestmark = [pytest.mark.heavy, pytest.mark.rabbitmq, pytest.mark.timeout(900)]
RUNS = 3 * len(STRIKES)  # a thousand: python -m tests.bench --only storm


@pytest.fixture
async def centre(database_url: str, tmp_path: Path, cards: Path) -> AsyncIterator[Centre]:
    centre = Centre(tmp_path / "centre", database_url, Broker(), SHORT, cards=cards)
    try:
        await centre.start()
        yield centre
    finally:
        await centre.stop()


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])], indirect=True
)
async def test_no_run_is_lost_and_none_is_done_twice(centre: Centre) -> None:
    await storm(centre, RUNS)
    await check_each_done_once(centre, RUNS)
