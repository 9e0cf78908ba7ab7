"""The permission tables that stand beside the policies: who may call which operation, by role and by body.

A row names an operation of the OpenAPI document, and after a blank the case if there are several. Its value is a list:

    any                    every role of every member
    steward                that role, of any member
    steward@owner|asker    that role, of these bodies alone
    people, readers        all roles but ops and worker; all but these and auditor
    public                 also without a token; a token of a body that is no member is refused all the same
    open                   no token is looked at
    run-token              the token that a claim gave, and no other

What no row allows is refused, and so is every body that never joined or has left.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.auth import Role

ROOT: Final = Path(__file__).parents[1]
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "catalog": ("services/catalog", "shared"),
    "requests": ("services/requests", "shared"),
    "analysis": ("services/analysis", "shared"),
    "results": ("services/results", "shared"),
    "scoring": ("services/analysis/scoring",),
}
BODIES: Final = ("asker", "owner", "other")
PEOPLE: Final = frozenset(Role) - {Role.OPS, Role.WORKER}
SETS: Final[Mapping[str, frozenset[Role]]] = {
    "any": frozenset(Role),
    "people": PEOPLE,
    "readers": PEOPLE - {Role.AUDITOR},
}
WORDS: Final = ("public", "open", "run-token")


@dataclass(frozen=True)
class Row:
    """One operation in one case: the cells in which a caller is let in; `word` where no role is asked for."""

    service: str
    group: str
    name: str
    cells: frozenset[tuple[Role, str]]
    word: str | None

    @property
    def operation(self) -> str:
        return self.name.split(" ", 1)[0]

    def allows(self, role: Role, body: str) -> bool:
        """Whether this role of this body is let in."""
        return self.word in ("public", "open") or (role, body) in self.cells


def cells(value: str) -> Iterator[tuple[Role, str]]:
    """The cells that a value names. ValueError for what is neither a role, a set of roles nor a body."""
    for part in value.split(","):
        roles, _, bodies = part.strip().partition("@")
        for role in SETS.get(roles) or {Role(roles)}:
            for body in bodies.split("|") if bodies else BODIES:
                if body not in BODIES:
                    raise ValueError(f"{body} is no body of the tables")
                yield role, body


def read(service: str, path: Path) -> Iterator[Row]:
    for group in tomllib.loads(path.read_text("utf-8"))["group"]:
        for name, value in group["who"].items():
            word = value if value in WORDS else None
            found = frozenset() if word else frozenset(cells(value))
            yield Row(service, group["title"], name, found, word)


def rows(service: str, root: Path = ROOT) -> list[Row]:
    """The whole table of a service, its own operations first."""
    return [row for folder in TABLES[service] for row in read(service, root / folder / "permissions.toml")]


def operations(service: str, root: Path = ROOT) -> dict[str, str]:
    """Operation id -> method and path, by the OpenAPI document."""
    document = json.loads((root / "docs" / "openapi" / f"{service}.json").read_text("utf-8"))
    return {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, verbs in document["paths"].items()
        for method, operation in verbs.items()
    }


def faults(service: str, table: Iterable[Row], known: Iterable[str]) -> list[str]:
    """Operations without a row, rows without an operation."""
    named, there = {row.operation for row in table}, set(known)
    missing = [f"{service}: the operation {name} has no row in permissions.toml" for name in sorted(there - named)]
    return missing + [f"{service}: permissions.toml names {name}, which is no operation" for name in sorted(named - there)]


def wrong(root: Path = ROOT) -> list[str]:
    """What keeps the tables and the OpenAPI documents from fitting together."""
    return [fault for name in TABLES for fault in faults(name, rows(name, root), operations(name, root))]


def cell(row: Row, role: Role) -> str:
    """How the documentation writes one cell: `all`, the bodies, or nothing."""
    bodies = [body for body in BODIES if (role, body) in row.cells]
    return "all" if len(bodies) == len(BODIES) else ", ".join(bodies)


def block(service: str) -> str:
    """The table of a service for docs/permissions.md. ValueError if an operation has no row."""
    if lacking := wrong():
        raise ValueError("; ".join(lacking))
    places, text = operations(service), ""
    table = rows(service)
    for title in dict.fromkeys(row.group for row in table):
        text += f"#### {title}\n\n| operation | {' | '.join(Role)} |\n| --- |{' --- |' * len(Role)}\n"
        for row in (one for one in table if one.group == title):
            case = row.name.removeprefix(row.operation)
            shown = [row.word or cell(row, role) for role in Role]
            text += f"| `{places[row.operation]}`{case} | {' | '.join(shown)} |\n"
        text += "\n"
    return text
