"""The parts of the documentation that the code can tell, written into marked blocks so that they cannot go stale.

python -m deploy.docs           write them
python -m deploy.docs --check   fail if a block is not what the code says

A block stands between `<!-- generated: name -->` and `<!-- end -->`.
"""

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from deploy import permissions
from deploy.installation import SERVICES
from services.analysis.rules import Limit, Share
from services.analysis.rules import Rules as AnalysisRules
from services.analysis.rules import load_rules as load_analysis_rules
from services.requests.rules import Rules, load_rules
from services.results.disclosure import Rules as Profile
from services.results.schemas.subscriptions import OUTCOMES
from shared.auth import Role
from shared.clock import now
from shared.contracts import Based, Event
from shared.contracts.wording import Sentence
from shared.errors import Problem
from shared.members import NotAMember
from shared.settings import ServiceSettings
from shared.topology import LISTENERS

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false", timedelta: "duration", Path: "path"}
PLAIN = {
    "host": "Address to listen on; uvicorn's own `--host` decides.",
    "port": "Port to listen on; uvicorn's own `--port` decides.",
    "log_level": "Lowest level that is logged.",
    "max_rows": "Most rows of a table.",
    "max_bytes": "Largest table, figure or metrics file, bytes.",
    "max_columns": "Most columns of a table.",
}
# Programs of a service with settings of their own.
BESIDE = {"scoring": "services.analysis.scoring"}
UNLISTED = {"profile", "version", "legal_basis", "legal_basis_ko", "verified", "checked", "recheck_by"}
UNITS = ((1024**3, "GiB"), (1024**2, "MiB"))


def documents(root: Path) -> list[Path]:
    """Every document that people read: those of the root, and all under docs/."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["---"] * len(lines[0])]
    lines += [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


__all__ = ["NotAMember"]  # imported so that the table of problems has it


def ours(thing: type) -> bool:
    """Not one that a test made for itself."""
    return thing.__module__.startswith(("shared.", "services."))


def first_words(thing: type) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def settings_of(service: str) -> type[ServiceSettings]:
    place = BESIDE.get(service, f"services.{service}")
    found: type[ServiceSettings] = importlib.import_module(f"{place}.settings").Settings
    return found


def own_settings(service: str) -> dict[str, FieldInfo]:
    """What this service alone is told, or is told otherwise."""
    common = ServiceSettings.model_fields
    fields = settings_of(service).model_fields.items()
    return {name: field for name, field in fields if name not in common or field.default != common[name].default}


def kind_of(field: FieldInfo) -> str:
    """The type in a word: optional ones lose their `None`; whatever is structured is written as JSON."""
    parts = [part for part in getattr(field.annotation, "__args__", ()) if part is not type(None)]
    structured = getattr(field.annotation, "__origin__", None) in (list, dict)
    kind = parts[0] if parts and not structured else field.annotation
    if kind is SecretStr:
        return "secret"
    return KINDS.get(kind, "JSON") if isinstance(kind, type) and not structured else "JSON"


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, bool):
        return str(value).lower()
    unit = next((f" ({value // size} {name})" for size, name in UNITS if isinstance(value, int) and value % size == 0), "")
    return f"`{value}`{unit}"


def settings_rows(fields: Mapping[str, FieldInfo], prefix: str = "") -> Iterator[list[str]]:
    for name, field in fields.items():
        words = field.description or PLAIN.get(name, "")
        yield [f"`{prefix}{name.upper()}`", kind_of(field), default_of(field), words]


def settings_block() -> str:
    head = ("setting", "kind", "default", "what it is")
    text = "#### Every service\n\nWith the prefix of the service: "
    text += ", ".join(f"`{service.upper()}_`" for service in (*SERVICES, *BESIDE))
    text += f".\n\n{table(head, settings_rows(ServiceSettings.model_fields))}"
    for service in (*SERVICES, *BESIDE):
        text += f"\n#### {service.capitalize()}\n\n{table(head, settings_rows(own_settings(service), f'{service.upper()}_'))}"
    return text


def limits_block() -> str:
    """What the check of a file may take; one structured setting."""
    limits = own_settings("catalog")["check_limits"].get_default()
    return table(("limit", "default"), ([f"`{name}`", f"`{value}`"] for name, value in limits.model_dump().items()))


def needed_block() -> str:
    """What has no default: a service does not start without it."""
    rows = []
    for service in SERVICES:
        needed = [name.upper() for name, field in settings_of(service).model_fields.items() if field.is_required()]
        rows.append([service, ", ".join(f"`{service.upper()}_{name}`" for name in needed)])
    return table(("service", "does not start without"), rows)


def roles_block() -> str:
    return table(("role", "what it is"), ([f"`{role}`", role.description] for role in Role))


def both(sentence: Sentence) -> str:
    return f"{sentence}<br>{sentence.ko}"


def problems_block() -> str:
    found = sorted((one for one in Problem.types.values() if ours(one)), key=lambda problem: (problem.status, problem.slug))
    rows = (
        [
            f"`{one.slug}`",
            str(one.status),
            f"{one.title}<br>{one.title.ko}",
            f"{one.advice}<br>{one.advice.ko}",
            "yes" * one.audited,
        ]
        for one in found
    )
    return table(("type", "status", "title", "what to do", "audited"), rows)


def events_block() -> str:
    rows = []
    for name, event in sorted((name, event) for name, event in Event.types.items() if ours(event)):
        listeners = ", ".join(service for service in SERVICES if name in LISTENERS[service]) or "nobody"
        shape = f"[schema](schemas/events/{name}.json), [example](schemas/events/examples/{name}.json)"
        rows.append([f"`{name}`", first_words(event), event.producer(), listeners, "yes" if event.withdrawal else "", shape])
    return table(("event", "what has happened", "said by", "heard by", "withdrawal", "shape"), rows)


def life_cycles() -> Iterator[tuple[str, type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]]]:
    """Each TRANSITIONS literal of each service, with its states."""
    for service in SERVICES:
        models = importlib.import_module(f"services.{service}.models")
        for name in sorted(name for name in vars(models) if name.endswith("TRANSITIONS")):
            moves: Mapping[StrEnum, frozenset[StrEnum]] = getattr(models, name)
            yield service, type(next(iter(moves))), moves


def states_block() -> str:
    text = ""
    for service, states, moves in life_cycles():
        text += f"### {service}: {states.__name__}\n\n"
        text += f"{first_words(states)}\n\n" if inspect.getdoc(states) != inspect.getdoc(StrEnum) else ""
        text += f"```mermaid\nstateDiagram-v2\n    [*] --> {next(iter(states))}\n"
        for state in states:
            text += "".join(f"    {state} --> {to}\n" for to in states if to in moves[state])
            text += "" if moves[state] else f"    {state} --> [*]\n"
        text += "```\n\n"
    return text


def based(name: str, value: str, rule: Any) -> list[str]:
    return [name, value, rule.legal_basis, held(rule), again(rule)]


def held(rule: Any) -> str:
    """The day on which the texts that a rule names were read; a house rule names none."""
    if rule.verified:
        return str(rule.checked)
    return "house rule" if rule.legal_basis.startswith("House rule") else "no"


def again(rule: Based) -> str:
    """The day by which the texts are read again, or that it has passed."""
    if rule.recheck_by is None:
        return "**re-read: no day is named**"
    return f"**re-read: due since {rule.recheck_by}**" if rule.recheck_due(now().date()) else str(rule.recheck_by)


def days_off_row(rules: Rules) -> list[str]:
    more = ", ".join(str(day) for day in rules.holidays) or "none"
    less = ", ".join(str(day) for day in rules.not_holidays) or "none"
    rule = rules.public_holidays
    value = f"country {rule.country if rule else 'none'}; further days: {more}; struck: {less}"
    return based("public holidays", value, rule) if rule else ["public holidays", value, "", "", ""]


def request_rules_block() -> str:
    rules = load_rules()
    rows = [based("votes that the council needs", str(rules.quorum.value), rules.quorum)]
    timers = {"an owner decides within": rules.owner_decision}
    timers |= {f"the council decides within ({lane.name}, risk tier up to {lane.up_to})": lane.decision for lane in rules.lanes}
    rows += [based(name, f"{one.days} {'working ' if one.working else ''}days", one) for name, one in timers.items()]
    rows += [based(f"ground of refusal `{one.code}`", one.en, one) for one in rules.refusal_codes]
    points = [f"{sensitivity} {value}" for sensitivity, value in rules.risk.sensitivity.items()]
    points += [f"several owners +{rules.risk.several_owners}", f"a list of cases +{rules.risk.entity_level_result}"]
    rows.append(based("points of the risk tier", ", ".join(points), rules.risk))
    rows.append(days_off_row(rules))
    return f"Version `{rules.version}`.\n\n{table(('rule', 'value', 'basis', 'read', 're-read by'), rows)}"


def disclosure_rules_block() -> str:
    rules, rows = Profile.load(), []
    for name, field in Profile.model_fields.items():
        value = getattr(rules, name)
        if name not in UNLISTED:
            shown = ", ".join(sorted(value)) if isinstance(value, frozenset) else f"{value:,}"
            rows.append([f"`{name}`", shown, field.description or PLAIN.get(name, "")])
    head = f"Profile `{rules.label}`. Basis: {rules.legal_basis} Read: {held(rules)}. Re-read by: {again(rules)}."
    return f"{head}\n\n{table(('rule', 'value', 'what it is'), rows)}"


def analysis_rules_block(kind: type[Limit] | type[Share]) -> str:
    rules = load_analysis_rules()
    own = [(field.description or "", getattr(rules, name)) for name, field in AnalysisRules.model_fields.items()]
    rows = [[words, f"{rule.value:,}", rule.legal_basis, str(rule.recheck_by)] for words, rule in own if isinstance(rule, kind)]
    return f"Version `{rules.version}`.\n\n{table(('rule', 'value', 'basis', 'looked at again by'), rows)}"


def outcomes_block() -> str:
    return table(("outcome", "what it means"), ([f"`{code}`", words] for code, words in OUTCOMES.items()))


BLOCKS: Mapping[str, Callable[[], str]] = {
    "settings": settings_block, "check-limits": limits_block, "needed-settings": needed_block, "roles": roles_block,
    "problems": problems_block, "events": events_block, "states": states_block, "request-rules": request_rules_block,
    "disclosure-rules": disclosure_rules_block, "grant-rules": partial(analysis_rules_block, Limit),
    "webhook-outcomes": outcomes_block, "linkage-rules": partial(analysis_rules_block, Share),
    **{f"permissions-{service}": partial(permissions.block, service) for service in permissions.TABLES},
}  # fmt: skip


def renewed(text: str) -> str:
    """The document with every block as the code says it. KeyError names a block that nobody writes."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]().strip()}\n\n{found[4]}", text)


def undated(text: str) -> str:
    """Without the marks of days that have passed: no check fails because a day went by."""
    return re.sub(r"\*\*re-read: due since ([0-9-]{10})\*\*", r"\1", text)


def stale(root: Path = ROOT) -> list[str]:
    """Documents with a block that is not what the code says, and blocks that stand nowhere."""
    texts = {path: path.read_text(encoding="utf-8") for path in documents(root)}
    there = {found[2] for text in texts.values() for found in BLOCK.finditer(text)}
    wrong = [
        f"{path.relative_to(root)} is out of date: run python -m deploy.docs"
        for path, text in texts.items()
        if undated(renewed(text)) != undated(text)
    ]
    return wrong + [f"the block {name} stands in no document" for name in BLOCKS if name not in there]


def write(root: Path = ROOT) -> None:
    for path in documents(root):
        text = path.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            path.write_text(new, encoding="utf-8")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.docs", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if a block is not up to date")
    if not parser.parse_args(arguments).check:
        write(root)
    wrong = stale(root)
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
