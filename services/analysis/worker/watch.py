"""What a child and everything it started use, and how all of it is ended."""

import os
import resource
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 5000
MOST_TASKS = 256
PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Usage:
    memory: int
    tasks: int
    disk: int
    files: int


def usage(pid: int, work: str) -> Usage:
    memory, tasks, deleted = 0, 0, 0
    for one in (pid, *descendants(pid)):
        with suppress(OSError, ValueError, IndexError):
            memory += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * PAGE
            tasks += len(list(Path(f"/proc/{one}/task").iterdir()))
            deleted += _deleted_but_open(one)
    disk, files = _folder(work)
    return Usage(memory=memory, tasks=tasks, disk=disk + deleted, files=files)


def descendants(pid: int) -> Iterator[int]:
    """Children of a process, their children, and so on; what has gone meanwhile is left out."""
    todo = [pid]
    while todo:
        parent = todo.pop()
        with suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                with suppress(OSError):
                    found = [int(child) for child in (thread / "children").read_text().split()]
                    todo.extend(found)
                    yield from found


def end_all(pid: int) -> int:
    """Kill the child's group and every process that comes to us as the subreaper; the child's exit code."""
    code, me = 1, os.getpid()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # atomic against a fork bomb, unlike one process after the other
    while True:
        for one in list(descendants(me)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
        elif ended == 0:
            time.sleep(0.002)


def _folder(work: str) -> tuple[int, int]:
    """Bytes and number of files; what hides itself (an unreadable or too deep folder) counts as too many."""
    disk, files, todo = 0, 0, [work]
    while todo and files < MOST_FILES:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    disk, files = disk + found.st_blocks * 512, files + 1
                    if stat.S_ISDIR(found.st_mode):
                        todo.append(entry.path)
                    if files >= MOST_FILES:
                        break
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return disk, MOST_FILES
    return disk, files


def _deleted_but_open(pid: int) -> int:
    """Unlinked files use the disk as well."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found = link.stat()
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                total += found.st_blocks * 512
    return total
