"""Files of a local folder: certainly on the disk, and removed when they are old."""

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from shared.clock import now


def sync(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep_folder(folder: Path, older_than: timedelta) -> int:
    count, limit = 0, now().timestamp() - older_than.total_seconds()
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < limit:
                path.unlink()
                count += 1
    return count
