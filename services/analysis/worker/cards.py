"""Method cards that were read before, kept by the digest of the code that gave them."""

import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from services.analysis.worker import hosting
from services.analysis.worker.hosting import Code
from shared.contracts import MethodCard

log = logging.getLogger(__name__)
PROTOCOL: Final = 1  # raised when the same code may give another card
LARGEST_ENTRY: Final = 1 << 20  # bytes; a card of our own has 16 KiB
UNUSED_SECONDS: Final = 90 * 86400.0  # after which an entry is removed
SECRET_BYTES: Final = 32
SECRET_FILE: Final = "secret"  # noqa: S105  a file's name
OWN_CODE: Final = ("services.analysis.worker", "shared.contracts")


@dataclass
class CardCache:
    """Cards in memory and, if there is a folder, in files that this user alone reads and writes.

    Only `announcing` calls it, and only where every layer of the sandbox holds: there no method can reach the folder.
    Each file is authenticated by a secret of the folder, so one that was copied, cut or changed is not believed."""

    folder: Path | None = None
    _cards: dict[str, MethodCard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folder is not None and not _private(self.folder):
            log.warning("method cards are not kept: the folder is not this user's alone", extra={"folder": str(self.folder)})
            self.folder = None

    def get(self, code: Code, digest: str) -> MethodCard | None:
        """The card that this code gave, if it is known and still valid."""
        key = self._key(code, digest)
        if key not in self._cards and (card := self._read(key)) is not None:
            self._cards[key] = card
        return self._cards.get(key)

    def put(self, code: Code, digest: str, card: MethodCard) -> None:
        """Keep a card. A folder that takes nothing costs another reading at the next start, and nothing else."""
        key = self._key(code, digest)
        self._cards[key] = card
        if self.folder is None:
            return
        body = card.model_dump_json().encode()
        try:
            _write(self.folder, key, _mac(_secret(self.folder), key, body) + b"\n" + body)
            _remove_unused(self.folder)
        except (OSError, ValueError) as fault:
            log.warning("a method card was not kept", extra={"error": type(fault).__name__})

    def _read(self, key: str) -> MethodCard | None:
        if self.folder is None:
            return None
        try:
            mac, _, body = _content(self.folder / key).partition(b"\n")
            if not hmac.compare_digest(mac, _mac(_secret(self.folder), key, body)):
                raise ValueError("not written by us")
            card = MethodCard.model_validate_json(body)
            os.utime(self.folder / key)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError) as fault:
            log.warning("a kept method card is not believed", extra={"error": type(fault).__name__})
            return None
        return card

    def _key(self, code: Code, digest: str) -> str:
        """Of two entry points into the same files each has a card of its own; a model's folder says nothing."""
        entry = hosting.MODEL if code.target.startswith(hosting.MODEL) else code.target
        return hashlib.sha256(json.dumps([entry, digest, self._environment]).encode()).hexdigest()

    @cached_property
    def _environment(self) -> str:
        return environment()


def environment() -> str:
    """SHA-256 over what else can change a card: our own code, the interpreter, the names and versions of libraries."""
    own = {name: path for package in OWN_CODE for name, path in hosting.files(package)}
    folders = [folder for entry in sys.path if (folder := Path(entry)).is_dir()]
    libraries = {path.name for folder in folders for path in folder.iterdir() if path.suffix in (".dist-info", ".egg-info")}
    what = [PROTOCOL, sys.version, hosting.digest(own), sorted(libraries)]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _private(folder: Path) -> bool:
    """Make the folder; whether it is ours and nobody else may enter it. A link to one is none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _content(path: Path) -> bytes:
    """ValueError if it is not a plain file of this user alone."""
    # O_NONBLOCK: opening a pipe would wait for its writer.
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise ValueError("not a file of ours")
        if found.st_size > LARGEST_ENTRY:
            raise ValueError("too large")
        return opened.read()


def _write(folder: Path, name: str, content: bytes, *, replace: bool = True) -> None:
    """Whole or not at all, also beside another worker; FileExistsError if it is there and may not be replaced."""
    file, begun = tempfile.mkstemp(prefix=".new-", dir=folder)  # mode 0600
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
        if replace:
            Path(begun).replace(folder / name)
        else:
            os.link(begun, folder / name)
    finally:
        Path(begun).unlink(missing_ok=True)


def _secret(folder: Path) -> bytes:
    """What authenticates this folder's entries; made by the first worker that uses it."""
    if not (folder / SECRET_FILE).exists():
        with suppress(FileExistsError):  # another worker was faster
            _write(folder, SECRET_FILE, secrets.token_bytes(SECRET_BYTES), replace=False)
    found = _content(folder / SECRET_FILE)
    if len(found) != SECRET_BYTES:
        raise ValueError("not a secret of ours")
    return found


def _mac(secret: bytes, key: str, body: bytes) -> bytes:
    return hmac.new(secret, key.encode() + body, hashlib.sha256).hexdigest().encode()


def _remove_unused(folder: Path) -> None:
    oldest = time.time() - UNUSED_SECONDS
    for path in folder.iterdir():
        if path.name != SECRET_FILE and path.lstat().st_mtime < oldest:
            path.unlink(missing_ok=True)
