"""Nobody stares at a silent screen: says which test is running when nothing else was printed for some seconds."""

import os
import threading
import time
from collections.abc import Callable

import pytest

SILENCE = 4.0


class Heartbeat:
    """A plugin with a thread of its own. Made in pytest_configure, it keeps the screen that tests are captured away from."""

    def __init__(self, say: Callable[[str], object] | None = None, silence: float = SILENCE) -> None:
        screen = os.dup(1)
        self.say = say or (lambda line: os.write(screen, f"{line}\n".encode()))
        self.silence = silence
        self.what, self.began = "collecting the tests", time.monotonic()
        self.told = self.began
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, name="heartbeat", daemon=True)

    def watch(self) -> None:
        while not self.ended.wait(self.silence / 8):
            now = time.monotonic()
            if now - self.told > self.silence:
                self.told = now
                self.say(f"\n  ... still {self.what} ({now - self.began:.0f} s)")

    def pytest_sessionstart(self) -> None:
        self.thread.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.what, self.began = f"running {nodeid}", time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":  # a mark for it is printed now
            self.told = time.monotonic()

    def pytest_sessionfinish(self) -> None:
        self.ended.set()
