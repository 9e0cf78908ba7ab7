"""Models on SQLite and on PostgreSQL, and what happens to them at the same time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import col, select

from services.analysis import actions, queries
from services.analysis.app import MIGRATIONS
from services.analysis.methods.toolkit.export import read_manifest
from services.analysis.models import PLUMBING, Base, Model, ModelState, Verdict, Withdrawn
from shared.contracts import ModelReleased, ModelWithdrawn, Outcome, OutputKind, RequestApproved
from shared.db import Database
from shared.paging import PageQuery
from shared.storage import Storage
from tests.analysis.centre import said
from tests.analysis.examples import ANALYST, DIGEST, REQUESTER, WORKER, approved, person
from tests.analysis.test_analysis_databases import Desk
from tests.analysis.test_models import trained, training_card
from tests.databases import migrated


class ModelDesk(Desk):
    """The deeds on models, each in a transaction of its own."""

    async def go_live(self) -> None:
        async with self.db.transaction(caller=WORKER) as session:
            await actions.announce_method(session, WORKER, training_card(), DIGEST)
        for ministry in ("mois", "moel"):
            await self.review(ministry)

    async def train(self, event: RequestApproved) -> UUID:
        await self.prepared(event)
        run = await self.claim()
        assert run is not None
        stored = await self.storage.put_bytes(trained(), "application/octet-stream")
        manifest = read_manifest(trained())
        async with self.db.transaction(caller=WORKER) as session:
            about = (run.id, run.fence, OutputKind.MODEL, "scorer", stored)
            await actions.keep_artefact(session, *about, most=5, manifest=manifest)
        async with self.db.transaction(caller=WORKER) as session:
            named = [(OutputKind.MODEL, "scorer", stored.sha256)]
            await actions.finish_run(session, run.id, run.fence, Outcome.SUCCEEDED, None, named)
        async with self.db.reading() as session:
            return (await session.exec(select(Model.id).where(col(Model.run_id) == run.id))).one()

    async def judge(self, model_id: UUID, ministry: str) -> None:
        reviewer = person("method-reviewer", ministry)
        async with self.db.transaction(caller=reviewer) as session:
            await actions.review_model(session, reviewer, model_id, Verdict.APPROVE, "Looked at it.")

    async def take_back(self, model_id: UUID) -> None:
        async with self.db.transaction(caller=ANALYST) as session:
            await actions.withdraw_model(session, ANALYST, model_id, "A wrong year.")

    async def state(self, model_id: UUID) -> ModelState:
        async with self.db.reading() as session:
            states = await session.exec(select(Model.state).where(col(Model.id) == model_id))
            return ModelState(states.one())

    async def events(self, kind: type[ModelReleased] | type[ModelWithdrawn]) -> int:
        async with self.db.reading() as session:
            return len(await said(session, kind))


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[ModelDesk]:
    await migrated(MIGRATIONS, database_url)
    db = Database(database_url, Base.metadata, PLUMBING, "analysis")
    desk = ModelDesk(db, Storage((tmp_path / "objects").as_uri()), tmp_path)
    await desk.go_live()
    yield desk
    await db.close()


async def test_the_life_of_a_model(desk: ModelDesk) -> None:
    event = approved()
    model_id = await desk.train(event)
    await desk.judge(model_id, "mois")
    await desk.judge(model_id, "moel")
    async with desk.db.reading() as session:
        found, _ = await queries.list_models(session, REQUESTER, PageQuery(), state=ModelState.RELEASED, method="peers")
        model = await queries.get_model(session, REQUESTER, model_id)
        told = await queries.describe_model(session, REQUESTER, model)
    assert [each.id for each in found] == [model_id]
    assert told.lineage.request_id == event.brief.request_id
    scored = approved().model_copy(update={"champion": model.ref})
    run_id = await desk.prepared(scored)
    assert (await desk.run(run_id)).champion_id == model_id
    await desk.take_back(model_id)
    run = await desk.run(run_id)
    assert run.reason is not None
    assert run.reason["code"] == "model-withdrawn"


async def test_two_reviews_at_once_release_a_model_once(desk: ModelDesk) -> None:
    model_id = await desk.train(approved())
    answers = await asyncio.gather(*(desk.judge(model_id, body) for body in ("mois", "moel", "motie")), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 2
    assert await desk.state(model_id) is ModelState.RELEASED
    assert await desk.events(ModelReleased) == 1


async def test_a_release_and_a_withdrawal_of_its_data_at_once_leave_it_withdrawn(desk: ModelDesk) -> None:
    event = approved()
    model_id = await desk.train(event)
    await desk.judge(model_id, "mois")
    await asyncio.gather(
        desk.judge(model_id, "moel"),
        desk.withdraw(Withdrawn.DATASET, str(event.inputs[0].dataset_id)),
        return_exceptions=True,
    )
    assert await desk.state(model_id) is ModelState.WITHDRAWN
    assert await desk.events(ModelWithdrawn) == 1


async def test_withdrawals_at_once_take_a_model_back_once(desk: ModelDesk) -> None:
    event = approved()
    model_id = await desk.train(event)
    await asyncio.gather(
        desk.take_back(model_id),
        desk.withdraw(Withdrawn.REQUEST, str(event.brief.request_id)),
        desk.withdraw(Withdrawn.DATASET, str(event.inputs[0].dataset_id)),
        desk.withdraw(Withdrawn.METHOD, "peers@1.0.0"),
        return_exceptions=True,
    )
    assert await desk.state(model_id) is ModelState.WITHDRAWN
    assert await desk.events(ModelWithdrawn) == 1
