"""The bus door: what the analysis service does with what others say."""

from services.analysis import actions
from services.analysis.models import Withdrawn
from shared.contracts import (
    DatasetWithdrawn,
    Envelope,
    GrantRevoked,
    MinistryJoined,
    MinistryKeyRegistered,
    MinistryKeyRetired,
    MinistryLeft,
    RequestApproved,
    RequestWithdrawn,
    ResultRecalled,
    ResultReleased,
    ResultWithheld,
)
from shared.db import Session
from shared.members import keep_member
from shared.service import Consumers

consumers = Consumers()


@consumers.on(RequestApproved)
async def on_request_approved(session: Session, event: RequestApproved, envelope: Envelope) -> None:
    await actions.queue_run(session, event)


@consumers.on(RequestWithdrawn)
async def on_request_withdrawn(session: Session, event: RequestWithdrawn, envelope: Envelope) -> None:
    await actions.end_withdrawn_request(session, event.request_id)


@consumers.on(GrantRevoked)
async def on_grant_revoked(session: Session, event: GrantRevoked, envelope: Envelope) -> None:
    await actions.end_revoked_request(session, event.request_id, event.dataset_id)


@consumers.on(DatasetWithdrawn)
async def on_dataset_withdrawn(session: Session, event: DatasetWithdrawn, envelope: Envelope) -> None:
    await actions.end_withdrawn_runs(session, Withdrawn.DATASET, str(event.dataset_id))


@consumers.on(MinistryJoined)
async def on_ministry_joined(session: Session, event: MinistryJoined, envelope: Envelope) -> None:
    await keep_member(session, event.code, envelope.sequence)


@consumers.on(MinistryLeft)
async def on_ministry_left(session: Session, event: MinistryLeft, envelope: Envelope) -> None:
    await keep_member(session, event.code, envelope.sequence, has_left=True)


@consumers.on(MinistryKeyRegistered)
async def on_ministry_key_registered(session: Session, event: MinistryKeyRegistered, envelope: Envelope) -> None:
    await actions.keep_key(session, event, envelope.sequence)


@consumers.on(MinistryKeyRetired)
async def on_ministry_key_retired(session: Session, event: MinistryKeyRetired, envelope: Envelope) -> None:
    await actions.keep_retirement(session, event)


@consumers.on(ResultReleased)
async def on_result_released(session: Session, event: ResultReleased, envelope: Envelope) -> None:
    await actions.close_request(session, event.request_id, "result-released")


@consumers.on(ResultWithheld)
async def on_result_withheld(session: Session, event: ResultWithheld, envelope: Envelope) -> None:
    await actions.withhold_models(session, event.request_id, "withheld")
    await actions.close_request(session, event.request_id, "result-withheld")


@consumers.on(ResultRecalled)
async def on_result_recalled(session: Session, event: ResultRecalled, envelope: Envelope) -> None:
    await actions.withhold_models(session, event.request_id, "recalled")
    await actions.close_request(session, event.request_id, "result-recalled")
