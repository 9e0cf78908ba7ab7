"""A real worker process for tests, with the folders it uses."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


@dataclass
class WorkerProcess:
    """Started with the methods of a folder on its import path; its log goes to a file.

    `hosted`: the methods that it hosts, by name; None: all. `cards`: where cards are kept, its own folder by default."""

    url: str
    folder: Path
    methods: Path
    token: str
    options: tuple[str, ...] = ()
    sandbox: str | None = "prefer"
    prelude: tuple[str, ...] = ()
    hosted: Sequence[str] | None = None
    cards: Path | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token_file.write_text(self.token)
        self.ready_file.unlink(missing_ok=True)  # of one that was killed in this folder
        command = [
            *self.prelude,
            sys.executable,
            "-m",
            "services.analysis.worker",
            "--url",
            self.url,
            "--token-file",
            str(self.token_file),
        ]
        command += ["--scratch", str(self.scratch), "--name", "test", *self.options]
        command += ["--cache", str(self.cards or self.folder / "cards"), "--ready-file", str(self.ready_file)]
        command += ["--sandbox", self.sandbox] if self.sandbox else []
        command += [] if self.hosted is None else ["--methods", *self.hosted]
        paths = filter(None, [os.environ.get("PYTHONPATH")])
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(self.methods), *paths]),
            "SECRET_OF_WORKER": "secret",
        }
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603

    @property
    def token_file(self) -> Path:
        return self.folder / "token"

    @property
    def log_file(self) -> Path:
        return self.folder / "log"

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready"

    def ready(self) -> list[str]:
        """Wait until it asks for runs; what it hosts, `name@version` each."""
        eventually(self.ready_file.exists, self)
        methods: list[str] = json.loads(self.ready_file.read_bytes())["methods"]
        return methods

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log: each must be JSON."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def family(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def left_in_scratch(self) -> list[Path]:
        return [path for path in self.scratch.rglob("*") if path.is_file() and path.name != "lock"]

    def end(self) -> int:
        """Ask it to stop, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


def eventually(holds: Callable[[], object], worker: WorkerProcess | None = None, seconds: float = PATIENCE) -> None:
    """Wait until it holds; fail at once if the worker that it depends on ends before.

    The time only ends a test that hangs: it is no measure of how fast anything has to be."""
    end = time.monotonic() + seconds
    while True:
        code = worker.process.poll() if worker else None  # before the look: what it did last counts
        if holds():
            return
        if worker is not None and code is not None:
            raise AssertionError(f"the worker ended with {code}:\n{worker.log_file.read_text()[-4000:]}")
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.02)
