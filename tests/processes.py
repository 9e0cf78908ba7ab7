"""What has become of a process, asked while it may end at any moment."""

import psutil


def gone(pid: int) -> bool:
    """Whether the process has ended. One that nobody has reaped yet has ended too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it may end between any two looks, so whether it exists is not asked beforehand
        return True
