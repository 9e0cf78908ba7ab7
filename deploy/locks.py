"""Hashed requirement files, one per dependency group of pyproject.toml. Standard library only.

`python3 -m deploy.locks` writes them (needs `uv` on the PATH); `--check` says whether they still hold what the groups ask for.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("catalog", "requests", "analysis", "results", "scoring", "worker", "engine", "embedded", "sbom", "dev")


def resolve(groups: dict[str, list[object]], name: str) -> set[str]:
    """Distribution names that a group asks for, its included groups too."""
    found: set[str] = set()
    for entry in groups[name]:
        if isinstance(entry, dict):
            found |= resolve(groups, str(entry["include-group"]))
        else:
            found.add(re.split(r"[\[<>=~!; ]", str(entry), maxsplit=1)[0].lower())
    return found


def faults() -> list[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    found = []
    for name in GROUPS:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))
        found += [f"requirements/{name}.txt lacks {wanted}: run `make lock`" for wanted in sorted(resolve(groups, name) - locked)]
        if "://" in text or len(re.findall(r"--hash=", text)) < len(locked):
            found.append(f"requirements/{name}.txt names an address or lacks hashes")
    return found


def write() -> None:
    for name in GROUPS:
        # The dev lock is made first in spirit: every group is constrained to its versions, so that tests test what ships.
        constraint = [] if name == "dev" else ["--constraint", "requirements/dev.txt"]
        command = [
            "uv",
            "pip",
            "compile",
            "--python-version",
            "3.11",
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-header",
            "-q",
        ]
        command += ["--group", name, *constraint, "pyproject.toml", "-o", f"requirements/{name}.txt"]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    if "--check" in sys.argv:
        problems = faults()
        print("\n".join(problems) or "requirements: every group is locked")
        sys.exit(bool(problems))
    GROUPS = ("dev", *GROUPS[:-1])
    write()
