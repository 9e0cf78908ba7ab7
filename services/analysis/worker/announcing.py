"""Read the cards of the methods that are here, each new one in a confined child of its own, and announce them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from pydantic import ValidationError

from services.analysis.worker import hosting, outputs
from services.analysis.worker.cards import CardCache
from services.analysis.worker.client import Client, RefusedError
from services.analysis.worker.folders import run_folders
from services.analysis.worker.hosting import Code, Hosted
from services.analysis.worker.jobs import CARD_FILE, Job, Sandbox, Task
from services.analysis.worker.launcher import PRELOAD, Launcher, LauncherLostError
from services.analysis.worker.outputs import InvalidError
from shared.contracts import MethodCard

log = logging.getLogger(__name__)
DESCRIBE_SECONDS = 60
PROBE_SECONDS = 20


class UnloadableError(Exception):
    """The code does not give a valid method card."""


FAULTS = (hosting.NotFoundError, UnloadableError, LauncherLostError, ImportError, OSError, SyntaxError, ValueError)


async def located(targets: Iterable[str]) -> list[Code]:
    """The code of each target that is here."""
    found: list[Code] = []
    for target in targets:
        try:
            found.append(await asyncio.to_thread(hosting.locate, target))
        except FAULTS as fault:
            _not_hosted(target, fault)
    return found


def preload(codes: Iterable[Code]) -> tuple[str, ...]:
    """Those modules of PRELOAD whose library one of the methods imports."""
    imported: set[str] = set()
    for code in codes:
        try:
            imported |= hosting.libraries(code)
        except (OSError, SyntaxError, ValueError):
            continue  # its child will say what is wrong with it
    return tuple(module for module in PRELOAD if module.partition(".")[0] in imported)


async def hosted(
    launcher: Launcher, scratch: Path, sandbox: Sandbox, codes: Iterable[Code], cards: CardCache | None = None
) -> AsyncIterator[Hosted]:
    """Every method that gives a card, as soon as it has. One that is broken keeps no other from work."""
    cache = cards if cards is not None and await _complete(launcher, scratch, sandbox) else None
    for code in codes:
        try:
            digest = code.digest
            card = cache.get(code, digest) if cache else None
            if card is None:
                card = await _card(launcher, scratch, sandbox, code)
                if code.digest != digest:  # it changed meanwhile: whose card is this?
                    raise UnloadableError
                if cache:
                    cache.put(code, digest, card)
        except FAULTS as fault:
            _not_hosted(code.target, fault)
        else:
            yield Hosted(code, card, digest)


def _not_hosted(target: str, fault: Exception) -> None:
    log.error("a method cannot be hosted", extra={"method": target, "error": type(fault).__name__})


async def _complete(launcher: Launcher, scratch: Path, sandbox: Sandbox) -> bool:
    """Whether every layer of the sandbox holds here. Where one is missing, a method could have written to the cache."""
    with run_folders(scratch) as folders:
        job = Job(
            task=Task.PROBE,
            target="",
            work=str(folders.work),
            bundle=str(folders.bundle),
            seconds=PROBE_SECONDS,
            sandbox=Sandbox.OFF if sandbox is Sandbox.OFF else Sandbox.PREFER,
        )
        try:
            report = await launcher.run(job, lambda progress, message: None)
        except LauncherLostError:
            return False
    return report.exit == 0 and report.layers.complete


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
