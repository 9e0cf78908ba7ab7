"""What the requests service does when others have acted."""

from services.requests import actions
from services.requests.models import Status
from shared.contracts import (
    DatasetPublished,
    DatasetWithdrawn,
    Envelope,
    MethodLive,
    MethodWithdrawn,
    MinistryJoined,
    MinistryKeyRegistered,
    MinistryKeyRetired,
    MinistryLeft,
    MinistryRenamed,
    ModelReleased,
    ModelWithdrawn,
    ResultHeld,
    ResultRecalled,
    ResultReleased,
    ResultWithheld,
    RunFinished,
    RunQueued,
    RunStarted,
)
from shared.db import Session
from shared.members import keep_member
from shared.service import Consumers

consumers = Consumers()


@consumers.on(MinistryJoined)
async def on_ministry_joined(session: Session, event: MinistryJoined, envelope: Envelope) -> None:
    await keep_member(session, event.code, envelope.sequence)
    await actions.know_ministry(session, event, envelope.sequence)


@consumers.on(MinistryRenamed)
async def on_ministry_renamed(session: Session, event: MinistryRenamed, envelope: Envelope) -> None:
    await actions.know_ministry(session, event, envelope.sequence)


@consumers.on(MinistryLeft)
async def on_ministry_left(session: Session, event: MinistryLeft, envelope: Envelope) -> None:
    await keep_member(session, event.code, envelope.sequence, has_left=True)


@consumers.on(MinistryKeyRegistered)
async def on_ministry_key_registered(session: Session, event: MinistryKeyRegistered, envelope: Envelope) -> None:
    await actions.know_key(session, event, envelope.sequence)


@consumers.on(MinistryKeyRetired)
async def on_ministry_key_retired(session: Session, event: MinistryKeyRetired, envelope: Envelope) -> None:
    await actions.forget_key(session, event)


@consumers.on(DatasetPublished)
async def on_dataset_published(session: Session, event: DatasetPublished, envelope: Envelope) -> None:
    await actions.know_dataset(session, event, envelope.sequence)


@consumers.on(DatasetWithdrawn)
async def on_dataset_withdrawn(session: Session, event: DatasetWithdrawn, envelope: Envelope) -> None:
    await actions.forget_dataset(session, event, envelope.sequence)


@consumers.on(MethodLive)
async def on_method_live(session: Session, event: MethodLive, envelope: Envelope) -> None:
    await actions.know_method(session, event, envelope.sequence)


@consumers.on(MethodWithdrawn)
async def on_method_withdrawn(session: Session, event: MethodWithdrawn, envelope: Envelope) -> None:
    await actions.forget_method(session, event, envelope.sequence)


@consumers.on(ModelReleased)
async def on_model_released(session: Session, event: ModelReleased, envelope: Envelope) -> None:
    await actions.know_model(session, event, envelope.sequence)


@consumers.on(ModelWithdrawn)
async def on_model_withdrawn(session: Session, event: ModelWithdrawn, envelope: Envelope) -> None:
    await actions.forget_model(session, event, envelope.sequence)


@consumers.on(RunQueued)
async def on_run_queued(session: Session, event: RunQueued, envelope: Envelope) -> None:
    await actions.follow_run(session, event.request_id, event.run_id)


@consumers.on(RunStarted)
async def on_run_started(session: Session, event: RunStarted, envelope: Envelope) -> None:
    await actions.follow_run(session, event.request_id, event.run_id, to=Status.IN_ANALYSIS)


@consumers.on(RunFinished)
async def on_run_finished(session: Session, event: RunFinished, envelope: Envelope) -> None:
    await actions.end_run(session, event)


@consumers.on(ResultHeld)
async def on_result_held(session: Session, event: ResultHeld, envelope: Envelope) -> None:
    await actions.follow_result(session, event.request_id, event.result_id, Status.OUTPUT_REVIEW)


@consumers.on(ResultReleased)
async def on_result_released(session: Session, event: ResultReleased, envelope: Envelope) -> None:
    await actions.follow_result(session, event.request_id, event.result_id, Status.RELEASED)


@consumers.on(ResultWithheld)
async def on_result_withheld(session: Session, event: ResultWithheld, envelope: Envelope) -> None:
    await actions.follow_result(
        session, event.request_id, event.result_id, Status.WITHHELD, code="result-withheld", reason=event.reason
    )


@consumers.on(ResultRecalled)
async def on_result_recalled(session: Session, event: ResultRecalled, envelope: Envelope) -> None:
    await actions.follow_result(
        session, event.request_id, event.result_id, Status.RECALLED, code="result-recalled", reason=event.reason
    )
