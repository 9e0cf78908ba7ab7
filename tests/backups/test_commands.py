"""The operator's page, as it stands there, with the Makefile's own targets."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.snapshots.installations import unpacked

ROOT = Path(__file__).parents[2]
# What it needs is installed already; the folders are those of the test.
MAKE = 'make() { command make -s -f "$ROOT/Makefile" -o install-demo BIN="$BIN" "$@"; }'


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "ROOT": str(ROOT),
        "PYTHONPATH": str(ROOT),
        "BIN": str(Path(sys.executable).parent),
    }
    command = ["bash", "-euo", "pipefail", "-c", f"{MAKE}\n{script}"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.heavy
async def test_the_commands_shown_work(tmp_path: Path) -> None:
    (tmp_path / "var" / "serve").mkdir(parents=True)
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    shown = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    async with unpacked("0.1.0", "sqlite", tmp_path / "var" / "serve"):
        done = await asyncio.to_thread(run, tmp_path, shown[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The installation holds all of it." in done.stdout
    for script, words in (
        (
            "make restore FROM=backups/monday FOLDER=var/restored",
            "Refused: The target is not empty",
        ),
        ("make backup TO=backups/tuesday", "Say which installation: FOLDER=... "),
        ("make restore FROM=backups/none FOLDER=var/new", "There is no backup in backups/none"),
    ):
        refused = await asyncio.to_thread(run, tmp_path, script)
        assert refused.returncode == 2, refused.stderr
        assert words in refused.stdout
    assert not (tmp_path / "var" / "new").exists()
    assert not (tmp_path / "backups" / "tuesday").exists()
