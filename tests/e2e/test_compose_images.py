"""What each image holds: its own code, all that this code imports, and the libraries of its own lock. No container engine needed.

`make compose-demo` looks into the built images and compares the same.
"""

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.images import CONTENTS, NOT_IN, locked, plain, within
from deploy.installation import SERVICES

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
OWN = {name: container for name, container in CONTAINERS.items() if container["image"].startswith("dure/")}
ENTRIES = {
    **{service: [f"services.{service}.app", "shared.migrate"] for service in SERVICES},
    "scoring": ["services.analysis.scoring.app"],
    "worker": ["services.analysis.worker.__main__", "services.analysis.worker.child"],
    "engine": ["services.analysis.worker.__main__", "services.analysis.worker.child", "services.analysis.worker.engine.__main__"],
    "setup": ["deploy.compose.setup", "deploy.compose.bucket", "deploy.compose.identity", "deploy.compose.engine_keys"],
}
# Imported only under an option that is refused where it is missing.
LEFT_OUT = {"worker": {"services.analysis.worker.engine.dask"}}
ENTRIES["catalog"].append("deploy.seed.members")


@cache
def stages() -> dict[str, list[str]]:
    """Stage -> its instructions, those of the stages below it first."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"(?m)^FROM ", DOCKERFILE)[1:]:
        first, *lines = block.splitlines()
        below, name = first.split(" AS ")
        found[name.strip()] = [*found.get(below.strip(), []), *(line for line in lines if line and not line.startswith("#"))]
    return found


def copied(stage: str) -> set[Path]:
    """The files of the repository that a stage holds."""
    found: set[Path] = set()
    for line in stages()[stage]:
        words = line.split()
        if words[0] == "COPY" and "-code" in words[1]:
            found |= copied(words[1].removeprefix("--from="))
        elif words[0] == "COPY" and not words[1].startswith("--from="):
            for source in words[1:-1]:
                path = ROOT / source
                found |= set(path.rglob("*")) if path.is_dir() else {path}
        elif words[:3] == ["RUN", "rm", "-r"]:
            gone = [ROOT / folder for folder in words[3:]]
            found = {path for path in found if not any(path.is_relative_to(folder) for folder in gone)}
    return {path for path in found if path.is_file() and "__pycache__" not in path.parts}


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules(stage: str) -> dict[str, Path]:
    return {module(path): path for path in copied(stage) if path.suffix == ".py"}


@cache
def imports(path: Path) -> frozenset[str]:
    """Absolute names that a file's import statements speak of."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def file_of(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def reached(entries: list[str]) -> Iterator[Path]:
    """The files of ours that these modules import, and what those import."""
    todo, seen = list(entries), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        todo += [parent] if parent else []
        if file := file_of(name):
            yield file
            todo += [each for each in imports(file) if each.split(".")[0] in ("shared", "services", "deploy")]


@pytest.mark.parametrize("image", CONTENTS)
def test_an_image_holds_only_its_own_code(image: str) -> None:
    _, packages = CONTENTS[image]
    for name, path in modules(image).items():
        own = within(name, packages) and not within(name, NOT_IN.get(image, frozenset()))
        assert own or not path.read_bytes().strip(), f"{image} holds {name}"


@pytest.mark.parametrize("image", CONTENTS)
def test_an_image_holds_all_code_that_its_programs_import(image: str) -> None:
    missing = {module(path) for path in reached(ENTRIES[image])} - set(modules(image))
    assert missing == LEFT_OUT.get(image, set())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_brings_its_migrations(service: str) -> None:
    held = {path.relative_to(ROOT).as_posix() for path in copied(service)}
    assert f"services/{service}/migrations/env.py" in held
    assert any(path.startswith(f"services/{service}/migrations/versions/0001") for path in held)


@pytest.mark.parametrize("image", CONTENTS)
def test_an_image_has_the_libraries_that_its_code_imports(image: str) -> None:
    lock, _ = CONTENTS[image]
    assert f"COPY --from={lock}-libraries /venv /venv" in stages()[image]
    assert f"COPY requirements/{lock}.txt /requirements.txt" in stages()[f"{lock}-libraries"]
    distributions = importlib.metadata.packages_distributions()
    # What its programs import; shared is copied whole, and not every service uses all of it.
    programs = (path for path in reached(ENTRIES[image]) if path in modules(image).values())
    wanted = {name.split(".")[0] for path in programs for name in imports(path)}
    for name in wanted - set(sys.stdlib_module_names) - {"shared", "services", "deploy"}:
        assert {plain(each) for each in distributions[name]} & locked(lock), f"{image} imports {name}"


def test_libraries_are_installed_with_their_hashes() -> None:
    installs = [line for line in DOCKERFILE.splitlines() if "pip" in line and "install " in line and line.startswith("RUN")]
    assert len(installs) == len({lock for lock, _ in CONTENTS.values()})
    assert all("--require-hashes --only-binary :all: -r /requirements.txt" in line for line in installs)


@pytest.mark.parametrize("image", CONTENTS)
def test_an_image_has_a_user_of_its_own(image: str) -> None:
    assert [line for line in stages()[image] if line.startswith("USER")] == ["USER 10001:10001"]


def test_the_builder_sees_what_is_copied_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    allowed = [line[1:] for line in lines if line.startswith("!")]
    for image in CONTENTS:
        for path in copied(image):
            name = path.relative_to(ROOT)
            assert any(name.is_relative_to(each) for each in allowed), name
    assert not any(each.startswith((".env", "var", "tests", "deploy/demo")) for each in allowed)


@pytest.mark.parametrize("name", OWN)
def test_a_container_runs_a_target_of_the_dockerfile(name: str) -> None:
    target = OWN[name]["image"].removeprefix("dure/").partition(":")[0]
    assert target in CONTENTS
    same = [container for container in OWN.values() if container["image"] == OWN[name]["image"]]
    assert [container["build"]["target"] for container in same if "build" in container] == [target]
