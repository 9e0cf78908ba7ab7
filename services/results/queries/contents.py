"""The stored bytes of what passed the checks."""

import json
from typing import Any

from services.results import messages
from services.results.models import Result
from shared.errors import NotFound
from shared.storage import Storage

LIMIT = 64 * 1024 * 1024


def entry(result: Result, kind: str, name: str) -> dict[str, Any]:
    """The entry of an output; one that was withheld is answered like one that never was."""
    found = result.content(kind, name)
    if found is None:
        raise NotFound(messages.NOTHING_OF_NAME)
    return found


async def load_json(storage: Storage, sha256: str) -> Any:
    return json.loads(await storage.read(sha256, LIMIT))


async def load_table(storage: Storage, result: Result, name: str) -> dict[str, Any]:
    table: dict[str, Any] = await load_json(storage, entry(result, "tables", name)["sha256"])
    return table


async def load_tables(storage: Storage, result: Result) -> dict[str, dict[str, Any]]:
    return {each["name"]: await load_table(storage, result, each["name"]) for each in result.contents.get("tables", ())}
