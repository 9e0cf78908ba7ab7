"""What the door reads of the analysis service's database: released models and grants.

`released_models` is the only function that knows where released models stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from uuid import UUID

from sqlmodel import col, func, select

from services.analysis.models import Grant, GrantState, ReleasedModel, ScoringBatch
from shared.auth import Principal, Role
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
    valid_until: datetime
    elsewhere: int


async def released_models(session: Session, name: str, release: str | None = None) -> list[ModelFile]:
    """The models of this name, newest first; withdrawn ones among them. One version alone if it is named."""
    query = select(ReleasedModel).where(col(ReleasedModel.name) == name).order_by(col(ReleasedModel.release).desc())
    if release is not None:
        number = int(release) if release.isascii() and release.isdigit() and len(release) < 9 else 0
        query = query.where(col(ReleasedModel.release) == number)
    return [
        ModelFile(each.id, each.name, str(each.release), each.ministry, each.format, each.sha256, each.withdrawn_at is not None)
        for each in (await session.exec(query)).all()
    ]


async def find_access(session: Session, caller: Principal, name: str, release: str | None, door: UUID) -> Access:
    """The caller's grant on the newest model of this name that it may ask. NotFound, Forbidden, Gone."""
    models = {each.model_id: each for each in await released_models(session, name, release)}
    known = await grants_on(session, list(models))
    own = [grant for grant in known if grant.client == caller.subject and grant.ministry == caller.ministry]
    own = [grant for grant in own if grant.state is GrantState.GRANTED and grant.valid_from <= now() < grant.valid_until]
    usable = [grant for grant in own if not models[grant.model_id].withdrawn]
    if usable and not caller.roles.isdisjoint(CALLERS):
        grant = max(usable, key=lambda each: int(models[each.model_id].release))
        used = await rows_elsewhere(session, grant.id, door)
        return Access(caller, grant.id, models[grant.model_id], grant.rows_per_day, grant.valid_until, used)
    if own and not usable:
        raise Gone("This model was withdrawn: nothing is scored with it any more.")
    visible = [each for each in models.values() if not each.withdrawn and sees(caller, each, known)]
    if not visible:
        raise NotFound("There is no such model.")
    if usable:
        right = " or ".join(CALLERS)
        raise Forbidden(f"Scoring needs the role {right}, which your token does not carry.", right=right)
    label = visible[0].label
    raise Forbidden(
        f"{caller.ministry} has no valid grant for this client on {label}: ask for one with POST /analysis/grants.",
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
        raise NotFound("There is no such model.")
    return found


def sees(caller: Principal, model: ModelFile, grants: Sequence[Grant]) -> bool:
    """Who trained it, who asked for a grant on it, and who works at the centre know of it."""
    if caller.ministry == model.ministry or not caller.roles.isdisjoint(EVERY_MODEL):
        return True
    return any(grant.model_id == model.model_id and grant.ministry == caller.ministry for grant in grants)


async def check_database(session: Session) -> None:
    """Unavailable if the database, or a table of ours in it, is not there."""
    await session.exec(select(col(Grant.id)).limit(1))


async def rows_elsewhere(session: Session, grant_id: UUID, door: UUID) -> int:
    """Rows counted today (UTC) for a grant by every process of the door but this one."""
    counted = select(func.coalesce(func.sum(ScoringBatch.rows), 0)).where(
        col(ScoringBatch.grant_id) == grant_id, col(ScoringBatch.day) == now().date(), col(ScoringBatch.door) != door
    )
    return int((await session.exec(counted)).one())


def seconds_left_today(at: datetime) -> int:
    """Until the limits of the day begin anew."""
    midnight = datetime.combine(at.date(), time.max, UTC)
    return max(1, int((midnight - at).total_seconds()) + 1)
