"""A check does not outlive the service that asked for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "services.catalog.profile"])
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def ended(child: int) -> bool:
    for _ in range(200):
        if not alive(child):
            return True
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    return False


def test_a_killed_service_leaves_no_check_behind() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        time.sleep(2)  # its imports come first; then it waits for a job that never comes, as its input stays open here
        parent.send_signal(signal.SIGKILL)
        assert ended(child), "the check went on after its service was killed"
