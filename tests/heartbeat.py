"""Says which tests are running when nothing else was printed for some seconds."""

import os
import threading
import time

import pytest

SILENCE = 10.0


class Heartbeat:
    """A plugin with a thread of its own, in the process that prints.

    Made in pytest_configure: later the tests' output is captured, this screen with it.
    """

    def __init__(self) -> None:
        self.screen = os.dup(1)
        self.running: dict[str, float] = {}
        self.spoken = time.monotonic()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, name="heartbeat", daemon=True)

    def watch(self) -> None:
        while not self.ended.wait(SILENCE / 8):
            if time.monotonic() - self.spoken > SILENCE:
                self.say()

    def say(self) -> None:
        self.spoken = time.monotonic()
        tests = [f"{test} ({self.spoken - began:.0f} s)" for test, began in self.running.items()]
        os.write(self.screen, f"\n  ... {', '.join(tests) or 'collecting'}\n".encode())

    def pytest_sessionstart(self) -> None:
        self.thread.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running = self.running | {nodeid: time.monotonic()}

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        # A new dict: the thread walks over the former one.
        self.running = {test: began for test, began in self.running.items() if test != nodeid}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":  # a mark for it is printed now
            self.spoken = time.monotonic()

    def pytest_sessionfinish(self) -> None:
        self.ended.set()
