"""The folders of a worker: one of its own, one a run; what a worker that was killed left behind is removed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "dure-worker-"
LOCK = "lock"


@dataclass(frozen=True)
class RunFolders:
    root: Path

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    @property
    def work(self) -> Path:
        return self.root / "work"


@contextmanager
def own_folder(scratch: Path) -> Iterator[Path]:
    """A folder that is ours as long as we hold its lock: pseudonymised rows do not outlive the worker."""
    scratch.mkdir(parents=True, exist_ok=True)
    sweep(scratch)
    begun = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=scratch)).resolve()
    lock = os.open(begun / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    mine = begun.rename(begun.with_name(begun.name[1:]))  # under this name it may be swept, and it is locked by now
    try:
        yield mine
    finally:
        remove(mine)
        os.close(lock)


def sweep(scratch: Path) -> None:
    """Remove what workers that are no more left here."""
    for left in scratch.glob(f"{PREFIX}*"):
        _remove_if_abandoned(left)


@contextmanager
def run_folders(mine: Path) -> Iterator[RunFolders]:
    folders = RunFolders(Path(tempfile.mkdtemp(prefix="run-", dir=mine)))
    for folder in (folders.bundle, folders.work, folders.work / "tmp"):
        folder.mkdir(mode=0o700)
    try:
        yield folders
    finally:
        remove(folders.root)


def remove(folder: Path) -> None:
    """Also where a method took the rights of its own folders away."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for path, below, _ in os.walk(folder):
            for inner in (Path(path, name) for name in below if not Path(path, name).is_symlink()):
                with suppress(OSError):
                    inner.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(left: Path) -> None:
    with suppress(OSError):
        lock = os.open(left / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(left)
        finally:
            os.close(lock)
