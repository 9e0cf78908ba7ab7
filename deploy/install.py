"""Make the virtual environment and install a group of hashed requirements into the clone; never silent for long.

An installation that was interrupted anywhere leaves a mark, and the next one begins anew. Standard library only: this is
what runs before anything is installed. `python3 -m deploy.install GROUP [FOLDER]`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUIET_SECONDS, LONGEST_SECONDS = 3.0, 30.0
# In the environment from before its first file until the end of an installation, however that ends but by a kill.
MARK = "unfinished"
PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--require-hashes", "-r")


def main(group: str, folder: str = ".venv") -> int:
    """Install requirements/GROUP.txt into FOLDER unless that very file was installed there before."""
    if sys.version_info < (3, 11):  # noqa: UP036  whichever python3 is there runs this
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Say `make PYTHON=/path/to/python3.11`.")
        return 1
    target = (ROOT / folder).resolve()
    requirements = ROOT / "requirements" / f"{group}.txt"
    if installed(target, group, requirements):
        return 0
    try:
        with alone(target) as lock:
            return 0 if installed(target, group, requirements) else install(target, group, requirements, lock)
    except KeyboardInterrupt:
        print("\nInterrupted. The same command begins anew; what was downloaded is kept.")
        return 130


def installed(target: Path, group: str, requirements: Path) -> bool:
    """Whether this very file was installed, no later installation was interrupted, and the interpreter is still there."""
    stamp = target / "installed" / group
    whole = (target / "bin" / "python").exists() and not (target / MARK).exists()
    return whole and stamp.exists() and stamp.read_text() == digest(requirements)


def digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


@contextmanager
def alone(target: Path) -> Iterator[int]:
    """Wait until nobody else installs beside this folder; gives the lock's descriptor.

    Programs that inherit it go on holding it, so that nobody clears the folder under a pip that outlived us."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(target.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another installation is under way in {target.parent}; waiting for its end ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def install(target: Path, group: str, requirements: Path, lock: int) -> int:
    """Into an environment that works, else into a new one. Returns the exit code."""
    python, mark = target / "bin" / "python", target / MARK
    if mark.exists() or not works(python):
        print(f"Making a virtual environment in {target.name} ...", flush=True)
        if code := make_environment(target, lock):
            return code
    mark.touch()
    print(f"Installing the libraries of requirements/{group}.txt into {target.name} (once; a minute or two) ...", flush=True)
    code = run_talking([str(python), *PIP, str(requirements)], lock)
    if code == 0:
        stamp = target / "installed" / group
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest(requirements))
    else:
        print(f"The installation failed; the last lines above say why. If it fails again, `rm -rf {target.name}` begins anew.")
    if code >= 0:  # it ended by itself: pip has taken back what it did
        mark.unlink()
    return code if code >= 0 else 1


def works(python: Path) -> bool:
    """Whether there is an interpreter of this environment that has pip."""
    try:
        done = subprocess.run(
            [str(python), "-c", "import pip"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def make_environment(target: Path, lock: int) -> int:
    """An environment with pip, in place of whatever is there. Returns the exit code; its mark stays."""
    target.mkdir(exist_ok=True)
    (target / MARK).touch()
    for path in target.iterdir():
        if path.name != MARK:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    code = run_talking([sys.executable, "-m", "venv", str(target)], lock)
    if code != 0:
        print("The virtual environment could not be made; the last lines above say why.")
        print("On Debian and Ubuntu it needs a package of its own: apt install python3-venv.")
    return abs(code)


def run_talking(command: list[str], lock: int) -> int:
    """Run a command, show what it collects, and say that it still runs whenever it has been quiet."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, pass_fds=(lock,))
    started = spoken = time.monotonic()
    kept: list[str] = []

    def still_running() -> None:
        nonlocal spoken
        quiet = QUIET_SECONDS
        while process.poll() is None:
            time.sleep(0.5)
            if time.monotonic() - spoken > quiet:
                spoken, quiet = time.monotonic(), min(quiet * 2, LONGEST_SECONDS)
                print(f"  ... still installing ({spoken - started:.0f} s)", flush=True)

    threading.Thread(target=still_running, daemon=True).start()
    assert process.stdout is not None
    for line in process.stdout:
        kept.append(line)
        if line.startswith(("Collecting", "Installing", "Successfully")):
            spoken = time.monotonic()
            print("  " + line.strip()[:110], flush=True)
    if process.wait() != 0:
        print("".join(kept[-30:]), flush=True)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
