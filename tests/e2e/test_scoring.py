"""The embedded suite end to end: a model, a grant that is asked for and decided over HTTP, and scores at the same address."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.installation import settings
from deploy.running import Embedded, wait_ready
from deploy.tokens import mint
from services.analysis import actions
from services.analysis.models import PLUMBING, Base
from shared.clock import now
from shared.contracts import MethodRef, ModelFormat, ModelRef
from shared.db import Database
from shared.storage import Storage
from tests.analysis.scoring import BASE, NAME, expected, linear, tensor

ROWS = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]
PATH = f"{BASE}/v2/models/{NAME}/infer"
KIM = ("requester", "mohw", "kim")
CLIENT = ("requester", "mohw", "visit-planner.mohw")
YOON, LIM = ("method-reviewer", "kostat", "yoon"), ("steward", "kosis", "lim")


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Embedded]:
    suite = Embedded(tmp_path / "suite")
    suite.suite.start()
    try:
        wait_ready(suite.suite, f"{suite.url}/results/readyz", tell=lambda _: None)
        yield suite
    finally:
        suite.suite.stop()


def call(suite: Embedded, who: tuple[str, str, str], path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {mint(suite.folder, *who)}"}
    verb = "GET" if body is None else "POST"
    return httpx.request(verb, f"{suite.url}{path}", json=body, headers=headers, timeout=60, trust_env=False)


async def release(folder: Path) -> UUID:
    """As a reviewed model is released."""
    values = settings(folder, "http://127.0.0.1")["analysis"]
    stored = await Storage(values["storage_url"]).put_bytes(linear(), "application/octet-stream")
    method = MethodRef(name="shop_closures", version="1.0.0", digest="ab" * 32)
    model = ModelRef(model_id=uuid4(), name="risk_model", method=method, format=ModelFormat.ONNX, object=stored)
    db = Database(values["database_url"], Base.metadata, PLUMBING, "analysis")
    async with db.transaction() as session:
        await actions.keep_released_model(session, model, "kosis")
    await db.close()
    return model.model_id


def wait_for(look: Any, wanted: Any) -> None:
    end = time.monotonic() + 30
    while (found := look()) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_from_the_grant_to_the_score(suite: Embedded) -> None:
    assert call(suite, CLIENT, PATH, tensor(ROWS)).status_code == 404
    asked = {
        "model_id": str(asyncio.run(release(suite.folder))), "client": "visit-planner.mohw", "purpose": "Ranks visits.",
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
        assert httpx.get(f"{suite.url}{path}/openapi.json", trust_env=False).json()["info"]["title"] == title
        assert httpx.get(f"{suite.url}{path}/docs", trust_env=False).status_code == 200
    for path in ("/analysis/scoringx", "/scoring/v2", f"{BASE}/nothing", BASE):
        assert httpx.get(f"{suite.url}{path}", trust_env=False).status_code == 404, path
