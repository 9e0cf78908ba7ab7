"""Runs the check in a process of its own: a file that breaks the reader breaks nothing else."""

import logging
import sys
from pathlib import Path

from pydantic import BaseModel, ValidationError

from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Report
from shared.children import masked, run_child
from shared.contracts import Column

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[3]


class Job(BaseModel):
    path: Path
    media_type: str
    columns: tuple[Column, ...]
    limits: Limits


class CheckCrashedError(Exception):
    """The process ended without a report."""


COMMAND = (sys.executable, "-m", "services.catalog.profile")


async def check_apart(job: Job) -> Report:
    """The report on a file. Raises CheckCrashedError, and TimeoutError after the job's seconds."""
    ended = await run_child(
        COMMAND,
        question=job.model_dump_json().encode(),
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        seconds=job.limits.seconds,
    )
    if ended.printed:
        log.info("the check printed something", extra={"printed": masked(ended.printed)})
    if ended.status != 0:
        raise CheckCrashedError(f"the check ended with status {ended.status}")
    try:
        return Report.model_validate_json(ended.answer)
    except ValidationError:
        # Without the error itself, which quotes what was answered.
        raise CheckCrashedError("the check answered with no report") from None
