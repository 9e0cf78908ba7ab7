"""The doors that are shut around a method, in the order in which each needs the ones before it to be open still.

Why each is there, and what is left open without it, was measured with attacks; Linux only."""

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from services.analysis.worker import landlock, seccomp
from services.analysis.worker.jobs import Job, Layers, Sandbox

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 36, 38, 47
LAST_CAPABILITY = 63
MIB = 1 << 20
SHARED_MAPPINGS = 4096 * MIB
libc = ctypes.CDLL(None, use_errno=True)

# DuckDB and OpenBLAS read these; DuckDB aborts where it may stat but not open the cgroup files.
SYSTEM = [
    *("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache", "/dev/urandom"),
    *(f"/proc/self/{name}" for name in ("cgroup", "maps", "stat", "statm", "status")),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/overcommit_memory"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup"),
]


def adopt_orphans() -> None:
    """What a child starts and abandons comes to this process, so a daemon cannot leave."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with(parent: int) -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(78)


def confine(job: Job, launcher: int) -> Layers:
    """Shut every door that this machine lets us shut; says which."""
    _limit(job)
    Path("/proc/self/oom_score_adj").write_text("1000")
    no_new_privs = libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    _drop_capabilities()
    die_with(launcher)
    if job.sandbox is Sandbox.OFF:
        return Layers(no_new_privs=no_new_privs, no_caps=_no_caps())
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError("Landlock would bind this thread only")
    libraries = (root for root in sys.path if Path(root).name in ("site-packages", "dist-packages"))
    readable = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *libraries} - {"/", "/usr"}
    abi = landlock.restrict([*readable, *SYSTEM, job.bundle, *job.readable], [job.work, os.devnull])
    return Layers(no_new_privs, _no_caps(), abi, seccomp.install(os.getpid()))


def _limit(job: Job) -> None:
    """RLIMIT_DATA bounds private memory; RLIMIT_AS only mappings: a tight one breaks DuckDB and OpenBLAS."""
    memory, seconds = job.memory_mb * MIB, int(job.seconds) + 1
    limits = {
        resource.RLIMIT_DATA: (_vm("VmData") + memory,) * 2,
        resource.RLIMIT_AS: (_vm("VmSize") + memory + SHARED_MAPPINGS,) * 2,
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_FSIZE: (job.disk_mb * MIB,) * 2,
        resource.RLIMIT_NOFILE: (256, 256),
        resource.RLIMIT_NPROC: (4096, 4096),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    for which, (soft, hard) in limits.items():
        most = resource.getrlimit(which)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(which, (soft, hard))


def _vm(name: str) -> int:
    """A line of /proc/self/status in bytes: what the launcher already holds is not the method's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _drop_capabilities() -> None:
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)
    libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())


def _no_caps() -> bool:
    with suppress(OSError):
        return "CapPrm:\t0000000000000000" in Path("/proc/self/status").read_text()
    return False
