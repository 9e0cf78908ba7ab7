"""What a child left in its folder, checked as data from a stranger before anything of it leaves this machine."""

import json
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from services.analysis.worker.jobs import ALARMS_FILE, FOLDERS, LIST_FILE, MODELS_FOLDER
from services.analysis.worker.shapes import ListRow, Metrics, Table, check_figure
from shared.contracts import Alarm, MethodCard, OutputKind

MIB = 1 << 20
LARGEST = 16 * MIB
LARGEST_LIST = 128 * MIB
LARGEST_MODEL = 128 * MIB
MOST_ALARMS = 50
LARGEST_TOGETHER = 192 * MIB
MOST = 100
JSON, NDJSON, BYTES = "application/json", "application/x-ndjson", "application/octet-stream"


class InvalidError(Exception):
    """Not a valid result; the sentence names the output at most, never a value."""


@dataclass(frozen=True)
class Output:
    kind: OutputKind
    name: str
    body: bytes
    media_type: str


def collect(work: str, card: MethodCard) -> list[Output]:
    """Every output of the child, or InvalidError if one of them is not valid."""
    declared = {(output.kind, output.name) for output in card.outputs}
    found: list[Output] = []
    for kind, folder in FOLDERS.items():
        for name in _names(work, folder):
            body = read(work, folder, f"{name}.json")
            found.append(Output(OutputKind(kind), name, body, JSON))
            if len(found) > MOST:
                raise InvalidError(f"It has more than {MOST} outputs.")
    if LIST_FILE in {path.name for path in Path(work).iterdir()}:
        name = next((name for kind, name in declared if kind is OutputKind.RESTRICTED_LIST), "")
        found.append(Output(OutputKind.RESTRICTED_LIST, name, read(work, LIST_FILE, largest=LARGEST_LIST), NDJSON))
    for name in _names(work, MODELS_FOLDER, ".model"):
        found.append(Output(OutputKind.MODEL, name, read(work, MODELS_FOLDER, f"{name}.model", largest=LARGEST_MODEL), BYTES))
    if sum(len(output.body) for output in found) > LARGEST_TOGETHER:
        raise InvalidError(f"Its outputs are larger than {LARGEST_TOGETHER // MIB} MiB together.")
    if not found:
        raise InvalidError("It has no output at all.")
    _check(found, declared)
    return found


def alarms(work: str) -> list[Alarm]:
    """What the child says has to be answered before its result may leave; a method of another kind says nothing."""
    try:
        told = parse(read(work, ALARMS_FILE))
        return TypeAdapter(list[Alarm]).validate_python(told)[:MOST_ALARMS]
    except FileNotFoundError:
        return []
    except ValidationError:
        raise InvalidError("An alarm has not the shape that an alarm must have.") from None


def read(work: str, *path: str, largest: int = LARGEST) -> bytes:
    """A plain file of the child: no link, no pipe, no second name elsewhere, not too large."""
    with plain_file(work, *path, largest=largest) as file, open(file, "rb", closefd=False) as stream:
        return stream.read(largest + 1)


def mapped(work: str, *path: str, largest: int) -> mmap.mmap:
    """Such a file, of which only what is looked at is read."""
    with plain_file(work, *path, largest=largest) as file:
        if not os.fstat(file).st_size:
            raise InvalidError("An output is empty.")
        return mmap.mmap(file, 0, access=mmap.ACCESS_READ)


@contextmanager
def plain_file(work: str, *path: str, largest: int) -> Iterator[int]:
    """The descriptor of such a file."""
    with _opened(work, *path) as file:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise InvalidError("An output is not a plain file.")
        if about.st_size > largest:
            raise InvalidError(f"An output is larger than {largest // MIB} MiB.")
        yield file


def parse(body: bytes) -> Any:
    """Well-formed JSON without the numbers that JSON does not have."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidError("An output is not well-formed JSON.") from None


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _check(found: list[Output], declared: set[tuple[OutputKind, str]]) -> None:
    tables = {output.name for output in found if output.kind is OutputKind.TABLE}
    for output in found:
        if (output.kind, output.name) not in declared:
            raise InvalidError(f"It gave a {output.kind} that its method card does not declare.")
        try:
            _check_shape(output, tables)
        except (ValidationError, ValueError):
            raise InvalidError(f"The {output.kind} {output.name} has not the shape that such an output must have.") from None


def _check_shape(output: Output, tables: set[str]) -> None:
    match output.kind:
        case OutputKind.TABLE:
            Table.model_validate(parse(output.body))
        case OutputKind.FIGURE:
            check_figure(parse(output.body), tables)
        case OutputKind.METRICS:
            Metrics.model_validate(parse(output.body))
        case OutputKind.MODEL:
            if not output.body:
                raise ValueError("a model of no bytes")
        case _:
            rows = TypeAdapter(ListRow)
            for line in output.body.splitlines():
                rows.validate_python(parse(line))


def _names(work: str, folder: str, ending: str = ".json") -> Iterator[str]:
    try:
        with _opened(work, folder) as opened:
            entries = sorted(os.listdir(opened))  # noqa: PTH208 - of a descriptor
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise InvalidError("An output is not a plain file.") from None
    for entry in entries:
        name, dot, suffix = entry.partition(".")
        if not name.isidentifier() or not name.isascii() or len(name) > 63 or (dot + suffix) != ending:
            raise InvalidError("An output has no valid name.")
        yield name


@contextmanager
def _opened(work: str, *path: str) -> Iterator[int]:
    """Step by step without following a link, and without waiting for a pipe to have a writer."""
    at = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for step in path:
            try:
                below = os.open(step, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
            except FileNotFoundError:
                raise
            except OSError:
                raise InvalidError("An output is not a plain file.") from None
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)
