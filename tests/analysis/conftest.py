"""The analysis service in several states of readiness."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.analysis.centre import Centre, Headers


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
