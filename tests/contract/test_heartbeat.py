"""`make test` is never silent for long."""

import queue
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.heartbeat import Heartbeat

ROOT = Path(__file__).parents[2]


def test_a_long_test_is_named_again_and_again() -> None:
    said: queue.Queue[str] = queue.Queue()
    heartbeat = Heartbeat(said.put, silence=0.05)
    heartbeat.pytest_sessionstart()
    assert "collecting the tests" in said.get(timeout=30)
    heartbeat.pytest_runtest_logstart("tests/a.py::test_b")
    while "tests/a.py::test_b" not in said.get(timeout=30):
        pass
    assert "tests/a.py::test_b" in said.get(timeout=30)
    heartbeat.pytest_sessionfinish()
    heartbeat.thread.join(30)
    assert not heartbeat.thread.is_alive()


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_the_run_of_the_tests_has_one(quiet: list[str], tmp_path: Path) -> None:
    """What a real run prints between its own marks, with tests that print and are captured."""
    (tmp_path / "conftest.py").write_text(
        "from tests.heartbeat import Heartbeat\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Heartbeat(silence=0.2))\n"
    )
    (tmp_path / "test_slow.py").write_text("import time\ndef test_slow():\n    print('captured')\n    time.sleep(1.5)\n")
    command = [sys.executable, "-m", "pytest", *quiet, "--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\.\.\. still running \S*test_slow.py::test_slow \(\d+ s\)", ran.stdout)
    assert "captured" not in ran.stdout
