"""Landlock: the files that a process may read and write, and no others; Linux 5.13 or later."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
READ = 0b1100  # read files and list folders
WRITE = 0b0111000110111110  # all but execute, device nodes, sockets, FIFOs and device ioctls
ON_A_FILE = 0b100000000000110  # a folder's right on a file is EINVAL
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The ABI of this kernel; 0 where Landlock is absent, off, or denied by a container."""
    return max(int(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)), 0)


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Bind the calling thread for good; returns the ABI in force. From 4 on no TCP, from 6 on no signals to others."""
    if (abi := version()) < 1:
        return 0
    rights = (1 << RIGHTS.get(abi, 16)) - 1
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = struct.pack("QQQ", rights, 3 * (abi >= 4), 3 * (abi >= 6))
    ruleset = libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    for path in readable:
        _allow(ruleset, path, READ)
    for path in writable:
        _allow(ruleset, path, rights & WRITE)
    if ruleset < 0 or libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)
    return abi


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # absent on this distribution
    try:
        only = rights if stat.S_ISDIR(os.fstat(beneath).st_mode) else rights & ON_A_FILE
        if libc.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", only, beneath), 0):
            raise OSError(ctypes.get_errno(), "landlock_add_rule")
    finally:
        os.close(beneath)
