"""An installation that was interrupted anywhere mends itself: killed at several points, and begun again with the same command."""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from deploy.install import digest, installed
from deploy.running import ROOT
from tests.waiting import PATIENCE

FILES = 3000
"""Of the package `many`: enough that pip is still at work when it is killed."""


def wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Write a wheel; the line of a requirements file that names it with its hash."""
    about = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        files |= {
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
        for inside, text in files.items():
            archive.writestr(inside, text)
    return f"{name} @ {path.as_uri()} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs of a clone: the installer, and a group of two packages."""
    for name in ("deploy", "requirements", "wheels"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "deploy" / "install.py", tmp_path / "deploy")
    many = {f"many/m{number}.py": "x = 1\n" for number in range(FILES)} | {"many/__init__.py": ""}
    lines = [wheel(tmp_path / "wheels", "few", {"few.py": "y = 2\n"}), wheel(tmp_path / "wheels", "many", many)]
    (tmp_path / "requirements" / "tiny.txt").write_text("".join(lines))
    return tmp_path


def begin(clone: Path) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PIP_NO_COMPILE": "1", "PIP_NO_INDEX": "1"}
    command = [sys.executable, "-m", "deploy.install", "tiny"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=clone, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def killed_when(clone: Path, seen: str, *, group: bool) -> None:
    """Begin, and kill it as soon as a path is there: with all that it started, or alone."""
    with begin(clone) as process:
        limit = time.monotonic() + PATIENCE
        while not any(clone.glob(f".venv/{seen}")):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < limit
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
    assert process.returncode == -signal.SIGKILL


def ends_well(clone: Path) -> None:
    with begin(clone) as process:
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 0, said
    count = "import few, many, pathlib; print(len(list(pathlib.Path(many.__file__).parent.glob('m*.py'))))"
    done = subprocess.run([clone / ".venv/bin/python", "-c", count], capture_output=True, text=True, check=True)
    assert int(done.stdout) == FILES
    subprocess.run([clone / ".venv/bin/python", "-m", "pip", "check"], capture_output=True, check=True)
    assert list(clone.glob(".venv/lib/python3*/site-packages/many-1.0.dist-info/RECORD"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seen", "group"),
    [
        ("bin/python", True),
        ("lib/python3*/site-packages/pip/_internal", True),
        ("lib/python3*/site-packages/many/m1500.py", True),
        ("lib/python3*/site-packages/many/m1500.py", False),
    ],
)
def test_an_installation_that_was_killed_mends_itself(clone: Path, seen: str, group: bool) -> None:
    killed_when(clone, seen, group=group)
    ends_well(clone)


@pytest.mark.slow
def test_an_environment_without_pip_is_made_anew(clone: Path) -> None:
    """As an earlier version left it; and what is whole is left alone."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    ends_well(clone)
    before = (clone / ".venv/installed/tiny").stat().st_mtime_ns
    ends_well(clone)
    assert (clone / ".venv/installed/tiny").stat().st_mtime_ns == before
    (clone / ".venv/bin/python").unlink()
    (clone / ".venv/bin/python").symlink_to("/nowhere/python3")
    ends_well(clone)


def installed_by_hand(clone: Path) -> None:
    """As an installation that succeeded leaves it, as far as the next one looks."""
    for path, text in (("installed/tiny", digest(clone / "requirements/tiny.txt")), ("bin/python", "")):
        (clone / ".venv" / path).parent.mkdir(parents=True)
        (clone / ".venv" / path).write_text(text)


def test_a_second_installation_waits_for_the_first(clone: Path) -> None:
    """It would clear the folder under the other's pip."""
    lock = os.open(clone, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with begin(clone) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Another installation is under way")
        installed_by_hand(clone)
        os.close(lock)
        assert process.stdout.read() == "", "there was nothing left to install"
    assert process.returncode == 0


def test_what_was_interrupted_counts_as_not_installed(clone: Path) -> None:
    requirements, target = clone / "requirements/tiny.txt", clone / ".venv"
    installed_by_hand(clone)
    assert installed(target, "tiny", requirements)
    (target / "unfinished").touch()
    assert not installed(target, "tiny", requirements)
    (target / "unfinished").unlink()
    requirements.write_text("other")
    assert not installed(target, "tiny", requirements)
