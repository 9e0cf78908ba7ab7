"""What a check finds: reason codes and addresses, never a value; and how untrusted JSON is read."""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from shared.contracts import OutputKind

MAX_FINDINGS = 100
MAX_DEPTH = 40
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
# A pseudonym, or a resident registration number: neither has any business in an aggregate.
IDENTIFIER = re.compile(r"[0-9a-fA-F]{64}|(?<!\d)\d{6}-?[1-8]\d{6}(?!\d)")


class UnreadableError(Exception):
    """An artefact that is not what it says it is. Carries a reason code only."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Finding:
    """One fault. A cell is named by its row index and column name; `at` names any other place."""

    code: str
    row: int | None = None
    column: str | None = None
    at: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one artefact. `content` is the cleaned artefact, only if it passed."""

    kind: str
    name: str
    findings: tuple[Finding, ...] = ()
    content: Any = None

    @property
    def passed(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "disclosure": OutputKind(self.kind).disclosure,
            "passed": self.passed,
            "found": len(self.findings),
            "findings": [finding.as_json() for finding in self.findings[:MAX_FINDINGS]],
        }


@dataclass
class Notebook:
    """Collects the findings of one check."""

    findings: list[Finding] = field(default_factory=list)

    def note(self, code: str, *, row: int | None = None, column: str | None = None, at: str | None = None) -> None:
        self.findings.append(Finding(code, row=row, column=column, at=at))

    def verdict(self, kind: str, name: str, content: Callable[[], Any]) -> Verdict:
        return Verdict(kind, name, tuple(self.findings), None if self.findings else content())


def parse_json(raw: bytes, *, limit: int) -> Any:
    """JSON from outside: bounded in size and depth, UTF-8, without NaN and without repeated keys."""
    if len(raw) > limit:
        raise UnreadableError("too-large")
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text,
            parse_constant=refuse,
            parse_float=finite,
            parse_int=bounded,
            object_pairs_hook=distinct,
        )
    except RecursionError as error:
        raise UnreadableError("too-deep") from error
    except ValueError as error:
        raise UnreadableError("not-json") from error
    if "\\ud" in text.lower() and not encodes(value):
        raise UnreadableError("half-a-character")
    if depth(value) > MAX_DEPTH:
        raise UnreadableError("too-deep")
    return value


def encodes(value: Any) -> bool:
    """Whether every text in it is whole: JSON can name half of a surrogate pair, which no file of ours can hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def refuse(_: str) -> None:
    raise UnreadableError("not-finite")


def finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise UnreadableError("not-finite")
    return value


def bounded(digits: str) -> int:
    if len(digits) > 19:
        raise UnreadableError("number-too-long")
    return int(digits)


def distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UnreadableError("repeated-key")
        found[key] = value
    return found


def depth(value: Any) -> int:
    """How deep lists and objects stand inside one another, without recursion."""
    deepest, level = 0, [value]
    while level and deepest <= MAX_DEPTH:
        level = [child for parent in level for child in children(parent)]
        deepest += 1
    return deepest


def children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def text_fault(value: str, limit: int) -> str | None:
    """Why a text may not leave: too long, looking like an identifier, or with control characters."""
    if len(value) > limit:
        return "text-too-long"
    if IDENTIFIER.search(value):
        return "looks-like-identifier"
    return "control-character" if any(ord(letter) < 32 and letter not in "\n\t" for letter in value) else None


def check_words(words: Any, notebook: Notebook, at: str, *, limit: int, required: bool = True) -> dict[str, str] | None:
    """A text in Korean and English; returns it without any further member."""
    if words is None and not required:
        return None
    if not isinstance(words, dict) or not all(isinstance(words.get(tongue), str) for tongue in ("ko", "en")):
        notebook.note("words-missing", at=at)
        return None
    cleaned = {tongue: words[tongue] for tongue in ("ko", "en")}
    for fault in filter(None, (text_fault(text, limit) for text in cleaned.values())):
        notebook.note(fault, at=at)
    return cleaned
