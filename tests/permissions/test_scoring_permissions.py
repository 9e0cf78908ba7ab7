"""Every cell of the scoring service's permission table."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import pytest

from deploy.permissions import rows
from tests.analysis.conftest import open_door as open_door
from tests.analysis.scoring import BASE, NAME, ScoringDoor, linear, tensor
from tests.permissions.matrix import Call, Cases, Headers, Who, World, mismatches

MODEL = f"{BASE}/v2/models/{NAME}"
cases = Cases()
cases.get_(
    scoring_metrics=f"{BASE}/metrics",
    show_server=f"{BASE}/v2/",
    server_live=f"{BASE}/v2/health/live",
    server_ready=f"{BASE}/v2/health/ready",
    model_ready=f"{MODEL}/ready",
    model_version_ready=f"{MODEL}/versions/1/ready",
    show_model=MODEL,
    show_model_version=f"{MODEL}/versions/1",
)


@dataclass
class Scoring(World):
    door: ScoringDoor

    async def quiet(self) -> None:
        await self.door.app.state.ledger.flush()


def infer(path: str) -> Callable[[Scoring, Who | None], Awaitable[Call]]:
    async def case(world: Scoring, who: Who | None) -> Call:
        return Call("POST", path, content=json.dumps(tensor(np.zeros((1, 3)))).encode())

    return case


cases.on("infer_model")(infer(f"{MODEL}/infer"))
cases.on("infer_model_version")(infer(f"{MODEL}/versions/1/infer"))


async def test_every_cell(open_door: Callable[..., Awaitable[ScoringDoor]], headers: Headers) -> None:
    door = await open_door()
    model = await door.release(linear())
    for client in ("requester.asker", "worker.asker"):
        await door.grant(model, client=client)
    door.client.app = door.app  # type: ignore[attr-defined]
    found = await mismatches(Scoring(door.client, headers, door), rows("scoring"), cases)
    assert not found, "\n".join(found)


async def test_a_missing_check_is_seen(
    open_door: Callable[..., Awaitable[ScoringDoor]], headers: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge is judged: without the question for membership the cells of a body that never joined fail."""

    async def unasked(*_: object) -> None:
        return None

    monkeypatch.setattr("shared.http.check_member", unasked)
    door = await open_door()
    await door.grant(await door.release(linear()), client="requester.asker")
    door.client.app = door.app  # type: ignore[attr-defined]
    table = [row for row in rows("scoring") if row.operation in ("show_model", "infer_model")]
    only = Cases({row.name: cases[row.name] for row in table})
    found = await mismatches(Scoring(door.client, headers, door), table, only)
    assert [what for what in found if "show_model" in what and "whoever@never is refused by the table" in what]
    assert not [what for what in found if "infer_model" in what and "@never" in what], "that one asks by itself"
    assert [what for what in found if "infer_model: worker@asker is let in by the table, but it is 403" in what]
