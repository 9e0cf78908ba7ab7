"""Read the cards of the methods that are here, each in a confined child of its own, and announce them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import ValidationError

from services.analysis.worker import hosting, outputs
from services.analysis.worker.client import Client, RefusedError
from services.analysis.worker.folders import run_folders
from services.analysis.worker.hosting import Code, Hosted
from services.analysis.worker.jobs import CARD_FILE, Job, Sandbox, Task
from services.analysis.worker.launcher import Launcher, LauncherLostError
from services.analysis.worker.outputs import InvalidError
from shared.contracts import MethodCard

log = logging.getLogger(__name__)
DESCRIBE_SECONDS = 60


class UnloadableError(Exception):
    """The code does not give a valid method card."""


async def hosted(launcher: Launcher, scratch: Path, sandbox: Sandbox, targets: list[str] | None = None) -> AsyncIterator[Hosted]:
    """Every method whose code is here and gives a card. One that is broken keeps no other from work."""
    for target in hosting.targets() if targets is None else targets:
        try:
            code = await asyncio.to_thread(hosting.locate, target)
            card = await _card(launcher, scratch, sandbox, code)
        except (
            hosting.NotFoundError,
            UnloadableError,
            LauncherLostError,
            ImportError,
            OSError,
            SyntaxError,
            ValueError,
        ) as fault:
            log.error("a method cannot be hosted", extra={"method": target, "error": type(fault).__name__})
        else:
            yield Hosted(code, card, code.digest)


async def announce(client: Client, found: AsyncIterator[Hosted]) -> list[Hosted]:
    """Those that the service takes; waits for a service that is not up yet."""
    taken: list[Hosted] = []
    async for one in found:
        about = {"method": f"{one.card.name}@{one.card.version}", "digest": one.digest}
        try:
            if await client.announce(one.card, one.digest):
                taken.append(one)
                log.info("method announced", extra=about)
            else:
                log.error("another method of this name and version is registered: raise the version", extra=about)
        except RefusedError as refused:
            log.error("the service refused a method", extra=about | {"status": refused.status})
    return taken


async def _card(launcher: Launcher, scratch: Path, sandbox: Sandbox, code: Code) -> MethodCard:
    with run_folders(scratch) as folders:
        job = Job(
            task=Task.DESCRIBE,
            target=code.target,
            work=str(folders.work),
            bundle=str(folders.bundle),
            readable=code.readable,
            seconds=DESCRIBE_SECONDS,
            sandbox=code.sandbox(sandbox),
        )
        report = await launcher.run(job, lambda progress, message: None)
        log.info("card read", extra={"method": code.target, "exit": report.exit, "layers": vars(report.layers)})
        try:
            return MethodCard.model_validate_json(outputs.read(str(folders.work), CARD_FILE))
        except (FileNotFoundError, ValidationError, InvalidError):
            raise UnloadableError from None
