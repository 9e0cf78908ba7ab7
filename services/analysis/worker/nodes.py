"""What of one run the nodes of an engine do: the scores of a hosted model, and answers to what the child asks."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.analysis.worker.asking import ANSWER_FILE
from services.analysis.worker.cluster import Cluster, ClusterError
from services.analysis.worker.folders import RunFolders
from services.analysis.worker.hosting import Code
from services.analysis.worker.jobs import ANSWERED, CANCEL, UNANSWERED
from services.analysis.worker.messages import Claim
from services.analysis.worker.onnx_method import SCORES_FILE
from services.analysis.worker.verdict import Verdict

log = logging.getLogger(__name__)


@dataclass
class RunOnNodes:
    """Of a worker without an engine they do nothing. `failed`: how the run ends if they did not do their part."""

    cluster: Cluster | None
    claim: Claim
    tell: Callable[[float | None, str], None]
    failed: Verdict | None = None

    async def score(self, code: Code, folders: RunFolders) -> None:
        """As many nodes at a time as there are make the scores of a model that is here; the child is left with the results."""
        if not self.cluster:
            return
        log.info("scores are made on the engine", extra=self.about)
        limits, began = self.claim.resources, time.monotonic()
        try:
            found = await self.cluster.scores(code, folders.bundle, limits.memory_mb, limits.seconds, self.tell)
        except ClusterError as fault:
            self.fail(fault)
            return
        about = self.about | {"seconds": round(time.monotonic() - began, 3)}
        if found is None:
            log.warning("the model refused its rows on the engine; the child says why", extra=about)
            return
        (folders.bundle / SCORES_FILE).write_bytes(found.tobytes())
        log.info("scores came from the engine", extra=about | {"rows": len(found)})

    async def answer(self, folders: RunFolders) -> bytes:
        """What to order the launcher when the child has asked something: without an answer that should be there, the end."""
        if not self.cluster:
            return UNANSWERED
        limits = self.claim.resources
        try:
            found = await self.cluster.answer(folders.work, limits.memory_mb, limits.seconds, self.tell_words)
        except ClusterError as fault:
            self.fail(fault)
            return CANCEL
        if found is None:
            log.warning("the engine does not answer what is asked; the child does", extra=self.about)
            return UNANSWERED
        await asyncio.to_thread((folders.bundle / ANSWER_FILE).write_bytes, found.tobytes())
        log.info("an answer came from the engine", extra=self.about | {"rows": len(found)})
        return ANSWERED

    def fail(self, fault: ClusterError) -> None:
        log.warning("no scores came from the engine", extra={"run": str(self.claim.run_id), "why": str(fault)})
        self.failed = Verdict.failed("engine-failed", str(fault))

    def tell_words(self, _: float, words: str) -> None:
        """How far the run is, its method says."""
        self.tell(None, words)

    @property
    def about(self) -> dict[str, Any]:
        return {"run": str(self.claim.run_id), "scheduler": self.cluster.scheduler if self.cluster else ""}
