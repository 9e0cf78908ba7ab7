"""Runs the check in a process of its own: a file that breaks the reader breaks nothing else."""

import asyncio
import sys
from pathlib import Path

from pydantic import BaseModel

from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Report
from shared.contracts import Column

ROOT = Path(__file__).resolve().parents[3]


class Job(BaseModel):
    path: Path
    media_type: str
    columns: tuple[Column, ...]
    limits: Limits


class CheckCrashedError(Exception):
    """The process ended without a report."""


async def check_apart(job: Job) -> Report:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.catalog.profile",
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(job.limits.seconds):
            answer, _ = await process.communicate(job.model_dump_json().encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise CheckCrashedError(f"the check ended with status {process.returncode}")
    return Report.model_validate_json(answer)
