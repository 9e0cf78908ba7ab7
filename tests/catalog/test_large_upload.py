"""A large file is published, on both databases; `DURE_TEST_LARGE_ROWS=12000000` makes it one of 420 MB."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

ROWS = int(os.environ.get("DURE_TEST_LARGE_ROWS", "300000"))
PIECE = 50_000
TABLE = [
    {"name": "meter_no", "type": "string", "role": "key", "key_domain": "meter", "nullable": False},
    {"name": "region", "type": "string", "role": "attribute"},
    {"name": "used", "type": "number", "role": "measure", "unit": "kWh"},
]


async def table() -> AsyncIterator[bytes]:
    """Rows of 35 bytes, one key twice: in the first row and in the last."""
    yield b"meter_no,region,used\n"
    for start in range(0, ROWS, PIECE):
        numbers = (number % (ROWS - 1) for number in range(start, min(start + PIECE, ROWS)))
        yield b"".join(b"M%012d,region-%02d,%d.25\n" % (10**9 + number, number % 17, 1000 + number % 9000) for number in numbers)


@pytest.mark.heavy
async def test_a_large_file_is_published(database_url: str, open_desk: Callable[..., Awaitable[Any]]) -> None:
    desk = await open_desk(database_url=database_url)
    dataset = await desk.register(table=TABLE)
    assert (await desk.put(dataset["id"], table())).status_code == 202
    path = f"/catalog/datasets/{dataset['id']}"
    while (check := (await desk.get(f"{path}/checks/1")).json())["state"] in ("uploaded", "checking"):
        await asyncio.sleep(0.2)
    assert (check["state"], check["rows"], check["errors"]) == ("passed", ROWS, [])
    assert [(one["code"], one["lines"], one["count"]) for one in check["warnings"]] == [("key-duplicate", [2, ROWS + 1], 1)]
    assert (await desk.get(path)).json()["version"] == 1
