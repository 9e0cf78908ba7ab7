"""Read runs: for people, and for workers that listen."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.analysis import messages, policy
from services.analysis.models import Method, Run, RunStatus, Sighting
from services.analysis.queries.queue import Order, place_in_line
from services.analysis.queries.quotas import full_quotas
from services.analysis.schemas import BundleOut, FileOut, RunNews, RunOut, RunSummary
from shared.auth import Principal, Role
from shared.clock import now
from shared.contracts import MethodCard, MethodRef, Reason, Resources, tens
from shared.db import Session
from shared.errors import NotFound, StaleClaim
from shared.paging import PageQuery, paginate


@dataclass(frozen=True)
class Present:
    """What is so just now: how lately a worker must have called to count as there, and how runs are taken in turn."""

    seen: timedelta
    order: Order


async def list_runs(
    session: Session, caller: Principal, page: PageQuery, *, status: RunStatus | None, request_id: UUID | None, present: Present
) -> tuple[list[RunSummary], str | None]:
    query = select(Run)
    if not policy.sees_every_run(caller):
        if not caller.has(Role.REQUESTER):
            return [], None
        query = query.where(col(Run.ministry) == caller.ministry)
    if status is not None:
        query = query.where(col(Run.status) == status)
    if request_id is not None:
        query = query.where(col(Run.request_id) == request_id)
    runs, cursor = await paginate(session, query, Run, page)
    offered, full = await offered_methods(session, present.seen), await full_quotas(session, present.order)
    return [RunSummary(**summary(caller, run, offered, full)) for run in runs], cursor


async def get_run(session: Session, caller: Principal, run_id: UUID) -> Run:
    run = await session.get(Run, run_id)
    if run is None:
        raise NotFound(messages.NO_RUN)
    policy.check_may_see_run(caller, run)
    return run


async def version_of(session: Session, run_id: UUID) -> str:
    return str((await session.exec(select(Run.version).where(col(Run.id) == run_id))).one())


async def describe_run(session: Session, caller: Principal, run: Run, present: Present) -> RunOut:
    shown = policy.sees_parameters(caller, run)
    bundle = run.bundle or {}
    # Exact counts tell of single rows, and nobody has checked them: they stay in the centre.
    centre = caller.has(Role.CENTRE_ANALYST)
    return RunOut(
        **summary(caller, run, await offered_methods(session, present.seen), await full_quotas(session, present.order)),
        eta_seconds=seconds_left(run),
        queue_position=await place_in_line(session, run, present.order),
        title=run.approved["brief"]["title"] if shown else None,
        parameters=run.approved["parameters"] if shown else None,
        dataset_ids=run.approved["brief"]["dataset_ids"],
        rows=bundle.get("rows") if centre else None,
        match_rates=run.match_rates if centre else {role: round(rate, 2) for role, rate in run.match_rates.items()},
        keys_dropped={role: rows if centre else tens(rows) for role, rows in bundle.get("keys_dropped", {}).items()},
        balance={role: each if centre else each.rounded() for role, each in run.balance.items()},
        fence=run.worker_fence,
        attempts=run.attempts,
        missing_layers=run.missing_layers,
    )


def summary(caller: Principal, run: Run, offered: set[str], full: dict[str, int]) -> dict[str, Any]:
    told = run.message if policy.sees_parameters(caller, run) else ""
    is_offered = f"{run.method_label} {run.method_digest}" in offered
    return {
        "id": run.id,
        "request_id": run.request_id,
        "ministry": run.ministry,
        "status": run.status,
        "priority": run.priority,
        "method": method_of(run),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "progress": run.progress,
        "message": told,
        "reason": Reason.model_validate(run.reason) if run.reason else None,
        "waiting": policy.run_waiting(run, is_offered, full.get(run.ministry)),
        "actions": policy.run_actions(caller, run),
    }


def seconds_left(run: Run) -> float | None:
    """None without evidence, and when it is overdue: then nobody knows."""
    left = (run.ends_at - now()).total_seconds() if run.ends_at and run.status is RunStatus.RUNNING else 0
    return round(left, 1) if left > 0 else None


async def describe_news(session: Session, caller: Principal, run: Run, present: Present) -> RunNews:
    told = summary(caller, run, await offered_methods(session, present.seen), await full_quotas(session, present.order))
    place = await place_in_line(session, run, present.order)
    wanted = {name: told[name] for name in ("status", "priority", "progress", "message", "reason", "waiting")}
    return RunNews(**wanted, eta_seconds=seconds_left(run), queue_position=place)


async def offered_methods(session: Session, seen: timedelta) -> set[str]:
    """The method versions that some worker offered lately."""
    lately = select(Sighting.methods).where(col(Sighting.seen_at) > now() - seen)
    return {label for methods in (await session.exec(lately)).all() for label in methods}


async def missing_layers(session: Session, seen: timedelta) -> list[list[str] | None]:
    """For each worker that called lately the layers of the sandbox that do not hold there; None: it does not say."""
    lately = select(Sighting.missing_layers).where(col(Sighting.seen_at) > now() - seen)
    return [missing if missing is None else list(missing) for missing in (await session.exec(lately)).all()]


async def claimed_method(session: Session, run: Run) -> tuple[MethodRef, Resources]:
    """The method of a claimed run, and what its card allows it to use."""
    named = select(Method.card).where(col(Method.name) == run.method_name, col(Method.release) == run.method_release)
    card = MethodCard.model_validate((await session.exec(named)).one())
    return method_of(run), card.resources


async def describe_bundle(session: Session, run_id: UUID, fence: int) -> BundleOut:
    """The bundle, for the attempt that holds the run."""
    run = await session.get(Run, run_id)
    if run is None or run.fence != fence or run.status is not RunStatus.RUNNING:
        raise StaleClaim(messages.CLAIM_LOST)
    return BundleOut(
        method=method_of(run),
        parameters=run.approved["parameters"],
        files=[FileOut.model_validate(file) for file in run.bundle_files],
        match_rates=run.match_rates,
        available_from=(run.bundle or {}).get("available_from", {}),
    )


def method_of(run: Run) -> MethodRef:
    return MethodRef(name=run.method_name, version=run.method_release, digest=run.method_digest)


async def is_cancelled(session: Session, run_id: UUID, fence: int) -> bool:
    """Whether the worker that has this fence must stop; StaleClaim if the run went to another one."""
    run = await session.get(Run, run_id)
    if run is None or run.fence != fence:
        raise StaleClaim(messages.CLAIM_TAKEN)
    return run.status is not RunStatus.RUNNING
