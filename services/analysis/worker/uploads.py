"""ONNX methods that were uploaded to the centre over HTTP: fetched, read and tried in a child, announced; each once."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from services.analysis.worker import announcing, hosting
from services.analysis.worker.cards import CardCache
from services.analysis.worker.client import Client, CorruptError, RefusedError
from services.analysis.worker.hosting import Hosted
from services.analysis.worker.jobs import Sandbox
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.messages import Fault, Uploaded
from services.analysis.worker.trying import NotTriedError, tried

log = logging.getLogger(__name__)
NOT_HOSTED = Fault(code="not-hosted")


@dataclass
class Uploads:
    """What this worker has seen of them."""

    client: Client
    scratch: Path
    sandbox: Sandbox
    cards: CardCache
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    missing: tuple[str, ...] | None = None

    async def fresh(self) -> list[Hosted]:
        """Those that are new since the last look, announced."""
        found = [one for one in await self.client.uploads() if (one.name, one.version, one.sha256) not in self.seen]
        hosted: list[Hosted] = []
        for one in found:
            self.seen.add((one.name, one.version, one.sha256))
            hosted += await self._host(one)
        return hosted

    async def _host(self, one: Uploaded) -> list[Hosted]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="model-", dir=self.scratch))
        launcher = Launcher(preload=())
        try:
            await self.client.upload(one, folder)
            codes = await announcing.located([f"{hosting.MODEL}{folder}"])
            faults: list[Fault] = []
            found = announcing.hosted(launcher, self.scratch, self.sandbox, codes, self.cards)
            # What was announced before passed its trial then.
            passed = found if one.announced else self._passed(launcher, found, faults)
            if taken := await announcing.announce(self.client, passed):
                return taken
            await self.client.tell_fault(one, faults[0] if faults else NOT_HOSTED)
        except NotTriedError:
            log.error("models are not tried where a layer of the sandbox is missing", extra={"method": one.name})
        except (CorruptError, RefusedError, KeyError, ValueError) as fault:
            log.error("an uploaded model cannot be hosted", extra={"method": one.name, "error": type(fault).__name__})
        finally:
            self.missing = launcher.missing
            await launcher.stop()
        return []

    async def _passed(self, launcher: Launcher, found: AsyncIterator[Hosted], faults: list[Fault]) -> AsyncIterator[Hosted]:
        """Those that pass their trial; what is wrong with the others is put among the faults."""
        async for one in found:
            if fault := await tried(launcher, self.scratch, self.sandbox, one.code, one.card):
                log.warning("a model failed its trial", extra={"method": one.card.name, "code": fault.code})
                faults.append(fault)
            else:
                yield one
