"""Real processes of the engine for tests: a scheduler, and nodes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.analysis.worker.engine import Certificates

ROOT = Path(__file__).parents[2]


@contextmanager
def started(kind: str, certificates: Certificates, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of the engine, and the address that it says it has."""
    command = [sys.executable, "-m", "services.analysis.worker.engine"]
    for name in ("authority", "certificate", "key"):
        command += [f"--{name}", str(getattr(certificates, name))]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    log = certificates.key.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, kind, *options], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        yield process, line.split()[1]
    finally:
        process.kill()
        process.communicate()
