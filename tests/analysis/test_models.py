"""The registry of trained models: registered with the run, reviewed by two bodies, released, withdrawn."""

import hashlib
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sqlalchemy import update
from sqlmodel import col, select

from services.analysis import policy, queries
from services.analysis.models import MODEL_TRANSITIONS, Model, ModelState, RunStatus, Withdrawn
from shared.contracts import (
    DatasetWithdrawn,
    MethodCard,
    ModelFormat,
    ModelLineage,
    ModelManifest,
    ModelReleased,
    ModelWithdrawn,
    RequestApproved,
    RequestWithdrawn,
    ResultRecalled,
    ResultWithheld,
    RunFinished,
    TrainedBy,
)
from shared.errors import Conflict
from shared.ids import new_id
from tests.analysis import models
from tests.analysis.centre import Centre, Claim
from tests.analysis.examples import DIGEST, METHOD, approved, both, card

BYTES = "application/octet-stream"
OUTPUTS = [
    {"name": "by_region", "kind": "table", "title": both("지역별")},
    {"name": "scorer", "kind": "model", "title": both("모형")},
]


@cache
def trained(**lineage: Any) -> bytes:
    model = models.fitted(HistGradientBoostingClassifier(max_iter=5, random_state=0))
    return models.exported(model, method=TrainedBy(name="peers", version="1.0.0"), lineage=ModelLineage(**lineage))


def training_card(**changes: Any) -> MethodCard:
    return card(outputs=OUTPUTS, **changes)


@pytest.fixture
async def trainer(centre: Centre) -> Centre:
    """A method that trains a model is live."""
    await centre.make_live(training_card())
    return centre


async def claimed(centre: Centre, event: RequestApproved | None = None) -> Claim:
    await centre.prepared(event)
    claim = await centre.worker().claim(wait=10)
    assert claim is not None
    return claim


async def put_model(claim: Claim, data: bytes) -> Any:
    return await claim.put("model", "scorer", data, BYTES)


async def train(centre: Centre, event: RequestApproved | None = None, data: bytes | None = None) -> UUID:
    """A run hands in a model and succeeds. Returns the id of the model."""
    claim = await claimed(centre, event)
    put = await put_model(claim, data or trained())
    assert put.status_code == 201, put.text
    done = await claim.finish(artefacts=[{"kind": "model", "name": "scorer", "sha256": put.json()["sha256"]}])
    assert done.json()["status"] == "succeeded", done.text
    async with centre.client.app.state.db.reading() as session:
        return (await session.exec(select(Model.id).where(col(Model.run_id) == UUID(claim.told["run_id"])))).one()


async def show(centre: Centre, model_id: UUID, role: str = "method-reviewer", ministry: str = "mois") -> Any:
    return await centre.client.get(f"/analysis/models/{model_id}", headers=centre.headers(role, ministry))


async def review(centre: Centre, model_id: UUID, ministry: str, verdict: str = "approve", **who: Any) -> Any:
    extra = who.pop("also", {})
    headers = centre.headers(who.pop("role", "method-reviewer"), ministry, **who) | extra
    body = {"verdict": verdict, "reason": "Looked at it."}
    return await centre.client.post(f"/analysis/models/{model_id}/reviews", json=body, headers=headers)


async def released(centre: Centre, event: RequestApproved | None = None) -> UUID:
    model_id = await train(centre, event)
    assert (await review(centre, model_id, "mois")).status_code == 201
    assert (await review(centre, model_id, "moel")).json()["state"] == "released"
    return model_id


async def withdraw(centre: Centre, model_id: UUID, role: str = "centre-analyst", ministry: str = "centre") -> Any:
    headers = centre.headers(role, ministry)
    return await centre.client.post(f"/analysis/models/{model_id}/withdraw", json={"reason": "A wrong year."}, headers=headers)


async def row(centre: Centre, model_id: UUID) -> Model:
    async with centre.client.app.state.db.reading() as session:
        return (await session.exec(select(Model).where(col(Model.id) == model_id))).one()


# Registered with the run


async def test_a_model_is_registered_with_where_it_comes_from(trainer: Centre) -> None:
    event = approved()
    model_id = await train(trainer, event)

    told = (await show(trainer, model_id)).json()

    assert (told["state"], told["format"], told["task"], told["name"]) == ("registered", "onnx", "classification", "scorer")
    assert told["method"] == {"name": "peers", "version": "1.0.0", "digest": DIGEST}
    run_id = await trainer.run_of(event.brief.request_id)
    lineage = told["lineage"]
    assert (lineage["run_id"], lineage["request_id"]) == (str(run_id), str(event.brief.request_id))
    assert lineage["sha256"] == hashlib.sha256(trained()).hexdigest()
    assert [(each["dataset_id"], each["sha256"], each["role"]) for each in lineage["datasets"]] == [
        (str(each.dataset_id), each.object.sha256, each.role) for each in event.inputs
    ]
    manifest = ModelManifest.model_validate(told["manifest"])
    assert (manifest.method.digest, manifest.lineage.run_id) == (DIGEST, run_id)
    assert set(manifest.lineage.dataset_ids) == {each.dataset_id for each in event.inputs}
    assert told["metrics"] == models.METRICS
    assert await trainer.storage.exists(lineage["sha256"])
    assert await trainer.said(ModelReleased) == []


async def test_a_model_counts_only_if_its_run_succeeds(trainer: Centre) -> None:
    claim = await claimed(trainer)
    await put_model(claim, trained())
    assert (await claim.finish("failed", reason={"code": "method-crashed", "detail": "It stopped."})).status_code == 200
    listed = await trainer.client.get("/analysis/models", headers=trainer.headers("method-reviewer", "mois"))
    assert listed.json()["items"] == []


async def test_a_hostile_file_is_refused_and_nothing_of_it_is_kept(trainer: Centre) -> None:
    claim = await claimed(trainer)
    hostile = trained()[:-100]
    answer = await put_model(claim, hostile)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] in ("malformed", "manifest-missing")
    assert not await trainer.storage.exists(hashlib.sha256(hostile).hexdigest())
    named = [{"kind": "model", "name": "scorer", "sha256": hashlib.sha256(hostile).hexdigest()}]
    assert (await claim.finish(artefacts=named)).status_code == 422
    assert (await put_model(claim, trained())).status_code == 201


async def test_a_model_of_another_method_or_run_is_refused(trainer: Centre) -> None:
    claim = await claimed(trainer)
    model = models.fitted(HistGradientBoostingClassifier(max_iter=2, random_state=0))
    ours = TrainedBy(name="peers", version="1.0.0")
    lies: list[tuple[dict[str, Any], str]] = [
        ({"method": ours.model_copy(update={"version": "9.9.9"})}, "other-method"),
        ({"method": ours.model_copy(update={"digest": "00" * 32})}, "other-method"),
        ({"method": ours, "lineage": ModelLineage(run_id=uuid4())}, "other-run"),
    ]
    for manifest, code in lies:
        answer = await put_model(claim, models.exported(model, **manifest))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)


async def test_a_model_that_is_too_large_is_refused(open_centre: Any) -> None:
    centre = await open_centre(model_limit=1000)
    await centre.make_live(training_card())
    answer = await put_model(await claimed(centre), trained())
    assert (answer.status_code, answer.json()["limit_bytes"]) == (413, 1000)


# Reviewed


async def test_two_reviewers_of_two_bodies_release_a_model(trainer: Centre) -> None:
    model_id = await train(trainer)
    first = await review(trainer, model_id, "mois")
    assert (first.status_code, first.json()["state"]) == (201, "registered")
    assert "mois" in first.json()["waiting"]
    assert await trainer.said(ModelReleased) == []

    second = (await review(trainer, model_id, "moel")).json()

    assert (second["state"], second["waiting"]) == ("released", None)
    assert [each["ministry"] for each in second["reviews"]] == ["mois", "moel"]
    said = await trainer.said(ModelReleased)
    stored = await row(trainer, model_id)
    assert said == [ModelReleased(model=stored.ref, run_id=stored.run_id, ministry="mohw")]
    assert (stored.ref.format, stored.ref.method) == (ModelFormat.ONNX, METHOD)


async def test_who_may_not_review(trainer: Centre) -> None:
    model_id = await train(trainer)
    own = await review(trainer, model_id, "mohw", role="requester,method-reviewer", subject="requester.mohw")
    assert (own.status_code, own.json()["right"]) == (403, "another reviewer")
    announcer = await review(trainer, model_id, "centre", role="worker,method-reviewer", subject="worker.centre")
    assert (announcer.status_code, announcer.json()["right"]) == (403, "another reviewer")
    analyst = await review(trainer, model_id, "centre", role="centre-analyst")
    assert (analyst.status_code, analyst.json()["right"]) == (403, "method-reviewer")
    stranger = await review(trainer, model_id, "moel", role="steward")
    assert stranger.status_code == 404
    nothing = await review(trainer, uuid4(), "moel")
    assert nothing.status_code == 404
    assert (await review(trainer, model_id, "mois", subject="kim")).status_code == 201
    for ministry, subject in (("mois", "kim"), ("mois", "lee"), ("moel", "kim")):
        assert (await review(trainer, model_id, ministry, subject=subject)).status_code == 409
    assert await trainer.said(ModelReleased) == []


async def test_a_rejected_model_is_never_released(trainer: Centre) -> None:
    model_id = await train(trainer)
    rejected = (await review(trainer, model_id, "mois", "reject")).json()
    assert rejected["state"] == "registered"
    assert "never released" in rejected["waiting"]
    assert (await review(trainer, model_id, "moel")).status_code == 409


async def test_a_review_of_an_older_reading_is_refused(trainer: Centre) -> None:
    model_id = await train(trainer)
    read = {"If-Match": (await show(trainer, model_id)).headers["ETag"]}
    assert (await review(trainer, model_id, "mois", also=read)).status_code == 201
    assert (await review(trainer, model_id, "moel", also=read)).status_code == 412


async def test_a_review_that_says_nothing_is_refused(trainer: Centre) -> None:
    headers = trainer.headers("method-reviewer", "mois")
    for body in ({}, {"verdict": "maybe", "reason": "r"}, {"verdict": "approve", "reason": ""}, {"more": 1}):
        answer = await trainer.client.post(f"/analysis/models/{new_id()}/reviews", json=body, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["errors"]


async def test_who_sees_which_model_and_how_much_of_it(trainer: Centre) -> None:
    model_id = await train(trainer)
    before = {
        ("method-reviewer", "mois"): 200,
        ("centre-analyst", "centre"): 200,
        ("auditor", "bai"): 200,
        ("ops", "centre"): 200,
        ("requester", "mohw"): 200,
        ("requester", "moel"): 404,
        ("steward", "mohw"): 404,
    }
    for (role, ministry), status in before.items():
        answer = await show(trainer, model_id, role, ministry)
        assert answer.status_code == status, role
        listed = await trainer.client.get("/analysis/models", headers=trainer.headers(role, ministry))
        assert len(listed.json()["items"]) == (status == 200), role
        if status == 200:
            assert (answer.json()["manifest"] is not None) == (role in ("method-reviewer", "centre-analyst")), role
    await review(trainer, model_id, "mois")
    await review(trainer, model_id, "moel")
    other = (await show(trainer, model_id, "requester", "moel")).json()
    assert other["metrics"] == models.METRICS
    manifest = ModelManifest.model_validate(other["manifest"])
    assert manifest.reference.features == {}
    assert all(feature.categories == () for feature in manifest.features)
    judged = ModelManifest.model_validate((await show(trainer, model_id)).json()["manifest"])
    assert judged.features == models.FEATURES
    assert judged.reference.score is not None


async def test_filters_and_actions(trainer: Centre) -> None:
    model_id = await train(trainer)
    headers = trainer.headers("method-reviewer", "motie")
    for query, found in (("state=registered", 1), ("state=released", 0), ("method=peers", 1), ("method=other", 0)):
        listed = (await trainer.client.get(f"/analysis/models?{query}", headers=headers)).json()["items"]
        assert len(listed) == found
    assert (await show(trainer, model_id)).json()["actions"] == ["review"]
    assert (await show(trainer, model_id, "requester", "mohw")).json()["actions"] == ["withdraw"]
    assert (await show(trainer, model_id, "auditor", "bai")).json()["actions"] == []


# Withdrawn


async def test_who_may_withdraw(trainer: Centre) -> None:
    model_id = await released(trainer)
    assert (await withdraw(trainer, model_id, "requester", "moel")).status_code == 403
    assert (await withdraw(trainer, model_id, "method-reviewer", "mois")).status_code == 403
    done = await withdraw(trainer, model_id, "requester", "mohw")
    assert (done.status_code, done.json()["state"], done.json()["withdrawn_reason"]) == (200, "withdrawn", "A wrong year.")
    assert await trainer.said(ModelWithdrawn) == [ModelWithdrawn(model_id=model_id, reason="A wrong year.")]
    assert (await withdraw(trainer, model_id)).status_code == 409
    assert (await review(trainer, model_id, "motie")).status_code == 409
    assert (await show(trainer, model_id, "requester", "moel")).status_code == 200


GONE = {
    "withheld": lambda event: ResultWithheld(result_id=new_id(), request_id=event.brief.request_id, reason="Too small."),
    "recalled": lambda event: ResultRecalled(
        result_id=new_id(), request_id=event.brief.request_id, ministry="mohw", audience=event.brief.audience, reason="Wrong."
    ),
    "request": lambda event: RequestWithdrawn(request_id=event.brief.request_id, ministry="mohw", reason="Not needed."),
    "dataset": lambda event: DatasetWithdrawn(dataset_id=event.inputs[1].dataset_id, ministry="motie", reason="Wrong."),
}


@pytest.mark.parametrize(("what", "already"), [*((what, True) for what in GONE), ("withheld", False), ("dataset", False)])
async def test_a_model_goes_with_what_it_stands_on(trainer: Centre, what: str, already: bool) -> None:
    event = approved()
    model_id = await (released if already else train)(trainer, event)
    other = await released(trainer, approved())

    await trainer.hear(GONE[what](event))
    await trainer.hear(GONE[what](event))

    assert (await row(trainer, model_id)).state is ModelState.WITHDRAWN
    assert (await row(trainer, other)).state is ModelState.RELEASED
    assert [each.model_id for each in await trainer.said(ModelWithdrawn)] == [model_id]
    assert (await review(trainer, model_id, "motie")).status_code == 409


async def test_a_model_goes_with_the_version_that_trained_it(trainer: Centre) -> None:
    model_id = await released(trainer)
    headers = trainer.headers("centre-analyst", "centre")
    url = "/analysis/methods/peers/1.0.0/withdraw"
    assert (await trainer.client.post(url, json={"reason": "A unit."}, headers=headers)).status_code == 200
    assert (await row(trainer, model_id)).state is ModelState.WITHDRAWN


@pytest.mark.parametrize("state", ["new", "dead"])
async def test_nothing_is_released_while_a_withdrawal_waits_or_is_dead(trainer: Centre, state: str) -> None:
    model_id = await train(trainer)
    await review(trainer, model_id, "mois")
    await trainer.hear(DatasetWithdrawn(dataset_id=uuid4(), ministry="motie", reason="Wrong."))
    inbox = trainer.client.app.state.db.tables.inbox
    stuck = update(inbox).where(inbox.c.type == DatasetWithdrawn.type)
    async with trainer.client.app.state.db.transaction() as session:
        await session.execute(stuck.values(state=state, due_at=None))
    answer = await review(trainer, model_id, "moel")
    assert answer.status_code == 409
    assert "withdrawal waits" in answer.json()["detail"]
    async with trainer.client.app.state.db.transaction() as session:
        await session.execute(stuck.values(state="done"))
    assert (await review(trainer, model_id, "moel")).json()["state"] == "released"


# Champion


def scored_with(model: Model, **changes: Any) -> RequestApproved:
    return approved(**changes).model_copy(update={"champion": model.ref})


async def test_a_run_is_scored_with_a_released_model_only(trainer: Centre) -> None:
    model_id = await train(trainer)
    registered = await row(trainer, model_id)
    refused = await trainer.row(await trainer.approve(scored_with(registered)))
    assert refused.reason and refused.reason["code"] == "model-not-released"
    await review(trainer, model_id, "mois")
    await review(trainer, model_id, "moel")
    run = await trainer.row(await trainer.prepared(scored_with(registered)))
    assert run.champion_id == model_id
    other = registered.ref.model_copy(update={"object": registered.ref.object.model_copy(update={"sha256": "00" * 32})})
    changed = await trainer.row(await trainer.approve(approved().model_copy(update={"champion": other})))
    assert changed.reason and changed.reason["code"] == "model-not-released"


async def test_withdrawing_a_champion_ends_the_runs_that_wait_for_it(trainer: Centre) -> None:
    model_id = await released(trainer)
    model = await row(trainer, model_id)
    waiting = await trainer.prepared(scored_with(model))
    other = await trainer.prepared(approved())
    assert (await withdraw(trainer, model_id)).status_code == 200
    run = await trainer.row(waiting)
    assert (run.status, run.reason and run.reason["code"]) == (RunStatus.FAILED, "model-withdrawn")
    assert (await trainer.row(other)).status is RunStatus.PREPARED
    later = await trainer.row(await trainer.approve(scored_with(model)))
    assert later.reason and later.reason["code"] == "model-withdrawn"


async def test_what_a_run_was_scored_with_is_said_when_it_ends(trainer: Centre) -> None:
    model_id = await released(trainer)
    claim = await claimed(trainer, scored_with(await row(trainer, model_id)))
    assert (await claim.succeed()).status_code == 200
    finished = await trainer.said(RunFinished)
    assert [each.champion_id for each in finished if isinstance(each, RunFinished)] == [None, model_id]


async def test_the_file_of_a_model_outlives_the_bundle_that_held_it(trainer: Centre) -> None:
    model_id = await released(trainer)
    model = await row(trainer, model_id)
    claim = await claimed(trainer, scored_with(model))
    run_id = UUID(claim.told["run_id"])
    async with trainer.client.app.state.db.transaction() as session:
        run = await trainer.row(run_id)
        files = [*(run.bundle or {})["files"], {"name": "champion.model", **model.ref.object.model_dump()}]
        run.bundle = (run.bundle or {}) | {"files": files}
        session.add(run)
    await claim.succeed()
    await trainer.until_cleared(run_id)
    assert await trainer.storage.exists(model.sha256)
    assert not await trainer.storage.exists(files[0]["sha256"])


async def test_files_of_models_are_known(trainer: Centre) -> None:
    sha256 = (await row(trainer, await train(trainer))).sha256
    async with trainer.client.app.state.db.reading() as session:
        assert await queries.files_of_models(session, [sha256, "00" * 32]) == {sha256}


# Tables


@pytest.mark.parametrize("here", ModelState)
@pytest.mark.parametrize("there", ModelState)
def test_every_pair_of_model_states(here: ModelState, there: ModelState) -> None:
    values: dict[str, Any] = {"state": here}
    model = Model(**values)
    if there in MODEL_TRANSITIONS[here]:
        policy.check_model_move(model, there)
    else:
        with pytest.raises(Conflict):
            policy.check_model_move(model, there)


def test_every_withdrawal_has_an_ending() -> None:
    from services.analysis.actions.endings import WITHDRAWN

    assert set(WITHDRAWN) == set(Withdrawn)
