"""Follow a run as it goes: its events as they happen, and what its method printed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from services.analysis import actions, messages, policy, queries
from services.analysis.api.runs import Present
from services.analysis.schemas import RunNews
from services.analysis.schemas.runs import NEWS
from shared.admission import current_call
from shared.auth import Principal
from shared.db import Database
from shared.errors import Gone, Unavailable
from shared.http import Caller, Route
from shared.members import check_member
from shared.service import Wake
from shared.storage import Corrupt, MissingObject, Storage

router = APIRouter(prefix="/runs", route_class=Route, tags=["runs"])
RECHECK: Final = 1.0  # for commits of other processes
PAUSE: Final = 0.2  # however much is committed, each listener looks no more often
HEARTBEAT: Final = 15.0
LONGEST: Final = 600.0  # then the client calls again, with a token that is still good
EVENT: Final = f"id: 7\nevent: run\ndata: {RunNews.model_validate(NEWS).model_dump_json()}\n\n"
STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EVENT}}},
    204: {"description": "The run has ended, and you know it: do not call again."},
}
LOG: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The last 64 KiB.", "content": {"text/plain": {"example": "fold 1 of 5\nfold 2 of 5\n"}}}
}


class Follower:
    """One caller who follows one run; no connection to the database is held between two looks."""

    def __init__(self, request: Request, caller: Principal, run_id: UUID, present: queries.Present) -> None:
        self.db: Database = request.app.state.db
        self.wake: Wake = request.app.state.wake
        self.caller, self.run_id, self.present = caller, run_id, present

    async def version(self) -> str:
        """Asked at every commit of the service, so it has to be cheap."""
        async with self.db.reading(caller=self.caller) as session:
            return await queries.version_of(session, self.run_id)

    async def look(self) -> tuple[str, RunNews, bool]:
        """The version of the run, what is told of it, and whether it has ended. NotFound if the caller may not see it."""
        async with self.db.reading(caller=self.caller) as session:
            await check_member(session, self.caller)
            run = await queries.get_run(session, self.caller, self.run_id)
            return str(run.version), await queries.describe_news(session, self.caller, run, self.present), run.ended

    async def events(self, known: str | None) -> AsyncIterator[str]:
        """Every change as it is committed, until the run has ended; `known` is the version that the caller has seen."""
        loop = asyncio.get_running_loop()
        end, quiet, looked, told = loop.time() + LONGEST, loop.time(), 0.0, None
        yield "retry: 2000\n\n"
        while not self.wake.stopping and loop.time() < end:
            ticket = self.wake.ticket()
            try:
                if told and loop.time() - looked < RECHECK and await self.version() == known:
                    await self.rest(ticket)
                    continue
                version, news, ended = await self.look()
            except Unavailable:
                await self.wake.rest(RECHECK)
                continue
            looked = loop.time()
            # What is left counts down by itself; nobody is told of that alone.
            former, told = told, news.model_copy(update={"eta_seconds": None})
            if version != known or former not in (None, told):
                known, quiet = version, loop.time()
                yield f"id: {version}\nevent: run\ndata: {news.model_dump_json()}\n\n"
            elif loop.time() - quiet > HEARTBEAT:
                quiet = loop.time()
                yield ": still here\n\n"
            if ended:
                return
            await self.rest(ticket)

    async def rest(self, ticket: asyncio.Event) -> None:
        await self.wake.wait(ticket, RECHECK)
        await self.wake.rest(PAUSE)


@router.get("/{run_id}/events", response_class=StreamingResponse, responses=STREAM)
async def follow_run(
    run_id: UUID,
    caller: Caller,
    now: Present,
    request: Request,
    known: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=100, description="The last event that you have.")
    ] = None,
) -> Response:
    """Follow a run as server-sent events: status, progress, message, when it will have ended.

    Seen by whoever may see the run. Each event holds all that is told, so that the newest one is enough; after a broken
    connection the client says which one it has and is told only what is newer. The stream ends with the run.
    One caller holds so many streams; one more is 429.
    """
    if (call := current_call()) is not None:
        call.becomes_stream()
    follower = Follower(request, caller, run_id, now)
    version, _, ended = await follower.look()
    if ended and version == known:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(follower.events(known), media_type="text/event-stream", headers=headers)


@router.get("/{run_id}/log", response_class=PlainTextResponse, responses=LOG)
async def show_log(run_id: UUID, caller: Caller, request: Request) -> Response:
    """Read the end of what the method printed (centre-analyst; audited). Kept only where the worker was told to send it.

    A method's words pass no disclosure control: what looks like somebody's data is cut out, and nobody else is shown them.
    """
    db: Database = request.app.state.db
    storage: Storage = request.app.state.storage
    async with db.transaction(caller=caller) as session:
        stored = await actions.read_log(session, caller, run_id)
    try:
        text = (await storage.read(stored.sha256, policy.LOG_LIMIT)).decode("utf-8", "replace")
    except (Corrupt, MissingObject):
        raise Gone(messages.LOG_DAMAGED) from None
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"}
    return PlainTextResponse(policy.shown_log(text), headers=headers)
