"""The shape of the project: import contracts that bite, the same modules in every service, whole
life cycles, explained settings. That the contracts hold now, `make static` says.
"""

import ast
import importlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from deploy.installation import SERVICES
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
HOUSE = ("services", "shared", "deploy")
ROOMS = ("app", "settings", "models", "schemas", "policy", "actions", "queries", "api", "consumers")
SPEAK_FOR_THEMSELVES = {"host", "port", "log_level"}
# Commands that somebody runs at a terminal.
COMMANDS = {"shared/migrate.py"}
# It takes the environment away from a method.
EMPTIES_IT = {"services/analysis/worker/inside.py"}
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
CONTRACTS = {contract["name"] for contract in LINTER}
APART = "Services never import one another"
DOWNWARD = "deploy knows services, services know shared, never back"
SETTINGS = "Only the doors are told settings"
LANGUAGE = "The common language stands alone"
AMQP = "Only shared.rabbit speaks AMQP"
CHOICE = "Only the app and the deployment choose RabbitMQ"
APART_FROM_WORKER = "The service knows nothing of the worker program or of any method"
FLOORS = "Four floors inside a service: doors, deeds, rules, rows"
HTTP = "Deeds, rules and rows never see HTTP or AMQP"
RULES = "Rules are pure: no session, no storage, no bus"
WORKER = "The worker and its methods stand alone: no database, no bus, no web framework, nothing of the service"
METHODS = "A method is a function of its bundle: no HTTP, no file formats, of the worker only its sdk"
SCORING = "The scoring door stands alone: of its service only the rows, no linkage, no method"
# File, the line added to it, the contract that it breaks, the import that must be named.
VIOLATIONS = [
    ("services/catalog/queries/ministries.py", "import services.results.vault", APART, "services.results.vault"),
    ("shared/ids.py", "import services.catalog.models", DOWNWARD, "shared.ids -> services"),
    ("services/results/policy.py", "import services.results.actions.votes", FLOORS, "policy -> services.results.actions"),
    ("services/requests/queries.py", "import services.requests.actions.votes", FLOORS, "queries -> services.requests.actions"),
    ("services/requests/helpers.py", "", FLOORS, "helpers"),
    ("services/analysis/actions/runs.py", "import services.analysis.settings", SETTINGS, "services.analysis.actions.runs"),
    ("services/results/actions/votes.py", "import httpx", HTTP, "services.results.actions.votes -> httpx"),
    ("services/catalog/models.py", "import fastapi", HTTP, "services.catalog.models -> fastapi"),
    ("services/requests/panel.py", "import sqlalchemy", RULES, "services.requests.panel -> sqlalchemy"),
    ("shared/contracts/values.py", "import shared.errors", LANGUAGE, "shared.contracts.values -> shared.errors"),
    ("services/results/webhooks.py", "import aio_pika", AMQP, "services.results.webhooks"),
    ("services/catalog/checks.py", "import shared.rabbit", CHOICE, "services.catalog.checks"),
    ("services/analysis/worker/logs.py", "import shared.trace", WORKER, "services.analysis.worker.logs -> shared.trace"),
    ("services/analysis/claims.py", "import services.analysis.worker.run", APART_FROM_WORKER, "services.analysis.claims"),
    ("services/analysis/methods/welfare_blind_spots/run.py", "import httpx", METHODS, "welfare_blind_spots.run -> httpx"),
    (
        "services/analysis/scoring/registry.py",
        "import services.analysis.queries",
        SCORING,
        "scoring.registry -> services.analysis",
    ),
]


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lint(folder: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


# Floors


@pytest.fixture(scope="module")
def linted_violations(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the house with every violation in it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in HOUSE:
        shutil.copytree(ROOT / name, folder / name, ignore=lambda _, names: [one for one in names if one == "__pycache__"])
    for file, line, _, _ in VIOLATIONS:
        with (folder / file).open("a") as source:
            source.write(f"{line}\n")
    code, output = lint(folder)
    assert code == 1
    return output


@pytest.mark.slow
def test_each_contract_is_broken_by_a_violation(linted_violations: str) -> None:
    assert {contract for _, _, contract, _ in VIOLATIONS} == CONTRACTS
    assert f"Contracts: 0 kept, {len(CONTRACTS)} broken" in linted_violations


@pytest.mark.slow
@pytest.mark.parametrize(("file", "line", "contract", "named"), VIOLATIONS)
def test_a_violation_is_named(linted_violations: str, file: str, line: str, contract: str, named: str) -> None:
    told = linted_violations.split("Broken contracts", 1)[1].split(contract, 1)[1]
    other = [told.index(name) for name in CONTRACTS - {contract} if name in told]
    assert named in told[: min(other, default=len(told))]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.split(".")[0] not in sys.stdlib_module_names}


OURS, THEIRS = ("worker", "methods"), ("methods", "worker.sdk")
# Whatever else is imported there is a mistake, whether a contract forbids it by name or not.
# How texts and times are written, for prepare and for methods alike: pure, without a library.
FORMS = ("shared.canonical", "shared.times")
ALLOWED = {
    "shared/contracts": ("pydantic", "shared.contracts"),
    "services/analysis/worker": (
        "httpx",
        "pydantic",
        "numpy",
        "duckdb",
        "onnxruntime",
        "distributed",
        "shared.contracts",
        *FORMS,
        *map("services.analysis.{}".format, OURS),
    ),
    "services/analysis/methods": (
        "numpy",
        "sklearn",
        *("onnx", "onnxruntime", "pydantic", "skl2onnx", "skops"),
        "shared.contracts",
        *FORMS,
        *map("services.analysis.{}".format, THEIRS),
    ),
}


@pytest.mark.parametrize("folder", ALLOWED)
def test_what_stands_alone_imports_only_this(folder: str) -> None:
    files = list(sources(folder))
    assert len(files) > 3
    for file in files:
        strange = {
            name for name in imports(file) if not any(name == one or name.startswith(f"{one}.") for one in ALLOWED[folder])
        }
        assert strange == set(), relative(file)


def test_the_contracts_name_every_module_of_shared() -> None:
    names = {path.stem for path in (ROOT / "shared").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    modules = {f"shared.{name}" for name in names - {"__init__", "contracts"}}
    for contract in LINTER:
        if contract["name"] in (WORKER, LANGUAGE):
            own = set(FORMS) if contract["name"] == WORKER else set()
            assert {name for name in contract["forbidden_modules"] if name.startswith("shared.")} == modules - own


# Rooms


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_nine_rooms(service: str) -> None:
    missing = [room for room in ROOMS if find_spec(f"services.{service}.{room}") is None]
    assert missing == []
    assert list((ROOT / "services" / service / "migrations" / "versions").glob("0001_*.py"))
    assert callable(importlib.import_module(f"services.{service}.app").build)
    assert callable(importlib.import_module(f"services.{service}.app").main)


def test_there_is_no_second_place_for_services() -> None:
    folders = {path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(SERVICES)
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nothing_prints_but_commands() -> None:
    printing = {
        relative(path)
        for path in sources("services", "shared")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing <= COMMANDS


def test_nothing_looks_at_the_environment_by_itself() -> None:
    looking = {
        relative(path)
        for path in sources("services", "shared")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert looking <= EMPTIES_IT


# Life cycles


def life_cycles() -> dict[str, dict[StrEnum, frozenset[StrEnum]]]:
    found: dict[str, dict[StrEnum, frozenset[StrEnum]]] = {}
    for service in SERVICES:
        models = importlib.import_module(f"services.{service}.models")
        found |= {f"{service}.{name}": getattr(models, name) for name in dir(models) if name.endswith("TRANSITIONS")}
    return found


LIFE_CYCLES = life_cycles()


def test_every_service_has_a_life_cycle() -> None:
    assert {name.split(".")[0] for name in LIFE_CYCLES} == set(SERVICES)


@pytest.mark.parametrize("name", LIFE_CYCLES)
def test_transitions_cover_every_state(name: str) -> None:
    moves = LIFE_CYCLES[name]
    states = type(next(iter(moves)))
    assert set(moves) == set(states)
    assert all(set(targets) <= set(states) for targets in moves.values())
    reached = {next(iter(states))}
    while more := {target for state in reached for target in moves[state]} - reached:
        reached |= more
    assert reached == set(states), "each state can be reached from the first one"
    assert any(not targets for targets in moves.values()), "somewhere it ends"


# Settings


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_explained(service: str) -> None:
    settings: type[ServiceSettings] = importlib.import_module(f"services.{service}.settings").Settings
    assert settings.model_config["env_prefix"] == f"{service.upper()}_"
    silent = [name for name, field in settings.model_fields.items() if not field.description and name not in SPEAK_FOR_THEMSELVES]
    assert silent == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_setting_shows_itself(service: str, make_settings: Any) -> None:
    settings = make_settings(service, amqp_url="amqp://user:sesame@broker/")
    assert "sesame" not in repr(settings)
    assert "AAECAwQF" not in repr(settings), "the test keys"
