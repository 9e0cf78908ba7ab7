"""What is really in the images: only their own code, only the libraries of their lock, and no user but their own."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of shared, a worker has what its methods read keys, texts and times by.
WORKER_CODE = frozenset(
    {"shared.contracts", "shared.canonical", "shared.times", "services.analysis.worker", "services.analysis.methods"}
)
# Image -> its lock, and the packages that its code may come from.
CONTENTS: dict[str, tuple[str, frozenset[str]]] = {
    "catalog": ("catalog", frozenset({"shared", "services.catalog", "deploy.seed"})),
    "requests": ("requests", frozenset({"shared", "services.requests"})),
    "analysis": ("analysis", frozenset({"shared", "services.analysis"})),
    "scoring": (
        "scoring",
        frozenset({"shared", "services.analysis.messages", "services.analysis.models", "services.analysis.scoring"}),
    ),
    "results": ("results", frozenset({"shared", "services.results"})),
    "worker": ("worker", WORKER_CODE),
    "engine": ("engine", WORKER_CODE),
    "setup": ("requests", frozenset({"shared", "deploy.compose", "deploy.topology"})),
}
NOT_IN = {
    "analysis": frozenset({"services.analysis.worker", "services.analysis.methods", "services.analysis.scoring"}),
    # Looked for only when a worker is given a scheduler's address.
    "worker": frozenset({"services.analysis.worker.engine.dask", "services.analysis.worker.engine.__main__"}),
}
LOOK = """
import json, os, pathlib, sys
from importlib.metadata import distributions
files = [path for path in pathlib.Path().rglob("*.py") if path.stat().st_size]
code = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
libraries = [found.metadata["Name"] for found in distributions(path=[part for part in sys.path if part.startswith("/venv")])]
print(json.dumps({"code": code, "libraries": libraries, "user": os.getuid(), "writable": os.access(".", os.W_OK)}))
"""


@dataclass(frozen=True)
class Image:
    """An image as it was found."""

    name: str
    megabytes: int
    own_megabytes: int
    code: frozenset[str]
    libraries: frozenset[str]
    user: int
    writable: bool

    def faults(self) -> list[str]:
        """What should not be as it is, a sentence each."""
        lock, packages = CONTENTS[self.name]
        foreign = sorted(
            name for name in self.code if not within(name, packages) or within(name, NOT_IN.get(self.name, frozenset()))
        )
        wanted = locked(lock)
        found = [f"{self.name} holds code that is not its own: {name}" for name in foreign]
        found += [f"{self.name} holds {name}, which its lock does not name" for name in sorted(self.libraries - wanted)]
        found += [f"{self.name} lacks {name} of its lock" for name in sorted(wanted - self.libraries)]
        if self.user == 0 or self.writable:
            found.append(f"{self.name} runs as root, or may write to its own code")
        return found


def within(module: str, packages: frozenset[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(group: str) -> frozenset[str]:
    text = (ROOT / "requirements" / f"{group}.txt").read_text(encoding="utf-8")
    return frozenset(plain(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", text, re.MULTILINE))


def docker(environment: Mapping[str, str], *arguments: str) -> str:
    return subprocess.run(["docker", *arguments], env=dict(environment), check=True, capture_output=True, text=True).stdout


def inspect(name: str, environment: Mapping[str, str], *, version: str, python: str) -> Image:
    """An image of this version that was built on this Python image; its size with it, and without."""
    image = f"dure/{name}:{version}"
    size, base = (
        int(docker(environment, "image", "inspect", "--format", "{{.Size}}", each)) // 1_000_000 for each in (image, python)
    )
    run = ["run", "--rm", "--network", "none", "--read-only", "--entrypoint", "python", image, "-c", LOOK]
    seen = json.loads(docker(environment, *run))
    libraries = frozenset(plain(each) for each in seen["libraries"])
    return Image(name, size, size - base, frozenset(seen["code"]), libraries, seen["user"], seen["writable"])
