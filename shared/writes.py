"""Whether writing works just now: what reading alone would not show, such as a disk that is full."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import IntegrityError

from shared.errors import Unavailable

RECENT: Final = 60.0  # seconds: whoever asks every few seconds sees it, and nobody is alarmed by what is long over
# Of a small disk a share, so that it is told before the disk is full; of a large one no more than a day's uploads may need.
LEAST_SHARE: Final = 0.02
LEAST_BYTES: Final = 1024**3
MIB: Final = 1024**2


class Writes:
    """The last write that failed, until another one succeeds. One object for each database and each storage of a process."""

    def __init__(self) -> None:
        self.failed_at: float | None = None
        self.kind = ""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note how a write ends. What is refused by a rule is no failure, nor is what two made at once."""
        try:
            yield
        except Unavailable as error:
            if error.__cause__ is not None and not isinstance(error.__cause__, IntegrityError):
                self.failed(error.__cause__)
            raise
        except OSError as error:
            self.failed(error)
            raise
        self.failed_at = None

    def failed(self, error: BaseException) -> None:
        self.failed_at, self.kind = time.monotonic(), type(error).__name__

    @property
    def trouble(self) -> str | None:
        """None if writing works as far as is known, else a sentence for readyz."""
        if self.failed_at is None or (ago := time.monotonic() - self.failed_at) > RECENT:
            return None
        return f"a write failed {ago:.0f} s ago ({self.kind}), and none has succeeded since"


def disk_trouble(folder: Path | None) -> str | None:
    """None if the disk of the folder has space, or there is no folder; else a sentence for readyz."""
    if folder is None:
        return None
    disk = shutil.disk_usage(folder)
    if disk.free >= min(LEAST_SHARE * disk.total, LEAST_BYTES):
        return None
    return f"its disk has {disk.free // MIB:,} MiB left of {disk.total // MIB:,}"
