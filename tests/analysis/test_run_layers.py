"""Which layers of the sandbox a run had around it: said with the claim, kept with the run, shown to an auditor."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn

from services.analysis.models import RunStatus
from tests.analysis.centre import Centre
from tests.analysis.examples import METHOD, approved, card
from tests.analysis.worker_methods import METADATA
from tests.analysis.worker_process import WorkerProcess

pytestmark = pytest.mark.heavy

DENY = "from services.analysis.worker import landlock\nlandlock.version = lambda: 0\n"
PEERS = f"""
from services.analysis.worker.sdk import Outputs
from shared.contracts import MethodCard

CARD = MethodCard.model_validate_json({card().model_dump_json()!r})

def run(bundle, report):
    words = {{"ko": "지역", "en": "Region"}}
    columns = [{{"name": "region", "title": words, "kind": "dimension"}}]
    return Outputs({{"by_region": {{"name": "by_region", "title": words, "columns": columns, "rows": []}}}})
"""
Start = Callable[[bool], WorkerProcess]


async def shown(centre: Centre, run_id: UUID, role: str = "auditor") -> dict[str, Any]:
    answer = await centre.client.get(f"/analysis/runs/{run_id}", headers=centre.headers(role, "mois"))
    assert answer.status_code == 200
    return dict(answer.json())


async def claim(centre: Centre, **more: Any) -> dict[str, Any]:
    body = {"worker": str(uuid4()), "methods": [METHOD.model_dump(mode="json")], **more}
    answer = await centre.client.post("/analysis/claims", json=body, headers=centre.headers("worker", "centre"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def give_back(centre: Centre, told: dict[str, Any]) -> None:
    body = {"outcome": "cancelled", "reason": {"code": "cancelled", "detail": "It stops."}, "artefacts": []}
    headers = {"Authorization": f"Bearer {told['token']}"}
    assert (await centre.client.post(f"/analysis/runs/{told['run_id']}/finish", json=body, headers=headers)).status_code == 200


async def audited(centre: Centre, run_id: UUID) -> list[Any]:
    headers = centre.headers("auditor", "mois")
    answer = await centre.client.get("/analysis/audit", params={"subject": f"run/{run_id}"}, headers=headers)
    claims = [entry for entry in answer.json()["items"] if entry["action"] == "analysis.claim-run"]
    return [json.loads(entry["detail"])["missing_layers"] for entry in reversed(claims)]


async def test_a_run_shows_what_the_worker_that_has_it_lacks(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    assert (await shown(live_centre, run_id))["missing_layers"] is None
    said: list[dict[str, Any]] = [{"missing_layers": ["landlock", "seccomp"]}, {"missing_layers": []}, {}]
    expected = [one.get("missing_layers") for one in said]
    for layers, one in zip(expected, said, strict=True):
        told = await claim(live_centre, **one)
        assert (await shown(live_centre, run_id))["missing_layers"] == layers
        await give_back(live_centre, told)
        assert (await shown(live_centre, run_id))["missing_layers"] == layers
    assert await audited(live_centre, run_id) == expected


@pytest.fixture
async def start_worker(centre: Centre, tmp_path: Path) -> AsyncIterator[Start]:
    """A worker process that hosts the method, on the service behind a real socket; without Landlock if told so."""
    server = uvicorn.Server(uvicorn.Config(centre.client.app, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    methods = tmp_path / "methods"
    about = methods / "peers-1.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text("[dure.methods]\npeers = peers_method\n")
    (methods / "peers_method.py").write_text(PEERS)
    workers: list[WorkerProcess] = []

    def start(denied: bool) -> WorkerProcess:
        (methods / "sitecustomize.py").write_text(DENY if denied else "")
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        token = centre.headers("worker", "centre")["Authorization"].removeprefix("Bearer ")
        workers.append(WorkerProcess(url, tmp_path / f"worker{len(workers)}", methods, token, hosted=["peers"]))
        return workers[-1]

    yield start
    for worker in workers:
        await asyncio.to_thread(worker.end)
    server.should_exit = True
    await serving


async def announced_digest(centre: Centre, worker: WorkerProcess) -> str:
    assert await asyncio.to_thread(worker.ready) == ["peers@1.0.0"]
    answer = await centre.client.get("/analysis/methods/peers/1.0.0", headers=centre.headers("method-reviewer", "mois"))
    assert answer.status_code == 200
    return str(answer.json()["digest"])


async def test_a_worker_says_of_each_run_what_was_missing_around_it(centre: Centre, start_worker: Start) -> None:
    for denied, layers in ((True, ["landlock"]), (False, [])):
        worker = start_worker(denied)
        method = METHOD.model_copy(update={"digest": await announced_digest(centre, worker)})
        if denied:
            for ministry in ("mois", "moel"):
                assert (await centre.review(ministry)).status_code == 201
        run_id = await centre.approve(approved(method=method))  # the worker may have it before anybody looks
        run = await centre.until(run_id, RunStatus.SUCCEEDED, RunStatus.FAILED, seconds=150)
        assert (run.status, run.reason) == (RunStatus.SUCCEEDED, None)
        assert (await shown(centre, run_id))["missing_layers"] == layers
        await asyncio.to_thread(worker.end)
