"""A seccomp filter: the system calls that a computation needs, and no others. Numbers of x86_64 only."""

import ctypes
import errno
import platform
import struct

X86_64 = 0xC000003E
FIRST_NEW = 424  # from here on ENOSYS: the C library falls back (clone3 to clone), and io_uring stays shut
LOAD, EQUAL, AT_LEAST, GREATER, AND, RETURN = 0x20, 0x15, 0x35, 0x25, 0x54, 0x06
ERROR, KILL = 0x00050000, 0x80000000
NUMBERS = {
    "ioctl": 16, "sendto": 44, "socketpair": 53, "clone": 56, "kill": 62, "fcntl": 72, "prctl": 157,
    "affinity": 203, "tgkill": 234, "prlimit": 302, "seccomp": 317,
}  # fmt: skip
ALLOWED = """
    0-15 17-28 32-40 45 48 51-52 55 60-61 63 73-75 77-89 91 95-100 102 104 107-108 110-111 115 118 120-121
    124-125 127-128 130-131 137-138 140 143 145-148 150 158 186-187 191-196 201-202 204 213 217-219 221-226
    228-233 237-239 247 257-258 262-267 269-271 273 275-277 281-287 289-293 295-296 309 315-316 318 324 326-332
    334 436-437 439 441 449 454-456 462
"""
libc = ctypes.CDLL(None, use_errno=True)


def _step(code: int, value: int, hit: int = 0, miss: int = 0) -> bytes:
    return struct.pack("HBBI", code, hit, miss, value)


ALLOW = _step(RETURN, 0x7FFF0000)
DENY = _step(RETURN, ERROR | errno.EPERM)


def _argument(place: int, *, high: bool = False) -> bytes:
    return _step(LOAD, 16 + 8 * place + 4 * high)


def _one_of(place: int, *values: int, otherwise: bytes = DENY) -> bytes:
    """Allowed where the argument is one of these values."""
    tests = b"".join(_step(EQUAL, value, len(values) - at) for at, value in enumerate(values))
    return _argument(place) + tests + otherwise + ALLOW


def _rules(pid: int) -> dict[str, bytes]:
    """The calls whose arguments are looked at."""
    stream_pair = _argument(0) + _step(EQUAL, 1, 0, 4) + _argument(1) + _step(AND, 15) + _step(EQUAL, 1, 0, 1)
    threads_only = _argument(0) + _step(AND, 0x7E030000) + _step(EQUAL, 0x10000, 0, 1)
    no_address = _argument(4) + _step(EQUAL, 0, 0, 3) + _argument(4, high=True) + _step(EQUAL, 0, 0, 1)
    not_a_terminal = _step(RETURN, ERROR | errno.ENOTTY)
    return {
        "ioctl": _one_of(1, 0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, otherwise=not_a_terminal),
        # Not F_SETOWN with F_SETSIG: that pair sends SIGKILL to any process of the same user.
        "fcntl": _one_of(1, 0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1033, 1034),
        # Names and getters; not PDEATHSIG, which would be cleared, and not DUMPABLE.
        "prctl": _one_of(0, 3, 15, 16, 21, 23, 30, 39, 0x53564D41),
        "kill": _one_of(0, pid),
        "tgkill": _one_of(0, pid),
        "prlimit": _one_of(0, 0, pid),  # a limit set on a sibling is as good as a kill
        "affinity": _one_of(0, 0, pid, otherwise=_step(RETURN, ERROR)),  # pretend: libraries pin threads by id
        "clone": threads_only + ALLOW + DENY,
        "socketpair": stream_pair + ALLOW + DENY,  # a datagram pair could send to any socket path
        "sendto": no_address + ALLOW + DENY,
    }


def program(pid: int) -> bytes:
    """The filter as BPF instructions; anything that is not 64-bit x86 is killed."""
    code = _step(LOAD, 4) + _step(EQUAL, X86_64, 1) + _step(RETURN, KILL) + _step(LOAD, 0)
    for name, rule in _rules(pid).items():
        code += _step(EQUAL, NUMBERS[name], 0, len(rule) // 8) + rule
    for span in ALLOWED.split():
        first, _, last = span.partition("-")
        code += _step(AT_LEAST, int(first), 0, 2) + _step(GREATER, int(last or first), 1) + ALLOW
    return code + _step(AT_LEAST, FIRST_NEW, 0, 1) + _step(RETURN, ERROR | errno.ENOSYS) + DENY


def install(pid: int) -> bool:
    """For every thread of this process, for good. False where the machine has no table or the kernel refuses."""
    if platform.machine() != "x86_64":
        return False
    code = program(pid)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    set_mode_filter, every_thread = 1, 1
    return int(libc.syscall(NUMBERS["seccomp"], set_mode_filter, every_thread, header)) == 0
