"""A worker in one file: announce a method, claim its runs, finish them. Standard library only, Python 3.11 or newer.

Copy it beside your method, in an environment of your own; nothing of Dure is installed there and there is nothing to subclass:

    from dure_worker import Worker
    Worker("https://dure.example", "worker.token", card, run, files=[__file__]).serve()

`card` is the method card as a dictionary. `run(folder, parameters, match_rates, report)` reads `linked.parquet` in `folder`, may
call `report(0.5, "half way")`, and returns a dictionary with any of `tables`, `figures`, `metrics` (by name), `restricted_list`
(a list), `models` (bytes by name) and `alarms`. It refuses its input by raising `Refused(code, sentence)`; the sentence is shown
to people and holds no value of the data. The method runs in a child process of this one, which is killed when the run is
cancelled or takes longer than its card allows. It is not confined: what it may do is what this process may do.
"""

import hashlib
import json
import logging
import multiprocessing
import random
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]
log = logging.getLogger("dure_worker")
AGAIN = (408, 425, 429, 500, 502, 503, 504)
JSON, NDJSON, BYTES = "application/json", "application/x-ndjson", "application/octet-stream"
SENTENCES = {
    "method-crashed": "The method stopped because of an error in its program.",
    "method-timeout": "The method did not finish in the time that its method card allows, and was stopped.",
    "method-output-invalid": "The method gave back something that is not a valid result, so nothing of it was kept.",
    "input-corrupt": "The prepared input did not arrive unchanged, so the method was not started.",
    "cancelled": "The worker was stopped.",
}
NEXT = {"registered": "; two method reviewers of two bodies have to approve it", "live": "; waiting for runs"}


class Refused(Exception):
    """The method refuses its input: a code, and a sentence without any value of the data."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code, self.sentence = code, sentence


class Lost(Exception):
    """The run is no longer ours: drop what we have of it."""


class Answered(Exception):
    """The service answered with a status that to ask again would not change."""

    def __init__(self, status: int, body: bytes) -> None:
        try:
            why = json.loads(body)["detail"]
        except (ValueError, KeyError, TypeError):
            why = body.decode("utf-8", "replace")
        super().__init__(f"{status} {why[:500]}")
        self.status = status


class Worker:
    """One process that carries out one method, a run at a time."""

    def __init__(
        self,
        url: str,
        token_file: str | Path,
        card: Json,
        run: Callable[..., Json],
        files: Iterable[str | Path],
        wait: float = 20,
    ) -> None:
        if not url.startswith(("https://", "http://")):
            raise ValueError("the address begins with https:// or http://")
        self.url, self.token_file, self.card, self.run, self.wait = url.rstrip("/"), Path(token_file), card, run, wait
        self.digest = digest(files)
        self.me = str(uuid.uuid4())
        self.stopping = threading.Event()

    def serve(self, once: bool = False) -> None:
        """Announce, then claim and finish runs until `stopping` is set (or, with `once`, one run).

        What becomes of it is logged, to the terminal where nobody has set up logging."""
        if not logging.getLogger().handlers:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        body = {"card": self.card, "digest": self.digest}
        state = self._call("POST", "/analysis/methods", body).get("state", "registered")
        following = NEXT.get(state, "")
        log.info("announced %s %s (digest %s): %s%s", self.card["name"], self.card["version"], self.digest, state, following)
        method = {"name": self.card["name"], "version": self.card["version"], "digest": self.digest}
        while not self.stopping.is_set():
            asked = {"worker": self.me, "methods": [method], "wait": self.wait}
            claim = self._call("POST", "/analysis/claims", asked, patience=self.wait + 20)
            if claim is None:
                continue
            try:
                self._carry_out(claim)
            except Lost:
                log.warning("run %s went to another worker, or has ended", claim["run_id"])
            if once:
                return

    def _carry_out(self, claim: Json) -> None:
        with tempfile.TemporaryDirectory(prefix="dure-") as folder:
            try:
                told = self._fetch(claim, Path(folder))
            except ValueError:
                self._finish(claim, "failed", failure("input-corrupt"))
                return
            context = multiprocessing.get_context("fork")
            ours, theirs = context.Pipe()
            child = context.Process(target=_child, args=(self.run, folder, told, theirs), daemon=True)
            child.start()
            theirs.close()
            answer = self._attend(claim, child, ours)
            child.kill()
            child.join()
        self._hand_in(claim, answer)

    def _attend(self, claim: Json, child: Any, ours: Any) -> Json:
        """Heartbeats while the child works. What it answers, or why it was stopped."""
        end, beat, progress = time.monotonic() + claim["resources"]["seconds"], 0.0, {"progress": 0.0, "message": ""}
        while True:
            if ours.poll(0.2):
                try:
                    kind, what = ours.recv()
                except (EOFError, OSError):
                    return failure("method-crashed")
                if kind != "progress":
                    answer: Json = what
                    return answer
                progress, beat = what, min(beat, time.monotonic() + 0.5)
            elif not child.is_alive():
                return failure("method-crashed")
            if time.monotonic() > end:
                return failure("method-timeout")
            if self.stopping.is_set():
                return failure("cancelled")
            if time.monotonic() > beat:
                if self._call("POST", self._of(claim, "/heartbeat"), progress, token=claim["token"])["cancel"]:
                    raise Lost
                beat = time.monotonic() + min(claim["lease_seconds"] / 3, 2.0)

    def _fetch(self, claim: Json, folder: Path) -> Json:
        told: Json = self._call("GET", self._of(claim, "/bundle"), token=claim["token"])
        for file in told["files"]:
            target = folder / Path(file["name"]).name
            self._call("GET", self._of(claim, "/bundle/" + file["name"]), token=claim["token"], into=target)
            with target.open("rb") as arrived:
                if hashlib.file_digest(arrived, "sha256").hexdigest() != file["sha256"]:
                    raise ValueError(file["name"])
        return told

    def _hand_in(self, claim: Json, answer: Json) -> None:
        if "code" in answer:
            self._finish(claim, "cancelled" if answer["code"] == "cancelled" else "failed", answer)
            return
        named = []
        try:
            for kind, name, body, media_type in outputs(answer, self.card):
                self._call("PUT", self._of(claim, f"/artefacts/{kind}/{name}"), body, token=claim["token"], media=media_type)
                named.append({"kind": kind, "name": name, "sha256": hashlib.sha256(body).hexdigest()})
            self._finish(claim, "succeeded", None, named, answer.get("alarms") or [])
        except (Answered, TypeError, ValueError) as invalid:
            log.error("the outputs were not accepted: %s", invalid)
            self._finish(claim, "failed", failure("method-output-invalid"))

    def _finish(
        self, claim: Json, outcome: str, reason: Json | None, artefacts: Iterable[Json] = (), alarms: Iterable[Json] = ()
    ) -> None:
        body = {"outcome": outcome, "reason": reason, "artefacts": list(artefacts)}
        self._call("POST", self._of(claim, "/finish"), dict(body, alarms=list(alarms)) if alarms else body, token=claim["token"])
        log.info("run %s: %s %s", claim["run_id"], outcome, reason or "")

    def _of(self, claim: Json, path: str) -> str:
        return f"/analysis/runs/{claim['run_id']}{path}"

    def _call(
        self,
        verb: str,
        path: str,
        body: Json | bytes | None = None,
        token: str | None = None,
        media: str = JSON,
        into: Path | None = None,
        patience: float = 60,
    ) -> Any:
        """One call, repeated until the service has answered: with the run's token, or with our own as its file says now."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body, allow_nan=False).encode()
        pause = 0.2
        while True:
            headers = {"Authorization": "Bearer " + (token or self.token_file.read_text().strip()), "Content-Type": media}
            request = urllib.request.Request(self.url + path, data, headers, method=verb)  # noqa: S310  checked above
            try:
                with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
                    if into:
                        with into.open("wb") as file:
                            return shutil.copyfileobj(answer, file)
                    content = answer.read()
                    return json.loads(content) if content else None
            except urllib.error.HTTPError as refused:
                content = refused.read()
                if token and refused.code in (401, 403, 404, 409, 410):
                    raise Lost from None
                if refused.code not in AGAIN + ((401,) if not token else ()):
                    raise Answered(refused.code, content) from None
                log.warning("the service answers %s; asking again", Answered(refused.code, content))
            except OSError as error:
                log.warning("no connection: %s", type(error).__name__)
            if self.stopping.wait(pause * random.uniform(0.5, 1.0)):
                raise Lost
            pause = min(pause * 2, 15.0)


def _child(run: Callable[..., Json], folder: str, told: Json, pipe: Any) -> None:
    """The method, in a process of its own; only progress and its answer come back."""

    def report(progress: float, message: str = "") -> None:
        pipe.send(("progress", {"progress": min(max(float(progress), 0.0), 1.0), "message": str(message)[:200]}))

    try:
        answer = run(Path(folder), told["parameters"], told.get("match_rates", {}), report)
        if not isinstance(answer, dict) or "code" in answer:
            raise TypeError("run() returns a dictionary of outputs")
    except Refused as refused:
        answer = {"code": "method-refused-input", "detail": f"{refused.sentence} ({refused.code})"}
    except BaseException:
        log.exception("the method failed")  # here only: it may hold values of the data
        answer = failure("method-crashed")
    pipe.send(("answer", answer))


def outputs(answer: Json, card: Json) -> Iterator[tuple[str, str, bytes, str]]:
    """Kind, name, bytes and media type of everything that a method gave."""
    for kind, part in (("table", "tables"), ("figure", "figures"), ("metrics", "metrics")):
        for name, content in (answer.get(part) or {}).items():
            yield kind, name, json.dumps(content, allow_nan=False, ensure_ascii=False).encode(), JSON
    if answer.get("restricted_list") is not None:
        name = next(one["name"] for one in card["outputs"] if one["kind"] == "restricted_list")
        lines = (json.dumps(row, allow_nan=False, ensure_ascii=False) + "\n" for row in answer["restricted_list"])
        yield "restricted_list", name, "".join(lines).encode(), NDJSON
    for name, body in (answer.get("models") or {}).items():
        yield "model", name, body, BYTES


def failure(code: str) -> Json:
    return {"code": code, "detail": SENTENCES[code]}


def digest(files: Iterable[str | Path]) -> str:
    """SHA-256 over the names and bytes of the files that make the method: what the reviewers see as declared."""
    total = hashlib.sha256()
    for file in sorted(Path(one) for one in files):
        for part in (file.name.encode(), file.read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()
