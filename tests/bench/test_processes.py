"""A process that ends between two looks has ended; it is no error."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests.processes import gone


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One that runs until somebody ends it."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_before_and_after_its_end(process: subprocess.Popen[bytes]) -> None:
    assert not gone(process.pid)
    ended(process)
    assert gone(process.pid)


def test_one_that_nobody_has_reaped(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert gone(process.pid)


@pytest.mark.parametrize("look", ["pid_exists", "Process.__init__", "Process.status"])
def test_one_that_ends_right_after_a_look_is_no_error(
    look: str, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is looked at first: the next look finds nothing any more."""
    holder, _, name = look.rpartition(".")
    owner: Any = getattr(psutil, holder) if holder else psutil
    real: Callable[..., Any] = getattr(owner, name)

    def then_it_ends(*given: Any, **more: Any) -> Any:
        if name == "status":  # the look before was the making of the Process
            ended(process)
        answer = real(*given, **more)
        ended(process)
        return answer

    monkeypatch.setattr(owner, name, then_it_ends)
    gone(process.pid)
    monkeypatch.undo()
    ended(process)
    assert gone(process.pid)
