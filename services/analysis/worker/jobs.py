"""What the worker and its launcher say to one another: a job and its report, one JSON object a line."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

OUTCOME_FILE = "outcome.json"
CARD_FILE = "card.json"
FOLDERS = {"table": "tables", "figure": "figures", "metrics": "metrics"}
LIST_FILE = "restricted_list.ndjson"
MODELS_FOLDER = "models"
ALARMS_FILE = "alarms.json"
UNCONFINED = 77
CANCEL, ANSWERED, UNANSWERED = b"cancel\n", b"answered\n", b"unanswered\n"


class Task(StrEnum):
    RUN = "run"
    DESCRIBE = "describe"
    TRIAL = "trial"  # of a hosted model: whether it can be opened and scores made-up rows
    FEATURES = "features"  # of a model that stands elsewhere: what is to be sent there
    PROBE = "probe"  # which layers hold here: the child is confined and ends
    PARTITION = "partition"  # one of an engine's; the parameters say which


class Sandbox(StrEnum):
    """Where a layer is missing, `built-in` (the default) lets only built-in methods run, and `require` none.

    `prefer`: every method runs, with as many layers as this machine has; `off`: only limits, for tests and for finding faults."""

    BUILT_IN = "built-in"
    REQUIRE = "require"
    PREFER = "prefer"
    OFF = "off"


class Why(StrEnum):
    """Why the launcher ended a child that had not ended by itself."""

    WALL = "wall"
    MEMORY = "memory"
    DISK = "disk"
    TASKS = "tasks"
    CANCELLED = "cancelled"


class Status(StrEnum):
    """What the child says of itself; believed only as far as its files can be checked."""

    DONE = "done"
    REFUSED = "refused"
    CRASHED = "crashed"
    MEMORY = "memory"
    INVALID = "invalid"


@dataclass(frozen=True)
class Job:
    """One child to start: which code, on which folders, within which limits."""

    task: Task
    target: str
    work: str
    bundle: str
    readable: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    match_rates: dict[str, float] = field(default_factory=dict)
    available_from: dict[str, str] = field(default_factory=dict)
    seconds: float = 60.0
    memory_mb: int = 1024
    disk_mb: int = 512
    threads: int = 1
    nodes: bool = False
    """Whether somebody answers what the child asks."""
    sandbox: Sandbox = Sandbox.REQUIRE
    log: str = ""

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Self:
        told = json.loads(line)
        return cls(**told | {"task": Task(told["task"]), "sandbox": Sandbox(told["sandbox"])})


@dataclass(frozen=True)
class Layers:
    """Which layers of the sandbox hold around a child; Landlock by its ABI version."""

    no_new_privs: bool = False
    no_caps: bool = False
    landlock: int = 0
    seccomp: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of those that do not hold."""
        return tuple(name.replace("_", "-") for name, holds in vars(self).items() if not holds)

    @property
    def complete(self) -> bool:
        return not self.missing


@dataclass(frozen=True)
class ChildReport:
    """How a child ended."""

    exit: int
    why: Why | None
    layers: Layers
    seconds: float
    peak_mb: int

    def told(self) -> dict[str, Any]:
        return {"report": asdict(self)}

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Self:
        why = None if told["why"] is None else Why(told["why"])
        return cls(told["exit"], why, Layers(**told["layers"]), told["seconds"], told["peak_mb"])
