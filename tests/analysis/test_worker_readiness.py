"""What /analysis/readyz says of the workers: whether any calls, and which layers of the sandbox one lacks."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from services.analysis.models import Sighting
from shared.clock import now
from tests.analysis.centre import Centre
from tests.analysis.examples import DIGEST

METHOD = {"name": "peers", "version": "1.0.0", "digest": DIGEST}


async def workers(centre: Centre) -> tuple[str, dict[str, Any]]:
    told = await centre.client.get("/analysis/readyz")
    assert told.status_code == 200
    (part,) = [part for part in told.json()["parts"] if part["name"] == "workers"]
    return told.json()["status"], part


async def call(centre: Centre, **more: Any) -> int:
    body = {"worker": str(uuid4()), "methods": [METHOD], **more}
    answer = await centre.client.post("/analysis/claims", json=body, headers=centre.headers("worker", "centre"))
    return int(answer.status_code)


async def test_no_worker_and_workers_with_every_layer_are_ready(live_centre: Centre) -> None:
    assert (await workers(live_centre))[1] == {"name": "workers", "state": "ready", "detail": "no worker has called lately"}
    assert await call(live_centre, missing_layers=[]) == await call(live_centre, missing_layers=[]) == 204
    assert (await workers(live_centre))[1] == {"name": "workers", "state": "ready", "detail": None}


async def test_missing_layers_are_named_as_long_as_the_worker_calls(live_centre: Centre) -> None:
    assert await call(live_centre, missing_layers=["landlock", "seccomp"]) == await call(live_centre, missing_layers=[]) == 204
    status, part = await workers(live_centre)
    assert (status, part["state"]) == ("degraded", "degraded")
    assert part["detail"] == "1 of 2 workers lack layers of the sandbox: landlock, seccomp"
    async with live_centre.client.app.state.db.transaction() as session:
        await session.execute(update(Sighting).values(seen_at=now() - timedelta(hours=1)))
    assert (await workers(live_centre))[1]["state"] == "ready"


async def test_a_worker_that_does_not_say_its_layers_is_not_taken_for_one_that_has_them(live_centre: Centre) -> None:
    assert await call(live_centre) == await call(live_centre, missing_layers=[]) == 204
    detail = "1 of 2 workers do not say which layers of the sandbox they have"
    assert (await workers(live_centre))[1] == {"name": "workers", "state": "ready", "detail": detail}
    assert await call(live_centre, missing_layers=["seccomp"]) == 204
    told = "1 of 3 workers lack layers of the sandbox: seccomp; 1 of 3 workers do not say which layers of the sandbox they have"
    assert (await workers(live_centre))[1] == {"name": "workers", "state": "degraded", "detail": told}


@pytest.mark.parametrize("layers", [["<script>"], ["a" * 41], ["landlock"] * 11, "landlock", [1]])
async def test_other_names_are_refused(live_centre: Centre, layers: object) -> None:
    assert await call(live_centre, missing_layers=layers) == 422
    assert (await workers(live_centre))[1]["detail"] == "no worker has called lately"
