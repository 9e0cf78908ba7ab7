"""ONNX methods that were uploaded to the centre over HTTP: fetched, read in a child, announced; each once."""

import asyncio
import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from services.analysis.worker import announcing, hosting
from services.analysis.worker.cards import CardCache
from services.analysis.worker.client import Client, CorruptError, RefusedError
from services.analysis.worker.hosting import Hosted
from services.analysis.worker.jobs import Sandbox
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.messages import Uploaded

log = logging.getLogger(__name__)
NOT_HOSTED = "The worker could not read the method: its manifest does not fit, or another method has its name and version."


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
            found = announcing.hosted(launcher, self.scratch, self.sandbox, codes, self.cards)
            if taken := await announcing.announce(self.client, found):
                return taken
            await self.client.tell_fault(one, NOT_HOSTED)
        except (CorruptError, RefusedError, KeyError, ValueError) as fault:
            log.error("an uploaded model cannot be hosted", extra={"method": one.name, "error": type(fault).__name__})
        finally:
            self.missing = launcher.missing
            await launcher.stop()
        return []
