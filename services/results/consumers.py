"""The bus door: runs that finished, things that were withdrawn, and the names of things."""

from services.results.actions.deliveries import disable_all
from services.results.actions.results import record_result
from services.results.actions.withdrawals import note_known, note_withdrawal
from shared.contracts import (
    DatasetPublished,
    DatasetWithdrawn,
    Envelope,
    GrantRevoked,
    MethodLive,
    MethodWithdrawn,
    MinistryJoined,
    MinistryLeft,
    MinistryRenamed,
    ModelWithdrawn,
    RequestWithdrawn,
    RunFinished,
)
from shared.db import Session
from shared.members import keep_member
from shared.service import Consumers

consumers = Consumers()


@consumers.on(RunFinished)
async def on_run_finished(session: Session, event: RunFinished, envelope: Envelope) -> None:
    await record_result(session, event)


@consumers.on(DatasetWithdrawn)
async def on_dataset_withdrawn(session: Session, event: DatasetWithdrawn, envelope: Envelope) -> None:
    await note_withdrawal(session, kind="dataset", key=str(event.dataset_id), reason=event.reason)


@consumers.on(RequestWithdrawn)
async def on_request_withdrawn(session: Session, event: RequestWithdrawn, envelope: Envelope) -> None:
    await note_withdrawal(session, kind="request", key=str(event.request_id), reason=event.reason)


@consumers.on(GrantRevoked)
async def on_grant_revoked(session: Session, event: GrantRevoked, envelope: Envelope) -> None:
    await note_withdrawal(session, kind="grant", key=f"{event.request_id}/{event.dataset_id}", reason=event.reason)


@consumers.on(MethodWithdrawn)
async def on_method_withdrawn(session: Session, event: MethodWithdrawn, envelope: Envelope) -> None:
    key = f"{event.method.name}@{event.method.version}"
    await note_withdrawal(session, kind="method", key=key, reason=event.reason)


@consumers.on(ModelWithdrawn)
async def on_model_withdrawn(session: Session, event: ModelWithdrawn, envelope: Envelope) -> None:
    await note_withdrawal(session, kind="model", key=str(event.model_id), reason=event.reason)


@consumers.on(MinistryJoined)
async def on_ministry_joined(session: Session, event: MinistryJoined, envelope: Envelope) -> None:
    await keep_member(session, event.code, envelope.sequence)
    await note_known(session, kind="ministry", key=event.code, sequence=envelope.sequence, facts=event.name.model_dump())


@consumers.on(MinistryRenamed)
async def on_ministry_renamed(session: Session, event: MinistryRenamed, envelope: Envelope) -> None:
    await note_known(session, kind="ministry", key=event.code, sequence=envelope.sequence, facts=event.name.model_dump())


@consumers.on(MinistryLeft)
async def on_ministry_left(session: Session, event: MinistryLeft, envelope: Envelope) -> None:
    await keep_member(session, event.code, envelope.sequence, has_left=True)
    await disable_all(session, event.code)


@consumers.on(DatasetPublished)
async def on_dataset_published(session: Session, event: DatasetPublished, envelope: Envelope) -> None:
    facts = {"title": event.title, "ministry": event.ministry}
    await note_known(session, kind="dataset", key=str(event.dataset_id), sequence=envelope.sequence, facts=facts)


@consumers.on(MethodLive)
async def on_method_live(session: Session, event: MethodLive, envelope: Envelope) -> None:
    card = event.card.model_dump(mode="json", include={"title", "purpose", "assumptions", "must_not_conclude"})
    key = f"{event.method.name}@{event.method.version}"
    await note_known(session, kind="method", key=key, sequence=envelope.sequence, facts=card)
