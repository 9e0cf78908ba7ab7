"""The check as a process of its own: a job as JSON on standard input, a report as JSON on standard output."""

import ctypes
import resource
import signal
import sys

from services.catalog.profile.files import check_file
from services.catalog.profile.process import Job

PR_SET_PDEATHSIG = 1  # Linux: whoever killed the service has ended its checks too
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
job = Job.model_validate_json(sys.stdin.buffer.read())
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_CPU, (int(job.limits.seconds * job.limits.threads) + 1,) * 2)
sys.stdout.write(check_file(job.path, job.media_type, job.columns, job.limits).model_dump_json())
