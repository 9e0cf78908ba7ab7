"""A result comes to be, is held for checking, or does not leave."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.results import policy
from services.results.actions.deliveries import queue_deliveries
from services.results.models import ReleaseVote, Result, Status, Withdrawal
from shared.audit import record_audit
from shared.clock import now
from shared.contracts import Outcome, ResultHeld, ResultWithheld, RunFinished
from shared.db import Session
from shared.due import backoff
from shared.outbox import emit

WITHHELD_BY_RUN = "A later attempt of the run did not succeed."
NOTHING_LEFT = "Disclosure control withheld every output; the verdicts name the reasons."
UNREADABLE = "The outputs of the run are missing or damaged."


async def locked(session: Session, result_id: UUID) -> Result | None:
    """The result, held against other writers until this transaction ends."""
    return await session.get(Result, result_id, with_for_update=True, populate_existing=True)


async def record_result(session: Session, event: RunFinished) -> Result | None:
    """A succeeded run becomes a result that waits for its checks. Again, or an older attempt: nothing happens."""
    found = (await session.exec(select(Result).where(col(Result.run_id) == event.run_id).with_for_update())).first()
    if found is None:
        return await create_result(session, event) if event.outcome is Outcome.SUCCEEDED else None
    if event.fence <= found.run_fence or found.status not in (Status.CHECKING, Status.HELD):
        return found
    if event.outcome is not Outcome.SUCCEEDED:
        await withhold_result(session, found, WITHHELD_BY_RUN)
    elif not await votes_of(session, found.id):
        await replace_outputs(session, found, event)
    return found


async def create_result(session: Session, event: RunFinished) -> Result:
    brief, method = event.brief, event.method
    result = Result(
        run_id=event.run_id,
        run_fence=event.fence,
        request_id=brief.request_id,
        title=brief.title,
        purpose=brief.purpose,
        ministry=brief.ministry,
        requester=brief.requester,
        authors=sorted({brief.requester, *brief.authors}),
        parts=[part.model_dump(mode="json") for part in brief.parts],
        audience_kind=brief.audience.kind,
        audience_ministries=barred(brief.audience.ministries),
        owners=list(brief.owners),
        dataset_ids=[str(dataset_id) for dataset_id in brief.dataset_ids],
        method_name=method.name,
        method_version=method.version,
        method_digest=method.digest,
        champion_id=event.champion_id,
        match_rates=match_rates_of(event),
        balance=balance_of(event),
        artefacts=outputs_of(event),
        alarms=alarms_of(event),
        sealed_keys=event.sealed_keys.model_dump(mode="json") if event.sealed_keys else None,
    )
    session.add(result)
    await session.flush()
    detail = {"run": str(event.run_id), "fence": event.fence}
    await record_audit(session, "results.record-result", f"result/{result.id}", detail=detail)
    if reason := await withdrawn(session, result):
        await withhold_result(session, result, reason)
    return result


async def replace_outputs(session: Session, result: Result, event: RunFinished) -> None:
    """A later attempt was accepted before anybody voted: its outputs are checked instead."""
    result.status, result.run_fence, result.artefacts = Status.CHECKING, event.fence, outputs_of(event)
    result.match_rates, result.verdicts, result.contents, result.held_at = match_rates_of(event), [], {}, None
    result.alarms, result.balance = alarms_of(event), balance_of(event)
    result.due_at, result.attempts, result.fence = now(), 0, result.fence + 1
    result.touch()
    await record_audit(session, "results.replace-outputs", f"result/{result.id}", detail={"fence": event.fence})


def outputs_of(event: RunFinished) -> list[dict[str, Any]]:
    return [artefact.model_dump(mode="json") for artefact in event.artefacts]


def alarms_of(event: RunFinished) -> list[dict[str, Any]]:
    return [alarm.model_dump(mode="json") for alarm in event.alarms]


def balance_of(event: RunFinished) -> dict[str, dict[str, Any]]:
    return {role: each.model_dump(mode="json") for role, each in event.balance.items()}


def match_rates_of(event: RunFinished) -> dict[str, float]:
    """In whole per cent: a finer share beside a count of rows would tell of the single rows that were not found."""
    return {role: round(share, 2) for role, share in event.match_rates.items()}


def barred(ministries: Sequence[str]) -> str:
    """`|nts|mois|`: a list that both databases can search with LIKE."""
    return f"|{'|'.join(ministries)}|" if ministries else ""


async def withdrawn(session: Session, result: Result) -> str | None:
    """The reason of a withdrawal that this result stands on."""
    keys = stands_on(result)
    stones = select(Withdrawal).where(col(Withdrawal.key).in_([key for every in keys.values() for key in every]))
    for stone in await session.exec(stones):
        if stone.key in keys.get(stone.kind, ()):
            return withdrawal_words(stone.kind, stone.reason)
    return None


def stands_on(result: Result) -> dict[str, set[str]]:
    """What a withdrawal may name that this result would not be without, by kind."""
    return {
        "request": {str(result.request_id)},
        "dataset": set(result.dataset_ids),
        "grant": {f"{result.request_id}/{dataset_id}" for dataset_id in result.dataset_ids},
        "method": {f"{result.method_name}@{result.method_version}"},
        "model": {str(result.champion_id)} if result.champion_id else set(),
    }


def withdrawal_words(kind: str, reason: str) -> str:
    what = "The owner of a dataset took back its approval" if kind == "grant" else f"The {kind} was withdrawn"
    return f"{what}: {reason}"[:4000]


async def votes_of(session: Session, result_id: UUID) -> Sequence[ReleaseVote]:
    return (await session.exec(select(ReleaseVote).where(ReleaseVote.result_id == result_id).order_by(col(ReleaseVote.id)))).all()


async def withhold_result(session: Session, result: Result, reason: str, detail: dict[str, Any] | None = None) -> None:
    policy.check_move(result, Status.WITHHELD)
    result.status, result.reason, result.ended_at = Status.WITHHELD, reason, now()
    result.due_at, result.fence = None, result.fence + 1
    result.touch()
    await record_audit(session, "results.withhold-result", f"result/{result.id}", detail={"reason": reason, **(detail or {})})
    event = ResultWithheld(result_id=result.id, request_id=result.request_id, reason=reason)
    await queue_deliveries(session, result, await emit(session, event), everyone=False)


async def hold_result(
    session: Session,
    result_id: UUID,
    fence: int,
    *,
    rules: str,
    verdicts: list[dict[str, Any]],
    contents: dict[str, list[dict[str, Any]]],
) -> bool:
    """Keep the verdicts of a check; what passed waits for two output checkers. False: this check was overtaken."""
    result = await locked(session, result_id)
    if result is None or result.fence != fence or result.status is not Status.CHECKING:
        return False
    result.rules, result.verdicts, result.contents, result.last_error = rules, verdicts, contents, None
    failed = [verdict["name"] for verdict in verdicts if not verdict["passed"]]
    if not any(contents.values()):
        await withhold_result(session, result, NOTHING_LEFT, {"rules": rules, "withheld": failed})
        return True
    result.status, result.held_at, result.due_at = Status.HELD, now(), None
    result.touch()
    await record_audit(session, "results.hold-result", f"result/{result.id}", detail={"rules": rules, "withheld": failed})
    event = ResultHeld(result_id=result.id, request_id=result.request_id, withheld=tuple(failed))
    await queue_deliveries(session, result, await emit(session, event), everyone=False)
    return True


async def put_off_check(session: Session, result_id: UUID, fence: int, *, code: str, limit: int | None) -> None:
    """The outputs could not be read: look again later, and after `limit` attempts withhold the result."""
    result = await locked(session, result_id)
    if result is None or result.fence != fence or result.status is not Status.CHECKING:
        return
    result.last_error = code
    if limit is not None and result.attempts >= limit:
        await withhold_result(session, result, UNREADABLE, {"code": code})
        return
    result.due_at = now() + backoff(result.attempts, base=2, cap=timedelta(minutes=5).total_seconds())
    if limit is None:
        result.attempts -= 1  # a storage that is away is no failure of this result
