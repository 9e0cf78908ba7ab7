"""Make the virtual environment and install a group of hashed requirements into the clone; never silent for long.

Standard library only: this is what runs before anything is installed. `python3 -m deploy.install GROUP [FOLDER]`.
"""

import hashlib
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUIET_SECONDS = 3.0


def main(group: str, folder: str = ".venv") -> int:
    """Install requirements/GROUP.txt into FOLDER unless that very file was installed there before."""
    if sys.version_info < (3, 11):  # noqa: UP036  whichever python3 is there runs this
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Say `make PYTHON=/path/to/python3.11`.")
        return 1
    target = ROOT / folder
    requirements = ROOT / "requirements" / f"{group}.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = target / "installed" / group
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    if not (target / "bin" / "python").exists():
        print(f"Making a virtual environment in {folder} ...", flush=True)
        venv.create(target, with_pip=True)
    print(f"Installing the libraries of requirements/{group}.txt into {folder} (once; a minute or two) ...", flush=True)
    command = [
        str(target / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        "--require-hashes",
        "-r",
        str(requirements),
    ]
    code = run_talking(command)
    if code == 0:
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(wanted)
    return code


def run_talking(command: list[str]) -> int:
    """Run a command, show what it collects, and say that it still runs whenever it has been quiet."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    started = spoken = time.monotonic()
    kept: list[str] = []

    def still_running() -> None:
        nonlocal spoken
        while process.poll() is None:
            time.sleep(0.5)
            if time.monotonic() - spoken > QUIET_SECONDS:
                spoken = time.monotonic()
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
        print("The installation failed; the last lines above say why.")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
