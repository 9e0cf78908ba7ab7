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
from services.analysis.worker.jobs import CARD_FILE, ChildReport, Job, Sandbox, Task
from services.analysis.worker.launcher import PRELOAD, Launcher, LauncherLostError
from services.analysis.worker.outputs import InvalidError
from shared.contracts import MethodCard

log = logging.getLogger(__name__)
DESCRIBE_SECONDS = 60
PROBE_SECONDS = 20


# What to do about a refusal, by the reason that the service gives.
ADVICE = {
    "other-content": "another card or digest of this version is registered: raise the version",
    "other-client": "another client announced this version, and its runs go to that client alone; nothing has to be done",
    "other-upload": "this version was uploaded with another card: raise the version",
    "withdrawn": "this version was withdrawn: raise the version",
}
UNTOLD = "the service does not say why; if its card or code has changed, raise the version"
NEXT = {"registered": "two method reviewers of two bodies have to approve it", "live": "its runs are claimed"}


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
            kept = card is not None
            if card is None:
                card = await _card(launcher, scratch, sandbox, code)
                if code.digest != digest:  # it changed meanwhile: whose card is this?
                    raise UnloadableError("its code changed meanwhile")
                if cache:
                    cache.put(code, digest, card)
        except FAULTS as fault:
            _not_hosted(code.target, fault)
        else:
            yield Hosted(code, card, digest, kept)


def _not_hosted(target: str, fault: Exception) -> None:
    why = str(fault) if isinstance(fault, UnloadableError) else ""
    log.error("a method cannot be hosted", extra={"method": target, "error": type(fault).__name__, "why": why})


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
    """Those that the service takes; waits for a service that is not up yet. Each gets one line of the log."""
    taken: list[Hosted] = []
    async for one in found:
        about = {"method": f"{one.card.name}@{one.card.version}", "digest": one.digest, "card": "kept" if one.kept else "read"}
        try:
            state = await client.announce(one.card, one.digest)
        except RefusedError as refused:
            level = logging.INFO if refused.reason == "other-client" else logging.ERROR
            why = ADVICE.get(refused.reason) or refused.detail or UNTOLD
            log.log(level, f"method not taken: {why}", extra=about | {"status": refused.status})
        else:
            taken.append(one)
            log.info("method announced", extra=about | {"state": state, "next": NEXT.get(state, "")})
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
        log.debug("card read", extra={"method": code.target, "exit": report.exit, "layers": vars(report.layers)})
        try:
            return MethodCard.model_validate_json(outputs.read(str(folders.work), CARD_FILE))
        except (FileNotFoundError, ValidationError, InvalidError):
            raise UnloadableError(no_card(report)) from None


def no_card(report: ChildReport) -> str:
    """Why a child left no card."""
    missing = ", ".join(report.layers.missing)
    return f"it gave no valid card (exit {report.exit}{f'; missing of the sandbox: {missing}' if missing else ''})"
