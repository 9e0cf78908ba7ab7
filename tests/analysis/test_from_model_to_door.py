"""A model that a run trained is released by two reviewers, granted, and answers at the door as its estimator does."""

import json
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from services.analysis.methods.toolkit.export import open_session
from tests.analysis import models
from tests.analysis.centre import Centre
from tests.analysis.scoring import BASE, ScoringDoor
from tests.analysis.test_models import released, trained, trainer, withdraw

__all__ = ["trainer"]
NAME = "peers.scorer"


async def test_from_the_run_that_trained_it_to_the_score(
    trainer: Centre, open_door: Callable[..., Awaitable[ScoringDoor]]
) -> None:
    state = trainer.client.app.state
    door = await open_door(database_url=state.settings.database_url, storage_url=state.settings.storage_url)
    model_id = await released(trainer)
    await door.grant(model_id)
    told = (await door.client.get(f"{BASE}/v2/models/{NAME}", headers=door.headers)).json()
    (wanted,) = told["inputs"]
    rows = models.table()[0][:200]
    values = [None if np.isnan(value) else float(value) for value in rows.ravel()]
    tensor = {"name": wanted["name"], "shape": list(rows.shape), "datatype": wanted["datatype"], "data": values}
    answer = await door.infer({"inputs": [tensor]}, name=NAME)
    assert answer.status_code == 200, answer.text
    given = {output["name"]: output for output in answer.json()["outputs"]}
    score = np.reshape(given["probabilities"]["data"], given["probabilities"]["shape"])
    session = open_session(trained())
    expected = session.run(["probabilities"], {session.get_inputs()[0].name: rows})[0]
    assert score == pytest.approx(expected, abs=1e-6)
    assert (await withdraw(trainer, model_id)).status_code == 200
    door.forget()
    gone = await door.infer({"inputs": [tensor]}, name=NAME)
    assert gone.status_code == 410, gone.text
    assert "error" in json.loads(gone.content)
