"""Prepare, step by step: claim a queued run, build its bundle outside any transaction, record it under the fence."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlmodel import col, select

from services.analysis import policy
from services.analysis.actions.endings import end_run, locked_run, obstacle
from services.analysis.actions.queue import claim_next
from services.analysis.models import Method, Run, RunStatus
from services.analysis.prepare.bundle import PARQUET, Builder, BuildFailed, Manifest, Sealing, Stopped, private_folder
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.inputs import fetch_champion, fetch_inputs
from services.analysis.prepare.keys import KeyLost, request_key
from services.analysis.prepare.linkage import Linked
from services.analysis.prepare.plan import Plan, plan_linkage
from services.analysis.prepare.readers import Limits
from services.analysis.prepare.sealed import NDJSON
from services.analysis.queries import sealing_key
from services.analysis.queries.queue import TO_PREPARE, Order, is_someones_turn
from services.analysis.rules import rules
from shared.audit import record_audit
from shared.clock import now
from shared.contracts import MethodCard, Reason, RequestApproved, SealedKeys
from shared.db import Database, Session
from shared.due import backoff, db_now
from shared.storage import Storage
from shared.times import KOREA

log = logging.getLogger(__name__)
CRASHED = Reason(code="prepare-crashed", detail="The inputs could not be prepared because of a fault at the centre.")
KEY_LOST = Reason(code="key-lost", detail="The key of the request was destroyed, so its inputs can no longer be linked.")
WATCH: Final = 1.0
CHUNK: Final = 1024 * 1024
MOST: Final = 1 << 40


@dataclass(frozen=True)
class PrepareTerms:
    """How prepare works: within which limits, where, under which key, for how long at a time."""

    wrapping: bytes
    limits: Limits
    lease: timedelta
    max_attempts: int
    scratch: Path | None = None
    aging: timedelta = timedelta(hours=1)
    zone: str = KOREA

    @property
    def order(self) -> Order:
        return Order(self.aging)


@dataclass(frozen=True)
class Job:
    """One prepare in hand."""

    run_id: UUID
    fence: int
    approved: RequestApproved
    plan: Plan
    key: bytes
    sealing: Sealing | None = None


async def prepare_next(db: Database, storage: Storage, terms: PrepareTerms) -> bool:
    """Prepare the run whose turn it is. True if there was one."""
    async with db.reading() as session:
        if not await is_someones_turn(session, TO_PREPARE, terms.order):
            return False
    async with db.transaction() as session:
        run = await claim_next(session, TO_PREPARE, terms.order, terms.lease)
        job = await take_up(session, run, terms) if run else None
    if job is not None:
        await prepare(db, storage, terms, job)
    return run is not None


async def take_up(session: Session, run: Run, terms: PrepareTerms) -> Job | None:
    """What is to be done for a claimed run; None if it has ended here."""
    if ending := await obstacle(session, run):
        await end_run(session, run, ending.status, ending.reason, deed="analysis.refuse-run")
        return None
    if run.attempts > terms.max_attempts:
        await end_run(session, run, RunStatus.FAILED, CRASHED, deed="analysis.prepare-run")
        return None
    approved = RequestApproved.model_validate(run.approved)
    try:
        card = await card_of(session, run)
        plan = plan_linkage(card, approved.inputs, terms.zone, rules().least_match.value)
        key = await request_key(session, run.request_id, terms.wrapping)
    except (PrepareError, KeyLost) as error:
        reason = error.reason if isinstance(error, PrepareError) else KEY_LOST
        await end_run(session, run, RunStatus.FAILED, reason, deed="analysis.prepare-run")
        return None
    run.status = RunStatus.PREPARING
    run.touch()
    session.add(run)
    return Job(run.id, run.fence, approved, plan, key, await sealing_of(session, run, card, approved, plan.key_domain))


async def sealing_of(session: Session, run: Run, card: MethodCard, approved: RequestApproved, key_domain: str) -> Sealing | None:
    """To whom the run's keys are sealed: nobody if the method lists nothing, or if the ministry has no key."""
    if not card.lists_entities:
        return None
    to = await sealing_key(session, run.ministry, approved.sealing_key)
    return Sealing(to, run.request_id, key_domain) if to else None


async def card_of(session: Session, run: Run) -> MethodCard:
    named = select(Method).where(col(Method.name) == run.method_name, col(Method.release) == run.method_release)
    return MethodCard.model_validate((await session.exec(named)).one().card)


async def prepare(db: Database, storage: Storage, terms: PrepareTerms, job: Job) -> None:
    """Build and record; what the inputs cannot cure ends the run, anything else is tried again later."""
    try:
        manifest = await build(db, storage, terms, job)
    except PrepareError as error:
        await fail(db, job, error.reason)
    except Stopped:
        log.info("prepare stopped: the run has ended", extra={"run": str(job.run_id)})
    except Exception as error:
        # The message of an unknown error may quote a cell: only its kind is kept.
        kind = str(error) if isinstance(error, BuildFailed) else type(error).__name__
        log.warning("prepare failed", extra={"run": str(job.run_id), "error": kind})
        await try_later(db, job, terms, kind)
    else:
        if not await record_bundle(db, job, manifest):
            await storage.delete(manifest.table.sha256)
            if manifest.sealed_keys:
                await storage.delete(manifest.sealed_keys.object.sha256)


async def build(db: Database, storage: Storage, terms: PrepareTerms, job: Job) -> Manifest:
    with private_folder(terms.scratch) as folder:
        builder = Builder(folder, terms.limits)
        watch = asyncio.create_task(keep(db, job, terms.lease, builder))
        try:
            paths = await fetch_inputs(storage, job.plan, folder, builder)
            champion = await fetch_champion(storage, job.approved.champion, folder)
            target, linked, beside = await in_thread(builder, job, paths)
            stored = await storage.put_stream(chunks(target), media_type=PARQUET, limit=MOST)
            sealed_keys = await store_sealed(storage, job.sealing, beside)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
    return Manifest(stored, linked, sealed_keys, champion, job.plan.available_from)


async def store_sealed(storage: Storage, sealing: Sealing | None, path: Path | None) -> SealedKeys | None:
    if sealing is None or path is None:
        return None
    stored = await storage.put_stream(chunks(path), media_type=NDJSON, limit=MOST)
    return SealedKeys(object=stored, kid=sealing.to.kid, key_domain=sealing.key_domain)


async def in_thread(builder: Builder, job: Job, paths: dict[str, Path]) -> tuple[Path, Linked, Path | None]:
    """Build beside the event loop; if this is cancelled, the thread is stopped and waited for, as it uses the folder."""
    thread = asyncio.ensure_future(asyncio.to_thread(builder.build, job.plan, paths, job.key, job.sealing))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        builder.stop()
        await asyncio.wait([thread])
        raise


async def chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def keep(db: Database, job: Job, lease: timedelta, builder: Builder) -> None:
    """Extend the lease while the bundle is being built; stop building when the run has ended or is somebody else's."""
    while True:
        await asyncio.sleep(min(WATCH, lease.total_seconds() / 3))
        async with db.transaction() as session:
            mine = (col(Run.id) == job.run_id, col(Run.fence) == job.fence, col(Run.status) == RunStatus.PREPARING)
            result = await session.execute(update(Run).where(*mine).values(due_at=db_now(lease)))
            assert isinstance(result, CursorResult)
        if result.rowcount == 0:
            builder.stop()
            return


async def mine(session: Session, job: Job) -> Run | None:
    """The run, if this prepare still holds it."""
    run = await locked_run(session, job.run_id)
    return run if run.fence == job.fence and run.status is RunStatus.PREPARING else None


async def record_bundle(db: Database, job: Job, manifest: Manifest) -> bool:
    """Hand the run to the workers. False if it ended meanwhile, so that its bundle is nobody's."""
    async with db.transaction() as session:
        run = await mine(session, job)
        if run is None:
            return not (await locked_run(session, job.run_id)).ended
        run.bundle, run.bundle_kept, run.match_rates = manifest.as_json(), True, manifest.linked.match_rates
        if sealed := manifest.sealed_keys:
            run.sealed_keys, run.sealed_kept = sealed.model_dump(mode="json"), True
        if ending := await obstacle(session, run):
            await end_run(session, run, ending.status, ending.reason, deed="analysis.prepare-run")
            return True
        policy.check_move(run, RunStatus.PREPARED)
        run.status, run.due_at, run.attempts, run.last_error = RunStatus.PREPARED, now(), 0, None
        run.touch()
        session.add(run)
        detail = {"rows": manifest.linked.rows, "keys_dropped": manifest.linked.keys_dropped, "sha256": manifest.table.sha256}
        detail["rules"] = rules().version
        detail["sealed_to"] = sealed.kid if sealed else None
        detail["champion"] = manifest.champion.sha256 if manifest.champion else None
        detail["available_from"] = manifest.available_from
        await record_audit(session, "analysis.prepare-run", f"run/{run.id}", detail=detail)
        return True


async def fail(db: Database, job: Job, reason: Reason) -> None:
    async with db.transaction() as session:
        if run := await mine(session, job):
            await end_run(session, run, RunStatus.FAILED, reason, deed="analysis.prepare-run")


async def try_later(db: Database, job: Job, terms: PrepareTerms, error: str) -> None:
    """Back to the queue, later each time; after the last attempt the run fails."""
    async with db.transaction() as session:
        run = await mine(session, job)
        if run is None:
            return
        if run.attempts >= terms.max_attempts:
            await end_run(session, run, RunStatus.FAILED, CRASHED, deed="analysis.prepare-run")
            return
        policy.check_move(run, RunStatus.QUEUED)
        run.status, run.last_error, run.due_at = RunStatus.QUEUED, error, now() + backoff(run.attempts)
        run.touch()
        session.add(run)
