"""Who uses a folder or a port of this machine: a file that its holder keeps locked, and a port that is bound before anybody
is told of it. Standard library only."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SUITE_LOCK = "suite.lock"
"""In a suite's folder: held by the process that works with its databases."""
LISTENING = "0A"
"""A state in /proc/net/tcp."""
PROC = Path("/proc")


class TakenError(Exception):
    """A folder or a port is in use; the sentence names by whom."""


@contextmanager
def hold(lock: Path, who: str) -> Iterator[None]:
    """Keep a file locked while the block runs. TakenError names the holder, if there is one.

    The kernel gives the lock back when the process ends, however it ends. It is not inherited by children, and it would
    be lost if this process opened and closed the file a second time."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            holder = os.pread(file, 1000, 0).decode(errors="replace").strip() or "another process"
            raise TakenError(f"{shown(lock.parent)} is in use by {holder}.") from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{who} (process {os.getpid()}, since {datetime.now(UTC).astimezone():%Y-%m-%d %H:%M %Z})".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(file, 0)
    finally:
        os.close(file)


def shown(path: Path) -> Path:
    """As a person names it: from where they stand, if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def listen(port: int) -> socket.socket:
    """A socket that takes connections on a loopback port from now on. TakenError says who else does, or why nobody may."""
    try:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    except PermissionError:
        raise TakenError(f"Port {port} may not be used by this user.") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise TakenError(f"Port {port} is in use by {listener_of(port) or 'another program'}.") from None


def listener_of(port: int) -> str | None:
    """The first process that listens on this port, by its number and command; None if that cannot be seen from here."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in listening(PROC / "net" / table, port)}
    for folder in sorted(PROC.glob("[0-9]*"), key=lambda folder: int(folder.name)):
        try:
            if any(str(descriptor.readlink()) in sockets for descriptor in (folder / "fd").iterdir()):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {folder.name} ({command[:120]})"
        except OSError:  # it has ended, or is another user's
            continue
    return None


def listening(table: Path, port: int) -> Iterator[str]:
    """Inodes of the sockets of a /proc/net table that listen on this port."""
    if not table.exists():
        return
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == LISTENING:
            yield fields[9]
