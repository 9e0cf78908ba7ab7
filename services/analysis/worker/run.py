"""The worker's main program: announce what it hosts, then claim and perform runs until it is told to stop."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from services.analysis.worker import announcing, hosting, logs
from services.analysis.worker.cards import CardCache
from services.analysis.worker.client import Client, RefusedError
from services.analysis.worker.execution import Execution
from services.analysis.worker.folders import own_folder
from services.analysis.worker.hosting import Hosted
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.messages import Claim, MethodId
from services.analysis.worker.options import Options, parse
from services.analysis.worker.tokens import TokenFile
from services.analysis.worker.uploads import Uploads

log = logging.getLogger("services.analysis.worker")
T = TypeVar("T")
CLAIM_WAIT = 20.0
PAUSE_AFTER_FAULT = 2.0
PAUSE_BETWEEN_UPLOADS = 2.0
NOTHING_HOSTED = 2


@dataclass
class Worker:
    """One process: some slots, each with a launcher of its own, that take one run at a time."""

    options: Options
    client: Client
    scratch: Path
    hosted: dict[tuple[str, str, str], Hosted] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    cards: CardCache = field(default_factory=CardCache)
    missing: tuple[str, ...] | None = None
    """Layers of the sandbox that do not hold here; None as long as nothing was tried."""

    async def work(self) -> int:
        options = self.options
        codes = await announcing.located(hosting.targets(options.models, options.methods))
        launchers = [Launcher(preload=announcing.preload(codes)) for _ in range(options.concurrency)]
        try:
            found = announcing.hosted(launchers[0], self.scratch, options.sandbox, codes, self.cards)
            announced = await self._unless_stopped(announcing.announce(self.client, found))
            if announced is None:
                return 0
            self.hosted = {one.key: one for one in announced}
            self.missing = launchers[0].missing
            if not self.hosted and not options.uploads:
                log.error("there is no method that this worker may run")
                return NOTHING_HOSTED
            more = [self._uploads()] if options.uploads else []
            with self._ready():
                await asyncio.gather(*(self._slot(launcher) for launcher in launchers), *more)
        finally:
            await asyncio.gather(*(launcher.stop() for launcher in launchers))
        return 0

    @contextmanager
    def _ready(self) -> Iterator[None]:
        """Say so, once all that is here is announced; whoever waits for the file sees it whole or not at all."""
        methods = sorted(f"{name}@{version}" for name, version, _ in self.hosted)
        log.info("worker ready", extra={"hosted": len(methods), "methods": methods, "missing_layers": self.missing})
        file = self.options.ready_file
        if file is None:
            yield
            return
        begun = file.with_name(f".{file.name}-{uuid4().hex}")
        begun.write_text(json.dumps({"pid": os.getpid(), "methods": methods}) + "\n")
        begun.replace(file)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)

    async def _uploads(self) -> None:
        """Host what is uploaded to the centre, as it comes; no restart."""
        uploads = Uploads(self.client, self.scratch, self.options.sandbox, self.cards)
        while not self.stopping.is_set():
            try:
                fresh = await self._unless_stopped(uploads.fresh()) or []
                self.missing = uploads.missing if self.missing is None else self.missing
                self.hosted |= {one.key: one for one in fresh}
            except Exception as fault:
                log.error("the uploaded models could not be looked up", extra={"error": type(fault).__name__})
            await self._unless_stopped(asyncio.sleep(PAUSE_BETWEEN_UPLOADS))

    async def _slot(self, launcher: Launcher) -> None:
        while not self.stopping.is_set() and (self.hosted or self.options.uploads):
            if not self.hosted:
                await self._unless_stopped(asyncio.sleep(PAUSE_BETWEEN_UPLOADS))
                continue
            try:
                if await self._next(launcher) and self.options.once:
                    self.stopping.set()
            except Exception as fault:
                status = fault.status if isinstance(fault, RefusedError) else None
                log.error("no run could be carried out", extra={"error": type(fault).__name__, "status": status})
                await self._unless_stopped(asyncio.sleep(PAUSE_AFTER_FAULT))

    async def _next(self, launcher: Launcher) -> bool:
        """Claim and perform one run; False if there was none."""
        methods = [MethodId(name=name, version=version, digest=digest) for name, version, digest in self.hosted]
        claim = await self._unless_stopped(self.client.claim(methods, self.missing, wait=CLAIM_WAIT))
        if claim is None:
            return False
        log.info("run claimed", extra={"run": str(claim.run_id), "fence": claim.fence, "method": claim.method.name})
        hosted = self._still_hosted(claim)
        if hosted is None:
            return False
        options = self.options
        chosen = (options.sandbox, options.logs, options.threads, options.send_logs, options.cluster)
        execution = Execution(self.client, launcher, claim, hosted, self.scratch, *chosen)
        await self._until_grace_ends(execution)
        return True

    def _still_hosted(self, claim: Claim) -> Hosted | None:
        """None if the code on disk is no longer what was reviewed: the run is left to another worker."""
        key = (claim.method.name, claim.method.version, claim.method.digest)
        hosted = self.hosted.get(key)
        if hosted is not None and hosted.code.digest == hosted.digest:
            return hosted
        log.error("the code of a method has changed; restart the worker", extra={"method": claim.method.name})
        self.hosted.pop(key, None)
        return None

    async def _until_grace_ends(self, execution: Execution) -> None:
        """Told to stop, a run may still end within the grace; after that it is given back for another worker."""
        running = asyncio.create_task(execution.perform())
        told = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([running], timeout=self.options.grace)
            late = not running.done()
        finally:
            told.cancel()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        if late:
            log.warning("the run is given back", extra={"run": str(execution.claim.run_id)})
            await execution.give_back()

    async def _unless_stopped(self, doing: Coroutine[Any, Any, T]) -> T | None:
        """None if the worker is told to stop first."""
        task = asyncio.create_task(doing)
        told = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
            return await task if task.done() else None
        finally:
            for one in (task, told):
                one.cancel()
            await asyncio.gather(task, told, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    logs.configure(options.name)
    return asyncio.run(start(options))


async def start(options: Options) -> int:
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)  # of a worker that was killed
    if options.cluster:
        options.cluster.prepare()
    with own_folder(options.scratch) as scratch:
        client = Client(options.url, TokenFile(options.token_file), uuid4())
        worker = Worker(options, client, scratch, cards=CardCache(options.cache))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stopping.set)
        try:
            return await worker.work()
        except hosting.UnknownMethodError as unknown:
            log.error("there is no method of this name here", extra={"method": str(unknown)})
            return NOTHING_HOSTED
        finally:
            await client.close()
            log.info("worker stopped")
