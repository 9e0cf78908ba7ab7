"""From one round to the next: a model is trained, released, named by another request, and carried to its bundle."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from services.analysis.models import RunStatus
from services.requests.models import PLUMBING, AnalysisRequest, Base, Status
from shared.contracts import (
    Event,
    MethodLive,
    ModelReleased,
    ModelWithdrawn,
    RequestApproved,
    RunFinished,
    StoredObject,
)
from shared.db import Database
from shared.ids import new_id
from tests.analysis.centre import Centre
from tests.analysis.examples import METER_TABLE, METERS_FILE, METHOD, SITES_FILE, SITES_TABLE, approved, stored
from tests.analysis.test_models import review, row, train, training_card, withdraw
from tests.requests.examples import approval, caller, joined, member, published
from tests.requests.house import COUNCIL, House

pytestmark = pytest.mark.fit

OWNER = caller("steward", "motie")
MEMBERS = ("mohw", "motie", *COUNCIL)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The requests service, beside the analysis service and a database of its own."""
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/requests.db", Base.metadata, PLUMBING, "requests")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield House(db)
    await db.close()


async def carry(centre: Centre, house: House, *types: type[Event]) -> None:
    """What the centre said goes to requests, as the bus would bring it."""
    await house.hear(*await centre.said(*types))


async def publish(house: House) -> dict[str, UUID]:
    sites, meters = new_id(), new_id()
    await house.hear(*(joined(code) for code in MEMBERS))
    await house.hear(published(sites, "motie", *SITES_TABLE, object=stored(SITES_FILE)))
    await house.hear(published(meters, "motie", *METER_TABLE, object=stored(METERS_FILE)))
    return {"site": sites, "meter": meters}


async def ask(house: House, datasets: dict[str, UUID], model_id: UUID) -> AnalysisRequest:
    columns = {"site": {"site_no": "site"}, "meter": {}}
    return await house.submit(
        method={"name": METHOD.name, "version": METHOD.version},
        parameters={"peers": 3},
        inputs={role: {"dataset_id": str(id), "columns": columns[role]} for role, id in datasets.items()},
        audience={"kind": "public"},
        champion={"model_id": str(model_id)},
    )


async def approve(house: House, request: AnalysisRequest, datasets: dict[str, UUID]) -> RequestApproved:
    for dataset_id in datasets.values():
        await house.decide(request.id, OWNER, approval(dataset_id))
    for ministry in COUNCIL:
        await house.vote(request.id, member(ministry))
    found = [each for each in await house.said() if isinstance(each, RequestApproved)]
    assert len(found) == 1
    return found[0]


async def test_a_released_model_reaches_the_next_round_and_a_withdrawn_one_does_not(centre: Centre, house: House) -> None:
    await centre.make_live(training_card())
    datasets = await publish(house)
    model_id = await train(centre, approved())
    assert (await review(centre, model_id, "mois")).status_code == 201
    assert (await review(centre, model_id, "moel")).json()["state"] == "released"
    await carry(centre, house, MethodLive, ModelReleased)

    request = await ask(house, datasets, model_id)
    approval_said = await approve(house, request, datasets)

    model = await row(centre, model_id)
    assert approval_said.champion == model.ref
    run_id = await centre.prepared(approval_said)
    run = await centre.row(run_id)
    told = RequestApproved.model_validate(run.approved).champion
    assert (run.champion_id, told) == (model_id, model.ref)
    assert told is not None
    assert StoredObject(sha256=model.sha256, size=model.size, media_type=model.media_type) == told.object
    assert await centre.storage.exists(told.object.sha256)

    claim = await centre.worker().claim(wait=10)
    assert claim is not None
    put = await claim.put()
    assert (await withdraw(centre, model_id)).status_code == 200
    late = await claim.finish(artefacts=[{"kind": "table", "name": "by_region", "sha256": put.json()["sha256"]}])
    assert late.status_code == 409
    ended = await centre.row(run_id)
    assert (ended.status, ended.reason and ended.reason["code"]) == (RunStatus.FAILED, "model-withdrawn")
    last = (await centre.said(RunFinished))[-1]
    assert isinstance(last, RunFinished)
    assert last.champion_id == model_id

    await carry(centre, house, ModelWithdrawn)
    with pytest.raises(Exception, match="champion"):
        await ask(house, datasets, model_id)


async def test_a_request_in_review_comes_back_when_its_champion_goes(centre: Centre, house: House) -> None:
    await centre.make_live(training_card())
    datasets = await publish(house)
    model_id = await train(centre, approved())
    await review(centre, model_id, "mois")
    await review(centre, model_id, "moel")
    await carry(centre, house, MethodLive, ModelReleased)
    request = await ask(house, datasets, model_id)
    await withdraw(centre, model_id, "requester", "mohw")
    await carry(centre, house, ModelWithdrawn)
    assert (await house.look(request.id)).status is Status.RETURNED


async def test_a_second_round_hands_in_its_own_challenger(centre: Centre) -> None:
    """Champion and challenger are two models: withdrawing the old one later leaves the new one."""
    await centre.make_live(training_card())
    first = await train(centre, approved())
    await review(centre, first, "mois")
    await review(centre, first, "moel")
    champion = (await row(centre, first)).ref
    second = await train(centre, approved().model_copy(update={"champion": champion}))
    assert second != first
    assert (await withdraw(centre, first)).status_code == 200
    assert (await row(centre, second)).state == "registered"
    assert (await review(centre, second, "mois")).status_code == 201
    assert (await review(centre, second, "moel")).json()["state"] == "released"
