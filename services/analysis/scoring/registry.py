"""What the door reads of the analysis service's database: released models and grants.

`released_models` is the only function that knows where released models stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from services.analysis import messages
from services.analysis.models import Grant, GrantState, ReleasedModel, ScoringBatch
from shared.auth import Principal, Role, require
from shared.clock import now
from shared.contracts import ModelFormat
from shared.db import Session
from shared.errors import Forbidden, Gone, NotFound

EVERY_MODEL = (Role.CENTRE_ANALYST, Role.METHOD_REVIEWER, Role.AUDITOR)
CALLERS = (Role.REQUESTER, Role.WORKER)


@dataclass(frozen=True)
class ModelFile:
    """A released model: how it is called, and the file that it is."""

    model_id: UUID
    name: str
    release: str
    ministry: str
    format: ModelFormat
    sha256: str
    withdrawn: bool

    @property
    def label(self) -> str:
        return f"{self.name}/{self.release}"


@dataclass(frozen=True)
class Access:
    """A caller's grant on a model, as it was when it was looked up. `elsewhere`: rows of today that other processes counted."""

    caller: Principal
    grant_id: UUID
    model: ModelFile
    rows_per_day: int
    elsewhere: int
    rows_per_minute: int | None = None


def model_file(row: ReleasedModel) -> ModelFile:
    return ModelFile(row.id, row.name, str(row.release), row.ministry, row.format, row.sha256, row.withdrawn_at is not None)


def named(name: str, release: str | None) -> list[ColumnElement[bool]]:
    """The models of this name; one version alone if it is named."""
    conditions = [col(ReleasedModel.name) == name]
    if release is not None:
        number = int(release) if release.isascii() and release.isdigit() and len(release) < 9 else 0
        conditions.append(col(ReleasedModel.release) == number)
    return conditions


async def released_models(session: Session, name: str, release: str | None = None) -> list[ModelFile]:
    """The models of this name, newest first; withdrawn ones among them."""
    query = select(ReleasedModel).where(*named(name, release)).order_by(col(ReleasedModel.release).desc())
    return [model_file(row) for row in (await session.exec(query)).all()]


async def find_access(session: Session, caller: Principal, name: str, release: str | None, door: UUID) -> Access:
    """The caller's grant on the newest model of this name that it may ask. NotFound, Forbidden, Gone."""
    at = now()
    elsewhere = (
        select(func.coalesce(func.sum(ScoringBatch.rows), 0))
        .where(col(ScoringBatch.grant_id) == Grant.id, col(ScoringBatch.day) == at.date(), col(ScoringBatch.door) != door)
        .scalar_subquery()
    )
    query = (
        select(Grant, ReleasedModel, elsewhere)
        .join(ReleasedModel, col(Grant.model_id) == col(ReleasedModel.id))
        .where(
            *named(name, release), *holding(caller, at), col(ReleasedModel.withdrawn_at).is_(None),
        )
        .order_by(col(ReleasedModel.release).desc(), col(Grant.rows_per_day).desc())
        .limit(1)
    )  # fmt: skip
    found = (await session.exec(query)).first()
    if found is None:
        await explain(session, caller, name, release, at)
    grant, model, used = found
    require(caller, *CALLERS)
    return Access(caller, grant.id, model_file(model), grant.rows_per_day, int(used), grant.rows_per_minute)


def holding(caller: Principal, at: datetime) -> list[ColumnElement[bool]]:
    """Grants of this client that hold now."""
    return [
        col(Grant.client) == caller.subject, col(Grant.ministry) == caller.ministry, col(Grant.state) == GrantState.GRANTED,
        col(Grant.valid_from) <= at, col(Grant.valid_until) > at,
    ]  # fmt: skip


async def explain(session: Session, caller: Principal, name: str, release: str | None, at: datetime) -> NoReturn:
    """Why the caller may not ask: nothing to see, a grant that is missing, or a model that was withdrawn."""
    models = await released_models(session, name, release)
    ids = [each.model_id for each in models]
    if (await session.exec(select(Grant.id).where(col(Grant.model_id).in_(ids), *holding(caller, at)))).first():
        raise Gone(messages.MODEL_WITHDRAWN)
    known = await grants_on(session, ids)
    visible = [each for each in models if not each.withdrawn and sees(caller, each, known)]
    if not visible:
        raise NotFound(messages.NO_MODEL)
    label = visible[0].label
    raise Forbidden(
        messages.NO_VALID_GRANT(ministry=caller.ministry, label=label),
        right=f"grant on {label}",
    )


async def grants_on(session: Session, model_ids: Sequence[UUID]) -> list[Grant]:
    if not model_ids:
        return []
    return list((await session.exec(select(Grant).where(col(Grant.model_id).in_(model_ids)))).all())


async def visible_models(session: Session, caller: Principal, name: str, release: str | None) -> list[ModelFile]:
    """The models of this name that are not withdrawn and that the caller may know of, newest first. NotFound if none is."""
    models = [each for each in await released_models(session, name, release) if not each.withdrawn]
    known = await grants_on(session, [each.model_id for each in models])
    found = [each for each in models if sees(caller, each, known)]
    if not found:
        raise NotFound(messages.NO_MODEL)
    return found


def sees(caller: Principal, model: ModelFile, grants: Sequence[Grant]) -> bool:
    """Who trained it, who asked for a grant on it, and who works at the centre know of it."""
    if caller.ministry == model.ministry or not caller.roles.isdisjoint(EVERY_MODEL):
        return True
    return any(grant.model_id == model.model_id and grant.ministry == caller.ministry for grant in grants)


async def check_database(session: Session) -> None:
    """Unavailable if the database, or a table of ours in it, is not there."""
    await session.exec(select(col(Grant.id)).limit(1))


def seconds_left_today(at: datetime) -> int:
    """Until the limits of the day begin anew."""
    midnight = datetime.combine(at.date(), time.max, UTC)
    return max(1, int((midnight - at).total_seconds()) + 1)
