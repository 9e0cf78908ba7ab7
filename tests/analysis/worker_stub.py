"""A strict double of the worker door of the analysis service: knows its tokens and fences, and refuses what the service would."""

import asyncio
import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Message, Receive, Scope, Send

from shared.contracts import Alarm, MethodCard, MethodRef, Outcome, OutputKind, Reason, Sha256
from shared.ids import new_id
from tests.analysis.worker_process import eventually

MEDIA_TYPES = {
    OutputKind.RESTRICTED_LIST: "application/x-ndjson",
    OutputKind.LOG: "text/plain",
    OutputKind.MODEL: "application/octet-stream",
}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Announced(Strict):
    card: MethodCard
    digest: Sha256


class ClaimIn(Strict):
    worker: UUID
    methods: list[MethodRef] = Field(min_length=1)
    wait: float = Field(ge=0, le=25)
    missing_layers: list[str] | None = None


class Beat(Strict):
    progress: float = Field(ge=0, le=1)
    message: str = Field(max_length=200)


class Named(Strict):
    kind: OutputKind
    name: str
    sha256: Sha256


class FinishIn(Strict):
    outcome: Outcome
    reason: Reason | None
    artefacts: list[Named]
    alarms: list[Alarm] = []


class Problem(Exception):
    def __init__(self, status: int, slug: str, code: str = "", reason: str = "") -> None:
        self.status, self.slug, self.code, self.reason = status, slug, code, reason


@dataclass
class StubRun:
    """A prepared run, and what workers did with it."""

    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: int = 300  # far more than it takes: a busy machine is no fault
    memory_mb: int = 256
    lease: float = 30.0
    run_id: UUID = field(default_factory=new_id)
    fence: int = 0
    token: str = ""
    worker: UUID | None = None
    cancelled: bool = False
    corrupt: bool = False
    beats: list[Beat] = field(default_factory=list)
    artefacts: dict[tuple[OutputKind, str], bytes] = field(default_factory=dict)
    finish: FinishIn | None = None
    stale_calls: list[str] = field(default_factory=list)

    @property
    def waiting(self) -> bool:
        return self.fence == 0 and self.finish is None

    @property
    def said(self) -> str:
        """What the method reported last."""
        return self.beats[-1].message if self.beats else ""

    def reclaim(self) -> None:
        """As when the lease ran out and another worker claimed it."""
        self.fence, self.token = self.fence + 1, "of-another-worker"


class Stub:
    """The server, in a thread; tests look at it and change it directly."""

    def __init__(self, port: int = 0) -> None:
        self.worker_token = "worker-token-1"
        self.methods: dict[tuple[str, str], Announced] = {}
        self.runs: dict[UUID, StubRun] = {}
        self.claims = 0
        self.missing_layers: list[str] | None = None
        self.refused_tokens = 0
        self.faults: dict[str, list[int]] = {}
        self.ending = False
        self.app = self._app()
        self.server = uvicorn.Server(
            uvicorn.Config(self._serve, interface="asgi3", port=port, log_level="error", timeout_graceful_shutdown=1)
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> "Stub":
        self.thread.start()
        eventually(lambda: self.server.started)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self.ending = self.server.should_exit = True
        self.thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def queue(self, run: StubRun) -> StubRun:
        self.runs[run.run_id] = run
        return run

    def fail_next(self, path: str, *statuses: int) -> None:
        """The next answers to paths ending so: these statuses instead; negative = after having done the work."""
        self.faults[path] = list(statuses)

    def announced(self, name: str) -> Announced:
        return next(one for (known, _), one in self.methods.items() if known == name)

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.add_exception_handler(Problem, _answer)
        as_worker = [Depends(self._check_worker)]
        app.post("/analysis/methods", dependencies=as_worker)(self._announce)
        app.post("/analysis/claims", dependencies=as_worker, response_model=None)(self._claim)
        app.get("/analysis/runs/{run_id}/bundle")(self._bundle)
        app.get("/analysis/runs/{run_id}/bundle/{name}")(self._file)
        app.post("/analysis/runs/{run_id}/heartbeat")(self._heartbeat)
        app.get("/analysis/runs/{run_id}/signals")(self._signals)
        app.put("/analysis/runs/{run_id}/artefacts/{kind}/{name}", status_code=201)(self._artefact)
        app.post("/analysis/runs/{run_id}/finish")(self._finish)
        return app

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The faults that a test asked for, before the door."""
        due = [statuses for end, statuses in self.faults.items() if scope.get("path", "").endswith(end) and statuses]
        if not due:
            return await self.app(scope, receive, send)
        if (status := due[0].pop(0)) < 0:
            await self.app(scope, receive, _unheard)
        await Response(status_code=abs(status), headers={"Retry-After": "0"})(scope, receive, send)
        return None

    def _check_worker(self, authorization: Annotated[str, Header()] = "") -> None:
        if authorization != f"Bearer {self.worker_token}":
            self.refused_tokens += 1
            raise Problem(401, "unauthorized")

    def _mine(self, run_id: UUID, request: Request, authorization: str) -> StubRun:
        run = self.runs[run_id]
        if authorization != f"Bearer {run.token}":
            run.stale_calls.append(request.url.path.rsplit("/", 1)[-1])
            raise Problem(409, "stale-claim")
        return run

    async def _announce(self, announced: Announced, response: Response) -> dict[str, str]:
        key = (announced.card.name, announced.card.version)
        known = self.methods.setdefault(key, announced)
        if known != announced:
            raise Problem(409, "conflict", reason="other-content")
        response.status_code = 200 if known is not announced else 201
        return {"state": "registered"}

    async def _claim(self, claim: ClaimIn, request: Request) -> Response | dict[str, Any]:
        self.claims += 1
        self.missing_layers = claim.missing_layers
        end = time.monotonic() + claim.wait
        while time.monotonic() < end and not self.ending and not await request.is_disconnected():
            for run in self.runs.values():
                method = next((one for one in claim.methods if one.name == run.method), None)
                if run.waiting and method is not None:
                    return self._given(run, method, claim.worker)
            await asyncio.sleep(0.02)
        return Response(status_code=204)

    def _given(self, run: StubRun, method: MethodRef, worker: UUID) -> dict[str, Any]:
        if self.methods[method.name, method.version].digest != method.digest:
            raise Problem(409, "other-digest")
        run.fence, run.token, run.worker = run.fence + 1, uuid4().hex, worker
        return {
            "run_id": str(run.run_id),
            "fence": run.fence,
            "lease_seconds": run.lease,
            "token": run.token,
            "method": method.model_dump(mode="json"),
            "resources": {"seconds": run.seconds, "memory_mb": run.memory_mb},
        }

    async def _bundle(self, run_id: UUID, request: Request, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        run = self._mine(run_id, request, authorization)
        files = [
            {
                "name": name,
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "media_type": "application/octet-stream",
            }
            for name, data in run.files.items()
        ]
        return {"method": {"name": run.method}, "parameters": run.parameters, "files": files, "match_rates": {"income": 0.9}}

    async def _file(self, run_id: UUID, name: str, request: Request, authorization: Annotated[str, Header()] = "") -> Response:
        data = self._mine(run_id, request, authorization).files[name]
        return Response(data[::-1] if self.runs[run_id].corrupt else data)

    async def _heartbeat(
        self, run_id: UUID, beat: Beat, request: Request, authorization: Annotated[str, Header()] = ""
    ) -> dict[str, Any]:
        run = self._mine(run_id, request, authorization)
        run.beats.append(beat)
        return {"cancel": run.cancelled, "lease_seconds": run.lease}

    async def _signals(
        self, run_id: UUID, request: Request, wait: float = 0, authorization: Annotated[str, Header()] = ""
    ) -> dict[str, bool]:
        run = self._mine(run_id, request, authorization)
        end = time.monotonic() + wait
        while time.monotonic() < end and not (run.cancelled or self.ending or await request.is_disconnected()):
            self._mine(run_id, request, authorization)
            await asyncio.sleep(0.02)
        return {"cancel": run.cancelled}

    async def _artefact(
        self, run_id: UUID, kind: OutputKind, name: str, request: Request, authorization: Annotated[str, Header()] = ""
    ) -> dict[str, Any]:
        run = self._mine(run_id, request, authorization)
        if request.headers["Content-Type"] != MEDIA_TYPES.get(kind, "application/json"):
            raise Problem(415, "unsupported-media")
        body = await request.body()
        if kind is OutputKind.MODEL and body.startswith(b"\x80"):
            raise Problem(422, "unprocessable", "pickle")
        run.artefacts[kind, name] = body
        return {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}

    async def _finish(
        self, run_id: UUID, finish: FinishIn, request: Request, authorization: Annotated[str, Header()] = ""
    ) -> dict[str, str]:
        run = self._mine(run_id, request, authorization)
        for one in finish.artefacts:
            if hashlib.sha256(run.artefacts.get((one.kind, one.name), b"")).hexdigest() != one.sha256:
                raise Problem(422, "unknown-artefact")
        if (finish.reason is None) != (finish.outcome is Outcome.SUCCEEDED):
            raise Problem(422, "reason-missing")
        if run.finish is not None and run.finish != finish:
            raise Problem(409, "already-finished")
        run.finish = finish
        return {"status": finish.outcome}


async def _unheard(_: Message) -> None:
    """An answer that gets lost on its way."""


async def _answer(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    body: dict[str, Any] = {"type": f"http://test/analysis/problems/{problem.slug}", "status": problem.status}
    if problem.code:
        body["errors"] = [{"pointer": "#", "code": problem.code, "detail": "Not taken."}]
    if problem.reason:
        body["reason"] = problem.reason
    return JSONResponse(body, status_code=problem.status, media_type="application/problem+json")
