"""The worker's side of the protocol over HTTP: whatever can be repeated is, until the service has answered."""

import asyncio
import hashlib
import json
import logging
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import BaseModel, TypeAdapter

from services.analysis.worker.messages import (
    BundleFile,
    BundleInfo,
    Claim,
    Fault,
    Finish,
    Heartbeat,
    MethodId,
    Signals,
    Uploaded,
    Uploads,
)
from services.analysis.worker.tokens import TokenFile
from shared.contracts import MethodCard

log = logging.getLogger(__name__)
AGAIN = {408, 425, 429, 500, 502, 503, 504}
LOST = {401, 403, 404, 409, 410}
LONGEST_PAUSE = 15.0
DETAIL = 500
"""Letters of a problem's sentence that are kept."""
CODE = re.compile(r"[a-z][a-z-]{1,39}")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
M = TypeVar("M", bound=BaseModel)


class LostError(Exception):
    """The claim is no longer ours: another worker has the run, or it has ended."""


class RefusedError(Exception):
    """The service answers, but not as hoped; to ask again would not help."""

    def __init__(self, status: int, slug: str, code: str = "", reason: str = "", detail: str = "") -> None:
        super().__init__(f"{status} {slug}")
        self.status = status
        self.code = code
        """Of the first field at fault, if the answer names one."""
        self.reason, self.detail = reason, detail
        """A code of why, if the answer names one, and its sentence."""


class CorruptError(Exception):
    """A file of the bundle has other bytes than announced."""


class Client:
    """Speaks for one worker process."""

    def __init__(self, url: str, tokens: TokenFile, worker: UUID) -> None:
        self.tokens = tokens
        self.worker = worker
        through_proxy = urlsplit(url).hostname not in LOOPBACK
        timeout = httpx.Timeout(30.0, connect=5.0)
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=through_proxy)

    async def close(self) -> None:
        await self._http.aclose()

    async def announce(self, card: MethodCard, digest: str) -> str:
        """The state of the method, which the service takes; RefusedError says why it does not."""
        body = {"card": card.model_dump(mode="json"), "digest": digest}
        answer = await self._as_worker("/analysis/methods", body)
        if answer.status_code not in (200, 201):
            raise _refused(answer)
        return str(_member(answer, "state") or "")

    async def uploads(self) -> list[Uploaded]:
        """The ONNX methods that were uploaded to the centre and may be hosted."""
        answer = await self._as_worker("/analysis/onnx-methods?hostable=true&limit=200", verb="GET")
        return _read(answer, Uploads).items

    async def upload(self, one: Uploaded, folder: Path) -> None:
        """Its manifest and its file, checked by its digest."""
        path = f"/analysis/onnx-methods/{one.name}/{one.version}"
        answer = await self._as_worker(path, verb="GET")
        (folder / "manifest.json").write_bytes(json.dumps(json.loads(answer.content)["manifest"]).encode())
        answer = await self._as_worker(f"{path}/file", verb="GET", patience=300)
        if answer.status_code != 200 or hashlib.sha256(answer.content).hexdigest() != one.sha256:
            raise CorruptError(one.name)
        (folder / "model.onnx").write_bytes(answer.content)

    async def tell_fault(self, one: Uploaded, fault: Fault) -> None:
        """Say to those who uploaded it why it cannot be hosted."""
        await self._as_worker(f"/analysis/onnx-methods/{one.name}/{one.version}/fault", fault.model_dump())

    async def claim(self, methods: list[MethodId], missing_layers: tuple[str, ...] | None, *, wait: float) -> Claim | None:
        body: dict[str, Any] = {"worker": str(self.worker), "methods": [one.model_dump() for one in methods], "wait": wait}
        if missing_layers is not None:
            body["missing_layers"] = missing_layers
        answer = await self._as_worker("/analysis/claims", body, patience=wait + 20)
        if answer.status_code == 204:
            return None
        return _read(answer, Claim)

    async def bundle(self, claim: Claim) -> BundleInfo:
        return _read(await self._of_run(claim, "GET", "/bundle"), BundleInfo)

    async def heartbeat(self, claim: Claim, progress: float, message: str) -> Heartbeat:
        body = {"progress": progress, "message": message}
        return _read(await self._of_run(claim, "POST", "/heartbeat", json=body), Heartbeat)

    async def signals(self, claim: Claim, *, wait: float) -> Signals:
        return _read(await self._of_run(claim, "GET", "/signals", params={"wait": wait}, timeout=wait + 20), Signals)

    async def put_artefact(self, claim: Claim, path: str, body: bytes, media_type: str) -> None:
        headers = {"Content-Type": media_type}
        answer = await self._of_run(claim, "PUT", f"/artefacts/{path}", content=body, headers=headers)
        if answer.status_code not in (200, 201):
            raise _refused(answer)

    async def finish(self, claim: Claim, finish: Finish) -> None:
        """Repeated until the service has taken it, or says that the run is no longer ours."""
        unsaid = None if finish.alarms else {"alarms"}  # an older service need not know of them
        answer = await self._of_run(claim, "POST", "/finish", json=finish.model_dump(mode="json", exclude=unsaid))
        if answer.status_code != 200:
            raise _refused(answer)

    async def download(self, claim: Claim, file: BundleFile, target: Path) -> None:
        """Stream a file to disk; a second try if its bytes are not the announced ones."""
        for attempt in (1, 2):
            if await self._fetch(claim, file, target):
                return
            log.warning("a file of the bundle arrived changed", extra={"run": str(claim.run_id), "attempt": attempt})
        raise CorruptError(file.name)

    async def _fetch(self, claim: Claim, file: BundleFile, target: Path) -> bool:
        for pause in _pauses():
            try:
                async with self._stream(claim, f"/bundle/{file.name}") as answer:
                    if answer.status_code == 200:
                        return await _save(answer, file, target)
                    await answer.aread()
                    if answer.status_code not in AGAIN:
                        raise _refused(answer)
                    pause = _retry_after(answer, pause)
            except httpx.TransportError as error:
                log.warning("no connection to the service", extra={"error": type(error).__name__})
            await asyncio.sleep(pause)
        return False

    @asynccontextmanager
    async def _stream(self, claim: Claim, path: str) -> AsyncIterator[httpx.Response]:
        async with self._http.stream("GET", _run_path(claim) + path, headers=_run_headers(claim)) as answer:
            if answer.status_code in LOST:
                raise LostError(answer.status_code)
            yield answer

    async def _as_worker(
        self, path: str, body: dict[str, Any] | None = None, patience: float = 30.0, verb: str = "POST"
    ) -> httpx.Response:
        """With the worker's own token; one that has run out is read again until its file holds a good one."""
        for pause in _pauses():
            if token := self.tokens.read():
                headers = {"Authorization": f"Bearer {token}"}
                answer = await self._send(verb, path, headers=headers, json=body, timeout=patience)
                if answer.status_code not in (401, 403):
                    return answer
                about = {"status": answer.status_code, "why": _refused(answer).detail}
                log.warning("the service does not accept the worker's token", extra=about)
            else:
                log.warning("there is no token in the worker's token file yet")
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")

    async def _of_run(self, claim: Claim, method: str, path: str, **request: Any) -> httpx.Response:
        headers = _run_headers(claim) | request.pop("headers", {})
        answer = await self._send(method, _run_path(claim) + path, headers=headers, **request)
        if answer.status_code in LOST:
            raise LostError(answer.status_code)
        return answer

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Again after a lost connection or an overloaded service, with growing pauses; for ever."""
        for pause in _pauses():
            try:
                answer = await self._http.request(method, path, **request)
            except httpx.TransportError as error:
                log.warning("no connection to the service", extra={"error": type(error).__name__})
            else:
                if answer.status_code not in AGAIN:
                    return answer
                pause = _retry_after(answer, pause)
                log.warning("the service asks to wait", extra={"status": answer.status_code})
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")


def _run_path(claim: Claim) -> str:
    return f"/analysis/runs/{claim.run_id}"


def _run_headers(claim: Claim) -> dict[str, str]:
    return {"Authorization": f"Bearer {claim.token.get_secret_value()}"}


def _pauses() -> Iterator[float]:
    pause = 0.2
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, LONGEST_PAUSE)


def _retry_after(answer: httpx.Response, pause: float) -> float:
    given = answer.headers.get("Retry-After", "")
    return max(pause, min(float(given), 60.0)) if given.isdigit() else pause


def _read(answer: httpx.Response, model: type[M]) -> M:
    if answer.status_code != 200:
        raise _refused(answer)
    return TypeAdapter(model).validate_json(answer.content)


def _refused(answer: httpx.Response) -> RefusedError:
    slug = str(_member(answer, "type") or "unknown").rsplit("/", 1)[-1][:60]
    errors = _member(answer, "errors")
    code = str(errors[0].get("code")) if isinstance(errors, list) and errors and isinstance(errors[0], dict) else ""
    detail = str(_member(answer, "detail") or "")[:DETAIL]
    code, reason = (one if CODE.fullmatch(one) else "" for one in (code, str(_member(answer, "reason"))))
    return RefusedError(answer.status_code, slug, code, reason, detail)


def _member(answer: httpx.Response, name: str) -> Any:
    """Of the JSON object that was answered; None if it is none or has no such member."""
    try:
        return json.loads(answer.content).get(name)
    except (ValueError, AttributeError):
        return None


async def _save(answer: httpx.Response, file: BundleFile, target: Path) -> bool:
    total, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        async for chunk in answer.aiter_bytes(1 << 18):
            size += len(chunk)
            if size > file.size:
                return False
            total.update(chunk)
            out.write(chunk)
    return size == file.size and total.hexdigest() == file.sha256
