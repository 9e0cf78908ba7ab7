"""One run in hand, from its claim to its end: fetch, run in a child, upload, finish; stop at once when told to."""

import asyncio
import hashlib
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from services.analysis.worker import outputs
from services.analysis.worker.client import Client, CorruptError, LostError, RefusedError
from services.analysis.worker.cluster import Cluster
from services.analysis.worker.folders import RunFolders, run_folders
from services.analysis.worker.hosting import Hosted
from services.analysis.worker.jobs import Job, Sandbox, Task
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.manifests import HostedManifest, Remote
from services.analysis.worker.messages import BundleInfo, Claim, Finish, HandedIn
from services.analysis.worker.nodes import RunOnNodes
from services.analysis.worker.onnx_method import FEATURES_FILE, SCORES_FILE
from services.analysis.worker.outputs import Output
from services.analysis.worker.reasons import reason
from services.analysis.worker.remote import RemoteError, scores
from services.analysis.worker.verdict import Verdict, judge
from shared.contracts import Outcome, OutputKind

log = logging.getLogger(__name__)
SIGNAL_WAIT = 20.0
LARGEST_FEATURES = 1 << 31
SHORTEST_PAUSE = 0.5
GIVE_BACK_SECONDS = 5.0  # for a busy service; with `--grace` below what stops a container
LEAST_DISK_MB, DISK_TO_MEMORY = 512, 4  # what spills is a multiple of what is held
LONGEST_LOG = 64 * 1024


@dataclass
class Execution:
    """Everything that one claim needs; used once."""

    client: Client
    launcher: Launcher
    claim: Claim
    hosted: Hosted
    scratch: Path
    sandbox: Sandbox
    logs: Path | None = None
    threads: int = 1
    sends_log: bool = False
    cluster: Cluster | None = None
    progress: float = 0.0
    message: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._nodes = RunOnNodes(self.cluster, self.claim, self._on_progress)

    async def perform(self) -> Outcome | None:
        """How the run ended; None if it is no longer ours. Cancelling this leaves the run to its lease."""
        work = asyncio.create_task(self._work())
        ears = [asyncio.create_task(self._heartbeats()), asyncio.create_task(self._signals())]
        try:
            await asyncio.wait([work, *ears], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            await _stopped(work)
            for ear in ears:
                if ear.done():
                    ear.result()
            return await self._finish(Verdict(Outcome.CANCELLED, reason("cancelled")), [])
        except LostError as lost:
            log.warning("the run is no longer ours", extra={"run": str(self.claim.run_id), "status": lost.args[0]})
            return None
        finally:
            await _stopped(work, *ears)

    async def give_back(self) -> None:
        """A run that a stopping worker cannot end: said in time the next worker need not wait for the lease to run out."""
        with suppress(LostError, RefusedError, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self.client.finish(self.claim, Finish(outcome=Outcome.CANCELLED, reason=reason("cancelled")))

    async def _work(self) -> Outcome:
        with run_folders(self.scratch) as folders:
            verdict = await self._verdict(folders)
            try:
                uploaded = [await self._upload(output) for output in verdict.outputs]
            except RefusedError as refused:
                if refused.status not in (400, 413, 415, 422):
                    raise
                why = f"The centre did not accept an output{f' ({refused.code})' if refused.code else ''}."
                verdict, uploaded = Verdict.failed("method-output-invalid", why), []
        return await self._finish(verdict, uploaded)

    async def _verdict(self, folders: RunFolders) -> Verdict:
        try:
            info = await self.client.bundle(self.claim)
            for file in info.files:
                await self.client.download(self.claim, file, folders.bundle / file.name)
        except CorruptError:
            return Verdict.failed("input-corrupt")
        if failed := await self._scored_elsewhere(folders, info):
            return failed
        job = self._job(folders, info)
        report = await self.launcher.run(job, self._on_progress, partial(self._nodes.answer, folders))
        used = {
            "seconds": report.seconds,
            "peak_mb": report.peak_mb,
            "layers": vars(report.layers),
            "exit": report.exit,
        }
        log.info("child ended", extra={"run": str(self.claim.run_id), **used})
        if self.sends_log:
            await self._send_log(Path(job.log))
        if self._nodes.failed:
            return self._nodes.failed
        return await asyncio.to_thread(judge, report, str(folders.work), self.hosted.card)

    async def _scored_elsewhere(self, folders: RunFolders, info: BundleInfo) -> Verdict | None:
        """Put the scores that are not the child's to make beside the bundle; a verdict if there are none."""
        try:
            if remote := self.hosted.code.remote:
                return await self._ask(remote, folders, info)
        except RemoteError as fault:
            return Verdict.failed("remote-failed", str(fault))
        if self.hosted.code.model:
            await self._nodes.score(self.hosted.code, folders)
        return self._nodes.failed

    async def _ask(self, remote: Remote, folders: RunFolders, info: BundleInfo) -> Verdict | None:
        """Put the scores of a model that stands elsewhere beside the bundle; a verdict if it cannot be asked."""
        report = await self.launcher.run(self._job(folders, info, Task.FEATURES), self._on_progress)
        try:
            body = outputs.mapped(str(folders.work), FEATURES_FILE, largest=LARGEST_FEATURES)
        except (FileNotFoundError, outputs.InvalidError):
            return await asyncio.to_thread(judge, report, str(folders.work), self.hosted.card)
        manifest = HostedManifest.model_validate_json(self.hosted.code.files["manifest.json"].read_bytes())
        matrix = np.frombuffer(body, dtype="<f4").reshape(-1, len(manifest.features))
        (folders.bundle / SCORES_FILE).write_bytes((await scores(manifest, remote, matrix)).astype("<f4").tobytes())
        return None

    def _job(self, folders: RunFolders, info: BundleInfo, task: Task = Task.RUN) -> Job:
        return Job(
            task=task,
            target=self.hosted.code.target,
            work=str(folders.work),
            bundle=str(folders.bundle),
            readable=self.hosted.code.readable,
            parameters=info.parameters,
            match_rates=info.match_rates,
            available_from=info.available_from,
            seconds=self.claim.resources.seconds,
            memory_mb=self.claim.resources.memory_mb,
            disk_mb=max(LEAST_DISK_MB, self.claim.resources.memory_mb * DISK_TO_MEMORY),
            threads=self.threads,
            nodes=self.cluster is not None,
            sandbox=self.hosted.code.sandbox(self.sandbox),
            log=self._log_file(folders),
        )

    def _log_file(self, folders: RunFolders) -> str:
        """Where the launcher writes the end of what the method prints; nowhere unless somebody asked for it."""
        if self.logs:
            return str(self.logs / f"{self.claim.run_id}.log")
        return str(folders.root / "log") if self.sends_log else ""

    async def _send_log(self, file: Path) -> None:
        """A log that is not taken changes nothing of how the run ends."""
        with suppress(RefusedError, FileNotFoundError):
            if printed := await asyncio.to_thread(file.read_bytes):
                await self.client.put_artefact(self.claim, f"{OutputKind.LOG}/printed", printed[-LONGEST_LOG:], "text/plain")

    async def _upload(self, output: Output) -> HandedIn:
        await self.client.put_artefact(self.claim, f"{output.kind}/{output.name}", output.body, output.media_type)
        return HandedIn(kind=output.kind, name=output.name, sha256=hashlib.sha256(output.body).hexdigest())

    async def _finish(self, verdict: Verdict, uploaded: list[HandedIn]) -> Outcome:
        finish = Finish(outcome=verdict.outcome, reason=verdict.reason, artefacts=uploaded, alarms=verdict.alarms)
        await self.client.finish(self.claim, finish)
        code = verdict.reason.code if verdict.reason else None
        log.info("run finished", extra={"run": str(self.claim.run_id), "outcome": verdict.outcome, "reason": code})
        return verdict.outcome

    def _on_progress(self, progress: float | None, message: str) -> None:
        """None: as far as before."""
        self.progress, self.message = self.progress if progress is None else progress, message
        self._news.set()

    async def _heartbeats(self) -> None:
        """Until the run is cancelled: every third of the lease, and sooner when there is progress to tell."""
        while True:
            answer = await self.client.heartbeat(self.claim, self.progress, self.message)
            if answer.cancel:
                return
            pause = answer.lease_seconds / 3
            first = min(SHORTEST_PAUSE, pause)
            await asyncio.sleep(first)
            with suppress(TimeoutError):  # not `wait_for`: in Python 3.11 that may lose the cancellation that ends this
                async with asyncio.timeout(pause - first):
                    await self._news.wait()
            self._news.clear()

    async def _signals(self) -> None:
        """Until the run is cancelled: a long poll, so that a cancellation arrives at once."""
        while True:
            asked = time.monotonic()
            if (await self.client.signals(self.claim, wait=SIGNAL_WAIT)).cancel:
                return
            await asyncio.sleep(max(0.0, SHORTEST_PAUSE - (time.monotonic() - asked)))


async def _stopped(*tasks: "asyncio.Task[Outcome] | asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
