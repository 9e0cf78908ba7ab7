"""The worker door: claim a run, fetch its bundle, tell of progress, hand in outputs, finish."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.analysis import actions, messages, policy, queries
from services.analysis.intake import take_model
from services.analysis.schemas import (
    ArtefactOut,
    BundleOut,
    ClaimIn,
    ClaimOut,
    FinishIn,
    FinishOut,
    HeartbeatIn,
    HeartbeatOut,
    SignalOut,
)
from services.analysis.schemas.worker import BUNDLE_FILE, UPLOADS
from services.analysis.settings import Settings
from services.analysis.tokens import Attempt, mint_token, read_token
from shared.admission import current_call
from shared.auth import Principal, Role, require
from shared.contracts import Name, OutputKind
from shared.db import Database
from shared.errors import Gone, StaleClaim, Unauthorized
from shared.http import Caller, Route, as_asked, count_as, depends_on
from shared.members import check_member
from shared.service import Wake
from shared.storage import Corrupt, MissingObject, Storage
from shared.telemetry import routine

bearer = HTTPBearer(auto_error=False, scheme_name="run-token", description="The token that the claim gave.")
T = TypeVar("T")
RECHECK = 1.0


class Door:
    """What the handlers need of the app."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.request = request
        self.db: Database = state.db
        self.storage: Storage = state.storage
        self.settings: Settings = state.settings
        self.wake: Wake = state.wake

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_seconds)

    @property
    def claim_terms(self) -> actions.ClaimTerms:
        told = self.settings
        return actions.ClaimTerms(self.lease, told.max_attempts, told.runs_per_ministry, timedelta(seconds=told.aging_seconds))

    async def poll(self, seconds: float, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """Look again after every commit (and now and then, for commits of other processes) until something is there.

        TooMany if the caller has too many polls open."""
        if seconds and (call := current_call()) is not None:
            call.becomes_poll()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            ticket = self.wake.ticket()
            found = await look()
            left = end - loop.time()
            if found is not None or left <= 0:
                return found
            await self.wake.wait(ticket, min(left, RECHECK))
            if await self.request.is_disconnected():
                return None


Doorway = Annotated[Door, Depends(Door)]
Wait = Annotated[float, Query(ge=0, le=25, description="How many seconds to wait for a signal.")]


async def identify_attempt(request: Request) -> None:
    """Find out which attempt the run token speaks for. Unauthorized, TooMany."""
    credentials = await bearer(request)
    if credentials is None:
        raise Unauthorized(messages.RUN_TOKEN_MISSING)
    attempt = read_token(request.app.state.settings.token_bytes, credentials.credentials)
    count_as(request, attempt.worker)
    request.state.attempt = attempt


async def this_attempt(
    run_id: UUID, door: Doorway, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Attempt:
    """The attempt at this run, whose token the route has looked at before it read the body."""
    attempt: Attempt = door.request.state.attempt
    if attempt.run_id != run_id:
        raise Unauthorized(messages.OTHER_RUN_TOKEN, reason="other-run")
    async with door.db.reading(caller=attempt.worker) as session:
        await check_member(session, attempt.worker)
    return attempt


class WorkerRoute(Route):
    """A route that knows run tokens too."""

    def identification(self) -> Callable[[Request], Awaitable[object]]:
        return identify_attempt if depends_on(self.dependant, this_attempt) else super().identification()


router = APIRouter(route_class=WorkerRoute, tags=["worker"])
ThisAttempt = Annotated[Attempt, Depends(this_attempt)]


@router.post("/claims", responses={204: {"description": "Nothing to do within the time waited."}}, response_model=ClaimOut)
async def claim_run(data: ClaimIn, caller: Caller, door: Doorway) -> ClaimOut | Response:
    """Claim the next run of these methods (worker); waits for one if asked to.

    Runs of a higher priority go first, then those of the ministry with the fewest under way, then the oldest.
    Only runs of live methods that were announced by this same client are given out.
    """
    require(caller, Role.WORKER)
    offer = actions.Offer(data.worker, tuple(data.methods), data.missing_layers)
    async with door.db.transaction(caller=caller) as session:
        await actions.see_worker(session, caller, offer)
    claimed = await door.poll(data.wait, lambda: try_claim(door, caller, offer))
    if claimed is None:
        routine(door.request)
        return Response(status_code=204)
    return claimed


async def try_claim(door: Door, caller: Principal, offer: actions.Offer) -> ClaimOut | None:
    terms = door.claim_terms
    async with door.db.reading() as session:
        if not await queries.anything_due(session, queries.TO_WORK):
            return None
        methods = await queries.runnable_methods(session, caller, offer.methods)
        if not methods or not await queries.is_someones_turn(session, queries.TO_WORK, terms.order, methods):
            return None
    async with door.db.transaction(caller=caller) as session:
        run = await actions.claim_run(session, caller, offer, terms)
        if run is None:
            return None
        method, resources = await queries.claimed_method(session, run)
    token = mint_token(door.settings.token_bytes, Attempt(run.id, run.fence, caller.subject, caller.ministry))
    return ClaimOut(
        run_id=run.id, fence=run.fence, lease_seconds=door.settings.lease_seconds, token=token, method=method, resources=resources
    )


@router.get("/runs/{run_id}/bundle")
async def show_bundle(run_id: UUID, attempt: ThisAttempt, door: Doorway) -> BundleOut:
    """Show the run's bundle: parameters and files (run token)."""
    async with door.db.reading() as session:
        return await queries.describe_bundle(session, run_id, attempt.fence)


@router.get("/runs/{run_id}/bundle/{name}", response_class=StreamingResponse, responses=BUNDLE_FILE)
async def get_bundle_file(
    run_id: UUID, name: Annotated[str, Path(max_length=100, examples=["linked.parquet"])], attempt: ThisAttempt, door: Doorway
) -> StreamingResponse:
    """Download a file of the bundle (run token). The reading is audited before the first byte leaves."""
    async with door.db.transaction(caller=attempt.worker) as session:
        stored = await actions.read_bundle(session, run_id, attempt.fence, name)
    stream = door.storage.open_stream(stored.sha256)
    try:
        first = await anext(aiter(stream), b"")
    except (Corrupt, MissingObject):
        async with door.db.transaction(caller=attempt.worker) as session:
            await actions.end_damaged_run(session, run_id, attempt.fence)
        raise Gone(messages.BUNDLE_DAMAGED) from None
    headers = {"Content-Length": str(stored.size)}
    return StreamingResponse(prefixed(first, stream), media_type=as_asked(door.request, stored.media_type), headers=headers)


async def prefixed(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part


@router.post("/runs/{run_id}/heartbeat")
async def beat(run_id: UUID, data: HeartbeatIn, attempt: ThisAttempt, door: Doorway) -> HeartbeatOut:
    """Extend the lease and tell of progress (run token). `cancel` means: stop at once, the run has ended.

    A lease that ran out is no harm while nobody else has claimed the run; after that the answer is 409 `stale-claim`.
    """
    async with door.db.transaction(caller=attempt.worker) as session:
        goes_on = await actions.beat(
            session, run_id, attempt.fence, progress=data.progress, message=data.message, lease=door.lease
        )
    if goes_on:
        routine(door.request)
    return HeartbeatOut(cancel=not goes_on, lease_seconds=door.settings.lease_seconds)


@router.get("/runs/{run_id}/signals")
async def wait_for_signal(run_id: UUID, attempt: ThisAttempt, door: Doorway, wait: Wait = 0) -> SignalOut:
    """Wait for a signal (run token): answered at once when the run is cancelled, else after the time given."""

    async def look() -> bool | None:
        async with door.db.reading() as session:
            return await queries.is_cancelled(session, run_id, attempt.fence) or None

    cancel = bool(await door.poll(wait, look))
    if not cancel:
        routine(door.request)
    return SignalOut(cancel=cancel)


@router.put(
    "/runs/{run_id}/artefacts/{kind}/{name}",
    status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": UPLOADS}},
)
async def put_artefact(
    run_id: UUID,
    kind: OutputKind,
    name: Annotated[Name, Path(examples=["by_region"])],
    attempt: ThisAttempt,
    door: Doorway,
    content_type: Annotated[str, Header(max_length=200)] = "",
) -> ArtefactOut:
    """Hand in one output of a run (run token). It counts only if `finish` names it under the same fence.

    Tables, figures and metrics are `application/json`, a restricted list `application/x-ndjson`, a log `text/plain`, a model
    `application/octet-stream`: an ONNX or skops file with its manifest inside, refused (422) if anything in it is not plain data.
    Each of them may also be sent as `application/octet-stream`.
    """
    settings, most = door.settings, door.settings.artefact_count
    media_type = policy.check_media_type(kind, content_type)
    async with door.db.transaction(caller=attempt.worker) as session:
        await actions.check_artefact(session, run_id, attempt.fence, kind, name, most)
    limits = {OutputKind.RESTRICTED_LIST: settings.list_limit, OutputKind.LOG: min(policy.LOG_LIMIT, settings.artefact_limit)}
    limit = limits.get(kind, settings.artefact_limit)
    stream, manifest = door.request.stream(), None
    if kind is OutputKind.MODEL:
        stored, manifest = await take_model(door.storage, stream, media_type, settings.model_limit, settings.scratch)
    else:
        stored = await door.storage.put_stream(stream, media_type=media_type, limit=limit)
    async with door.db.transaction(caller=attempt.worker) as session:
        await actions.keep_artefact(session, run_id, attempt.fence, kind, name, stored, most=most, manifest=manifest)
    return ArtefactOut(sha256=stored.sha256, size=stored.size)


@router.post("/runs/{run_id}/finish")
async def finish_run(run_id: UUID, data: FinishIn, attempt: ThisAttempt, door: Doorway) -> FinishOut:
    """End the attempt (run token). Said again it is answered again; said after somebody else has the run it is refused.

    A run that failed for no fault of the method (`input-corrupt`) is given out again later: `status` is then `prepared`.
    """
    named, most = [(each.kind, each.name, each.sha256) for each in data.artefacts], door.settings.max_attempts
    try:
        async with door.db.transaction(caller=attempt.worker) as session:
            run = await actions.finish_run(
                session, run_id, attempt.fence, data.outcome, data.reason, named, data.alarms, max_attempts=most
            )
    except StaleClaim:
        async with door.db.transaction(caller=attempt.worker) as session:
            await actions.keep_late_result(session, run_id, attempt.fence, data.outcome)
        raise
    return FinishOut(run_id=run.id, status=run.status)
