"""The check as a process of its own: a job as JSON on standard input, a report on a pipe of its own.

Its argument is the number of that pipe. Standard output belongs to the libraries.
"""

import ctypes
import os
import resource
import signal
import sys
import traceback

from services.catalog.profile.files import check_file
from services.catalog.profile.process import Job

PR_SET_PDEATHSIG = 1  # Linux: whoever killed the service has ended its checks too


def main(answer: int) -> None:
    """Check one file. On an error nothing is answered, and its kind is printed, never its message."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.set_inheritable(answer, False)
    job = Job.model_validate_json(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(job.limits.seconds * job.limits.threads) + 1,) * 2)
    try:
        report = check_file(job.path, job.media_type, job.columns, job.limits)
    except BaseException as error:
        # The message of an error may quote a cell; where it came from does not.
        frames = "".join(traceback.format_tb(error.__traceback__)[-3:])
        sys.exit(f"{frames}{type(error).__name__}")
    with open(answer, "wb") as pipe:
        pipe.write(report.model_dump_json().encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
