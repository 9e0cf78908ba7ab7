"""Our copies of what the catalog and the centre said: they only move up, and a withdrawal stays."""

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, select

from services.requests.actions.asking import send_back
from services.requests.models import (
    IN_REVIEW,
    AnalysisRequest,
    KnownDataset,
    KnownKey,
    KnownMethod,
    KnownMinistry,
    KnownModel,
    RequestInput,
)
from shared.contracts import (
    DatasetPublished,
    DatasetWithdrawn,
    MethodLive,
    MethodWithdrawn,
    MinistryJoined,
    MinistryKeyRegistered,
    MinistryKeyRetired,
    MinistryRenamed,
    ModelReleased,
    ModelWithdrawn,
)
from shared.db import Session

LONGEST = 4000


async def know_ministry(session: Session, event: MinistryJoined | MinistryRenamed, sequence: int) -> None:
    known = await session.get(KnownMinistry, event.code, with_for_update=True)
    if known is None or known.sequence < sequence:
        row = KnownMinistry(code=event.code, sequence=sequence, ko=event.name.ko, en=event.name.en)
        await session.merge(row)


async def know_key(session: Session, event: MinistryKeyRegistered, sequence: int) -> None:
    """Keep a key, unless it was retired before, or its name is not the one that is taken from it."""
    key = await session.get(KnownKey, (event.ministry, event.kid), with_for_update=True)
    key = key or KnownKey(ministry=event.ministry, kid=event.kid)
    if key.x is None:
        key.x, key.sequence = event.key.x, sequence
        key.valid_from, key.valid_until = event.valid_from, event.valid_until
        key.retired = key.retired or event.key.kid != event.kid
        session.add(key)


async def forget_key(session: Session, event: MinistryKeyRetired) -> None:
    """Keep a tombstone. Requests go on: a list is sealed to another key of the ministry, or to nobody if there is none."""
    key = await session.get(KnownKey, (event.ministry, event.kid), with_for_update=True)
    key = key or KnownKey(ministry=event.ministry, kid=event.kid)
    key.retired = True
    session.add(key)


async def know_dataset(session: Session, event: DatasetPublished, sequence: int) -> None:
    known = await session.get(KnownDataset, event.dataset_id, with_for_update=True) or KnownDataset(id=event.dataset_id)
    if known.sequence < sequence:
        known.sequence, known.published = sequence, event.model_dump(mode="json")
        session.add(known)


async def know_method(session: Session, event: MethodLive, sequence: int) -> None:
    name = f"{event.method.name}@{event.method.version}"
    known = await session.get(KnownMethod, name, with_for_update=True) or KnownMethod(id=name)
    if known.sequence < sequence:
        known.sequence, known.reviewed = sequence, event.model_dump(mode="json")
        session.add(known)


async def forget_dataset(session: Session, event: DatasetWithdrawn, sequence: int) -> None:
    """Keep a tombstone, and return every request in review that asks for the dataset."""
    known = await session.get(KnownDataset, event.dataset_id, with_for_update=True) or KnownDataset(id=event.dataset_id)
    if known.withdrawn:
        return
    known.withdrawn, known.sequence = True, max(known.sequence, sequence)
    session.add(known)
    await session.flush()
    asks = select(RequestInput.request_id).where(
        col(RequestInput.dataset_id) == event.dataset_id,
        col(RequestInput.revision) == col(AnalysisRequest.revision),
        col(RequestInput.request_id) == col(AnalysisRequest.id),
    )
    reason = f"A dataset that the request asks for was withdrawn by its owner: {event.reason}"
    which = asks.correlate(AnalysisRequest).exists()
    await return_all(session, which, by=event.ministry, code="dataset-withdrawn", reason=reason)


async def forget_method(session: Session, event: MethodWithdrawn, sequence: int) -> None:
    """Keep a tombstone, and return every request in review that names the version."""
    name = f"{event.method.name}@{event.method.version}"
    known = await session.get(KnownMethod, name, with_for_update=True) or KnownMethod(id=name)
    if known.withdrawn:
        return
    owner = known.live.card.owner if known.live else None
    known.withdrawn, known.sequence = True, max(known.sequence, sequence)
    session.add(known)
    await session.flush()
    if owner is None:
        return
    named = and_(
        col(AnalysisRequest.method_name) == event.method.name, col(AnalysisRequest.method_version) == event.method.version
    )
    reason = f"The version of the method that the request names was withdrawn: {event.reason}"
    await return_all(session, named, by=owner, code="method-withdrawn", reason=reason)


async def know_model(session: Session, event: ModelReleased, sequence: int) -> None:
    id = event.model.model_id
    known = await session.get(KnownModel, id, with_for_update=True) or KnownModel(id=id)
    if known.sequence < sequence:
        known.sequence, known.released = sequence, event.model_dump(mode="json")
        session.add(known)


async def forget_model(session: Session, event: ModelWithdrawn, sequence: int) -> None:
    """Keep a tombstone, and return every request in review that names the model."""
    known = await session.get(KnownModel, event.model_id, with_for_update=True) or KnownModel(id=event.model_id)
    if known.withdrawn:
        return
    trained_for = known.live.ministry if known.live else None
    known.withdrawn, known.sequence = True, max(known.sequence, sequence)
    session.add(known)
    await session.flush()
    if trained_for is None:
        return
    reason = f"The model that the request names was withdrawn: {event.reason}"
    named = col(AnalysisRequest.champion_id) == event.model_id
    await return_all(session, named, by=trained_for, code="model-withdrawn", reason=reason)


async def return_all(session: Session, which: ColumnElement[bool], *, by: str, code: str, reason: str) -> None:
    query = select(AnalysisRequest).where(col(AnalysisRequest.status).in_(IN_REVIEW), which).order_by(col(AnalysisRequest.id))
    requests = (await session.exec(query.with_for_update().execution_options(populate_existing=True))).all()
    for request in requests:
        await send_back(session, request, caller=None, role="service", by=by, code=code, reason=reason[:LONGEST])
