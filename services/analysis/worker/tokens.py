"""The worker's token, read again when its file changes: tokens rotate."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class TokenFile:
    path: Path
    _seen: tuple[int, int, int] | None = None
    _token: str = ""

    def read(self) -> str:
        """The newest token; the one before while the file is being replaced; none before there is a file."""
        try:
            found = self.path.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            if mark != self._seen and (token := self.path.read_text(encoding="ascii").strip()):
                self._seen, self._token = mark, token
        except FileNotFoundError:
            pass
        return self._token
