"""What a program has loaded is out of the collector's sight, and nothing is said about it at the end."""

import subprocess
import sys

PROGRAM = """
import gc
import duckdb
from shared.memory import settled
app = object()
before = len(gc.get_objects())
assert settled(app) is app
print(gc.get_freeze_count() > 0.9 * before, len(gc.get_objects()) < 0.1 * before)
"""


def test_a_settled_program_collects_only_what_comes_later_and_ends_silently() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True True\n", "")
