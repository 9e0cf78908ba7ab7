"""Embedded, and with the door as a fifth process: a model, a grant that is asked for and decided over HTTP, and scores."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.installation import settings
from deploy.running import Embedded, Program, Separate, as_text, free_port, wait_ready
from deploy.tokens import mint
from services.analysis import actions
from services.analysis.models import PLUMBING, Base
from shared.clock import now
from shared.contracts import MethodRef, ModelFormat, ModelRef
from shared.db import Database
from shared.storage import Storage
from tests.analysis.scoring import BASE, NAME, expected, linear, tensor
from tests.e2e.conftest import mode, slow, started

pytestmark = pytest.mark.heavy

ROWS = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]
PATH = f"{BASE}/v2/models/{NAME}/infer"
KIM = ("requester", "mohw", "kim")
CLIENT = ("requester", "mohw", "visit-planner.mohw")
YOON, LIM = ("method-reviewer", "kostat", "yoon"), ("steward", "mss", "lim")


@dataclass
class Place:
    """A running suite: where its analysis service and its door answer, and what they stand on."""

    folder: Path
    analysis: str
    door: str
    database: str

    def url(self, path: str) -> str:
        return (self.door if path.startswith(f"{BASE}/") else self.analysis) + path


@pytest.fixture(params=[mode("embedded"), slow("rabbitmq-postgres")])
def suite(request: pytest.FixtureRequest, tmp_path: Path, cards: Path) -> Iterator[Place]:
    with started(request.param, tmp_path / "suite", cards, []) as running:
        values = settings(running.folder, "http://127.0.0.1")["analysis"]
        if isinstance(running, Embedded):
            yield Place(running.folder, running.url, running.url, values["database_url"])
            return
        door, url = fifth(running, values)
        door.start()
        try:
            wait_ready(door, f"{url}{BASE}/v2/health/ready", tell=lambda _: None)
            yield Place(running.folder, running.urls["analysis"], url, running.databases["analysis"])
        finally:
            door.stop()


def fifth(running: Separate, values: dict[str, Any]) -> tuple[Program, str]:
    """The door as a program of its own, on the analysis service's database, and its address."""
    port = free_port()
    told = values | {"database_url": running.databases["analysis"]}
    names = ("database_url", "storage_url", "jwks", "issuer", "audience")
    environment = {f"SCORING_{name.upper()}": as_text(told[name]) for name in names}
    arguments = ["-m", "uvicorn", "--factory", "services.analysis.scoring.app:main", "--port", str(port), "--no-access-log"]
    return Program("door", arguments, running.folder / "door.log", environment), f"http://127.0.0.1:{port}"


def call(suite: Place, who: tuple[str, str, str], path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {mint(suite.folder, *who)}"}
    verb = "GET" if body is None else "POST"
    return httpx.request(verb, suite.url(path), json=body, headers=headers, timeout=60, trust_env=False)


async def release(suite: Place) -> UUID:
    """As a reviewed model is released."""
    stored = await Storage(settings(suite.folder, "http://127.0.0.1")["analysis"]["storage_url"]).put_bytes(
        linear(), "application/octet-stream"
    )
    method = MethodRef(name="shop_closures", version="1.0.0", digest="ab" * 32)
    model = ModelRef(model_id=uuid4(), name="risk_model", method=method, format=ModelFormat.ONNX, object=stored)
    db = Database(suite.database, Base.metadata, PLUMBING, "analysis")
    async with db.transaction() as session:
        await actions.keep_released_model(session, model, "mss")
    await db.close()
    return model.model_id


def wait_for(look: Any, wanted: Any) -> None:
    end = time.monotonic() + 30
    while (found := look()) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_from_the_grant_to_the_score(suite: Place) -> None:
    assert call(suite, CLIENT, PATH, tensor(ROWS)).status_code == 404
    asked = {
        "model_id": str(asyncio.run(release(suite))), "client": "visit-planner.mohw", "purpose": "Ranks visits.",
        "legal_basis": "Act, article 12", "valid_from": (now() - timedelta(days=1)).isoformat(),
        "valid_until": (now() + timedelta(days=90)).isoformat(), "rows_per_day": 100,
    }  # fmt: skip
    grant = call(suite, KIM, "/analysis/grants", asked).json()
    assert call(suite, CLIENT, PATH, tensor(ROWS)).status_code == 403
    for reviewer in (YOON, LIM):
        answer = call(suite, reviewer, f"/analysis/grants/{grant['id']}/reviews", {"verdict": "approve", "reason": "Read."})
        assert answer.status_code == 201, answer.text
    scored = call(suite, CLIENT, PATH, tensor(ROWS))
    assert scored.json()["outputs"][0]["data"] == expected(ROWS).ravel().tolist()
    wait_for(lambda: call(suite, KIM, f"/analysis/grants/{grant['id']}").json()["rows_today"], len(ROWS))
    assert call(suite, KIM, f"/analysis/grants/{grant['id']}/revoke", {"reason": "It has ended."}).status_code == 200
    wait_for(lambda: call(suite, CLIENT, PATH, tensor(ROWS)).status_code, 403)
    for path, title in (("/analysis", "Dure analysis"), (BASE, "Dure scoring")):
        assert httpx.get(suite.url(f"{path}/openapi.json"), trust_env=False).json()["info"]["title"] == title
        assert httpx.get(suite.url(f"{path}/docs"), trust_env=False).status_code == 200
    for path in ("/analysis/scoringx", "/scoring/v2", f"{BASE}/nothing", BASE):
        assert httpx.get(suite.url(path), trust_env=False).status_code == 404, path
