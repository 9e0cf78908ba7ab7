"""Which methods this worker hosts, found and digested without running a line of their code."""

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from services.analysis.worker.jobs import Sandbox
from services.analysis.worker.manifests import HostedManifest, Remote
from shared.contracts import MethodCard

GROUP = "dure.methods"
BUILT_INS = "services.analysis.methods"
MODEL = "model:"
MODEL_FILES = ("manifest.json", "model.onnx")
SCORER = (
    "services.analysis.worker.onnx_method", "services.analysis.worker.onnx_scores", "services.analysis.worker.manifests",
)  # fmt: skip


@dataclass(frozen=True)
class Code:
    """The code of one method: where its card and `run` are, and its files by name relative to their root."""

    target: str
    files: dict[str, Path]

    @property
    def digest(self) -> str:
        return digest(self.files)

    def sandbox(self, chosen: Sandbox) -> Sandbox:
        """Code that came from elsewhere runs in a complete sandbox or not at all, unless the operator says otherwise."""
        if chosen is not Sandbox.BUILT_IN:
            return chosen
        return Sandbox.PREFER if self.target.startswith(f"{BUILT_INS}.") else Sandbox.REQUIRE

    @property
    def remote(self) -> Remote | None:
        """Where the model stands, if it is not here."""
        if not self.target.startswith(MODEL):
            return None
        return HostedManifest.model_validate_json(self.files["manifest.json"].read_bytes()).remote

    @property
    def model(self) -> dict[str, Path]:
        """The manifest and the ONNX file of a hosted model that is here, by name; empty of any other method."""
        if not self.target.startswith(MODEL) or self.remote:
            return {}
        return {name: path for name, path in self.files.items() if name in MODEL_FILES}

    @property
    def readable(self) -> tuple[str, ...]:
        """Folders that hold nothing but the method, and its single files."""
        packages = {path.parent for path in self.files.values() if path.name == "__init__.py"}
        return tuple(sorted(str(path) for path in packages | set(self.files.values())))


@dataclass(frozen=True)
class Hosted:
    """A method that this worker can run."""

    code: Code
    card: MethodCard
    digest: str
    kept: bool = field(default=False, compare=False)
    """The card was known from an earlier start."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.card.name, self.card.version, self.digest


class NotFoundError(Exception):
    """The code of an entry point is not there."""


class UnknownMethodError(Exception):
    """Nothing here has this name."""


def targets(models: Path | None = None, names: Collection[str] | None = None) -> list[str]:
    """`module` or `module:attribute` of every method: the built-in ones, then those of installed packages, then
    `model:folder` of each folder in `models` that has a manifest.

    `names`: of the built-in and installed ones these only; UnknownMethodError if there is none of a name."""
    declared = sorted((entry.value, entry.name) for entry in importlib.metadata.entry_points(group=GROUP))
    folders = sorted(path.parent.resolve() for path in models.glob("*/manifest.json")) if models else []
    known = [*((module, module.rpartition(".")[2]) for module in _built_in()), *declared]
    if unknown := sorted(set(names or ()) - {name for _, name in known}):
        raise UnknownMethodError(unknown[0])
    chosen = [target for target, name in known if names is None or name in names]
    return list(dict.fromkeys([*chosen, *(f"{MODEL}{folder}" for folder in folders)]))


def _built_in() -> tuple[str, ...]:
    """Named only: the package holds no code beside the methods themselves."""
    built_in: tuple[str, ...] = importlib.import_module(BUILT_INS).BUILT_IN
    return built_in


def locate(target: str) -> Code:
    """The module or package of a target, with whatever it imports from its own parent package."""
    if target.startswith(MODEL):
        return Code(target, dict(_model_files(Path(target.removeprefix(MODEL)))))
    module = target.partition(":")[0].strip()
    parent = module.rpartition(".")[0]
    code = dict(_parents(module))
    todo, seen = [module], set[str]()
    while todo:
        if (name := todo.pop()) in seen:
            continue
        seen.add(name)
        found, above = dict(files(name)), dict(_parents(name))
        code |= found | above
        read = [(path, name) for path in found.values()] + [(path, _package(told)) for told, path in above.items()]
        for path, named in read:
            if path.suffix == ".py" and parent:
                todo += [one for one in _imports(path, named) if one.startswith(f"{parent}.") and _is_module(one)]
    return Code(target, code)


def _model_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """What makes a hosted model: its manifest, its file if it is here, and our code that scores it."""
    for name in MODEL_FILES:
        if (folder / name).is_file():
            yield name, folder / name
    for module in SCORER:
        yield from files(module)


def _package(told: str) -> str:
    """`a/b/__init__.py` is the package `a.b`."""
    return told.removesuffix("/__init__.py").replace("/", ".")


def digest(files: dict[str, Path]) -> str:
    """SHA-256 over names and bytes, each with its length, sorted by name."""
    total = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name].read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def files(module: str) -> Iterator[tuple[str, Path]]:
    """The files of a module or package, each by its name from the root of imports."""
    spec = find_spec(module)
    if spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
        found = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    elif spec.origin:
        root = Path(spec.origin)
        found = [root]
    else:
        raise NotFoundError(module)
    above = root.parents[module.count(".")]
    for path in found:
        yield path.relative_to(above).as_posix(), path


def _parents(module: str) -> Iterator[tuple[str, Path]]:
    """The parent packages run as well, but for those that only name the built-in methods."""
    parts = module.split(".")
    for depth in range(1, len(parts)):
        parent = ".".join(parts[:depth])
        if not f"{BUILT_INS}.".startswith(f"{parent}.") and (origin := find_spec(parent).origin):
            yield Path(origin).relative_to(Path(origin).parents[depth]).as_posix(), Path(origin)


def find_spec(module: str) -> ModuleSpec:
    """Like importlib.util.find_spec, which would import (and so run) the parent packages."""
    first, *rest = module.split(".")
    spec = importlib.util.find_spec(first)
    for depth, _ in enumerate(rest, start=2):
        if spec is None or spec.submodule_search_locations is None:
            raise NotFoundError(module)
        spec = PathFinder.find_spec(".".join(module.split(".")[:depth]), list(spec.submodule_search_locations))
    if spec is None:
        raise NotFoundError(module)
    return spec


def _is_module(name: str) -> bool:
    try:
        return bool(find_spec(name))
    except (NotFoundError, ImportError):
        return False


def _imports(path: Path, module: str) -> Iterable[str]:
    """Modules named by import statements; relative ones are resolved."""
    return _named(path.read_bytes(), module if path.name == "__init__.py" else module.rpartition(".")[0])


@lru_cache(maxsize=1024)  # methods share modules, and reading Python is what takes the time here
def _named(source: bytes, package: str) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(named, package) if node.level else named
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(found)


def libraries(code: Code) -> set[str]:
    """Top-level packages that its files import."""
    found: set[str] = set()
    for name, path in code.files.items():
        if name.endswith(".py"):
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            found |= {one.partition(".")[0] for one in _imports(path, module)}
    return found


def import_roots() -> list[str]:
    """Where this process imports from, absolute, for a child that starts with an empty environment."""
    return [str(Path(entry).resolve()) for entry in sys.path]
