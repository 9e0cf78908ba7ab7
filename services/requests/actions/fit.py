"""What is asked, checked at once against our copies of the live method, the datasets and the members."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.requests import fitting, messages
from services.requests.models import KnownDataset, KnownMethod, KnownModel
from services.requests.queries import METHOD_READ, sealing_key
from services.requests.schemas import MethodIn, RequestIn
from shared.contracts import Audience, MethodCard, MethodLive, MethodRef, ModelReleased
from shared.db import Session
from shared.errors import FieldError, Unprocessable
from shared.members import present_members

CHAMPION = "#/champion/model_id"


@dataclass(frozen=True)
class Asked:
    """A request that fits: the method as it was reviewed, its parameters complete, its datasets as they are now."""

    method: MethodRef
    card: MethodCard
    parameters: dict[str, Any]
    inputs: Sequence[fitting.Fitted]


async def check_asked(session: Session, ministry: str, data: RequestIn) -> Asked:
    """Check everything that this ministry asks and report every fault of the submission together."""
    known = await known_datasets(session, {one.dataset_id for one in data.inputs.values()})
    live, errors = await find_method(session, data.method)
    errors += [*await audience_faults(session, data.audience), *await champion_faults(session, ministry, data)]
    if live is None:
        faults = (fitting.find_dataset(role, one, known)[1] for role, one in data.inputs.items())
        raise unfit([*errors, *filter(None, faults)])
    inputs, misfits = fitting.fit_inputs(live.card, data.inputs, known)
    columns = fitting.named_columns(live.card, inputs, misfits)
    parameters, wrong = fitting.fit_parameters(live.card.parameters, data.parameters, columns)
    unsealed = await sealing_faults(session, live.card, ministry)
    if errors := [*errors, *misfits, *wrong, *unsealed]:
        raise unfit(errors)
    return Asked(live.method, live.card, parameters, inputs)


async def sealing_faults(session: Session, card: MethodCard, ministry: str) -> list[FieldError]:
    """A restricted list is sealed to the ministry that asks: without a valid key nobody could open it."""
    if not card.lists_entities or await sealing_key(session, ministry):
        return []
    return [FieldError("#/method", "no-sealing-key", messages.NO_SEALING_KEY(ministry=ministry))]


def unfit(errors: list[FieldError]) -> Unprocessable:
    places = ", ".join(error.pointer for error in errors[:5])
    return Unprocessable(messages.MISFIT(places=places), errors=errors)


async def known_datasets(session: Session, ids: set[UUID]) -> dict[UUID, KnownDataset]:
    """Our copies, held so that a withdrawal that comes meanwhile waits and then finds the new request."""
    query = select(KnownDataset).where(col(KnownDataset.id).in_(ids)).order_by(col(KnownDataset.id))
    rows = await session.exec(query.with_for_update(read=True).execution_options(populate_existing=True))
    return {row.id: row for row in rows.all()}


async def find_method(session: Session, wanted: MethodIn) -> tuple[MethodLive | None, list[FieldError]]:
    """The live version, or what is wrong with the name or the version."""
    query = select(KnownMethod).where(col(KnownMethod.id).startswith(f"{wanted.name}@", autoescape=True))
    query = query.order_by(col(KnownMethod.id)).with_for_update(read=True).execution_options(populate_existing=True)
    versions = {row.id: row for row in (await session.exec(query)).all()}
    found = versions.get(f"{wanted.name}@{wanted.version}")
    live = found.live if found is not None else None
    if live is not None:
        session.info[METHOD_READ] = found
        return live, []
    others = ", ".join(row.id for row in versions.values() if row.live) or messages.NONE
    if found is not None and found.withdrawn:
        return None, [FieldError("#/method/version", "withdrawn-method", messages.VERSION_WITHDRAWN(others=others))]
    if versions:
        return None, [FieldError("#/method/version", "unknown-version", messages.VERSION_UNKNOWN(others=others))]
    return None, [FieldError("#/method/name", "unknown-method", messages.NO_METHOD)]


async def audience_faults(session: Session, audience: Audience | None) -> list[FieldError]:
    codes = audience.ministries if audience else ()
    known = await present_members(session) if codes else frozenset[str]()
    return [
        FieldError(f"#/audience/ministries/{at}", "unknown-ministry", messages.NO_MEMBER)
        for at, code in enumerate(codes)
        if code not in known
    ]


async def champion_faults(session: Session, ministry: str, data: RequestIn) -> list[FieldError]:
    """Whether the model that a request of this ministry names is released, of the same method, and one that it may use."""
    if data.champion is None:
        return []
    query = select(KnownModel).where(col(KnownModel.id) == data.champion.model_id).with_for_update(read=True)
    known = (await session.exec(query.execution_options(populate_existing=True))).first()
    if known is not None and known.withdrawn:
        return [FieldError(CHAMPION, "withdrawn-model", messages.CHAMPION_WITHDRAWN)]
    if known is None or known.live is None or not await usable(session, ministry, known.live):
        return [FieldError(CHAMPION, "unknown-model", messages.NO_CHAMPION)]
    if known.live.model.method.name != data.method.name:
        return [FieldError(CHAMPION, "other-method", messages.CHAMPION_OTHER_METHOD)]
    return []


async def usable(session: Session, ministry: str, released: ModelReleased) -> bool:
    """A ministry uses its own models, and those that a version trained that is live for everybody."""
    if released.ministry == ministry:
        return True
    method = released.model.method
    version = await session.get(KnownMethod, f"{method.name}@{method.version}")
    return version is not None and version.live is not None
