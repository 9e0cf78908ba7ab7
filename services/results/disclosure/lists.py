"""A restricted list is never published; still, each line has to be a pseudonym, a score and reasons, and nothing else."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from services.results.disclosure.findings import Notebook, UnreadableError, check_words, is_number, parse_json

PSEUDONYM = re.compile(r"[0-9a-f]{64}")
MAX_LINE = 16_384
# A stored line also carries the sealed key.
MAX_STORED = MAX_LINE + 4_096
MAX_REASONS = 10
MEMBERS = frozenset({"pseudonym", "score", "reasons"})
REASON_MEMBERS = frozenset({"code", "ko", "en"})
BATCH = 2000


@dataclass(frozen=True)
class ListLine:
    """One entity that a method listed."""

    pseudonym: str
    score: float
    reasons: tuple[dict[str, str], ...]
    sealed: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"pseudonym": self.pseudonym, "score": self.score, "reasons": list(self.reasons), "sealed": self.sealed}


async def line_batches(chunks: AsyncIterator[bytes], longest: int = MAX_LINE) -> AsyncIterator[list[bytes]]:
    """The lines of a stream, in batches; one that does not end within bounds comes cut, so that it is refused."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[: longest + 1]
        lines = [line for line in whole if line.strip()]
        for start in range(0, len(lines), BATCH):
            yield lines[start : start + BATCH]
    if rest.strip():
        yield [rest]


def read_line(raw: bytes) -> ListLine:
    """One line as a method wrote it; UnreadableError with a reason code if it is anything else."""
    return line_of(parse_json(raw, limit=MAX_LINE))


def read_stored(raw: bytes) -> ListLine:
    """One line as it was stored after the check, with the sealed key that no method may give."""
    line = parse_json(raw, limit=MAX_STORED)
    sealed = line.pop("sealed", None) if isinstance(line, dict) else None
    if not isinstance(sealed, str | None):
        raise UnreadableError("sealed-invalid")
    return replace(line_of(line), sealed=sealed)


def line_of(line: object) -> ListLine:
    if not isinstance(line, dict) or not PSEUDONYM.fullmatch(str(line.get("pseudonym"))):
        raise UnreadableError("pseudonym-missing")
    if not line.keys() <= MEMBERS:
        raise UnreadableError("member-not-allowed")
    if not is_number(line.get("score")):
        raise UnreadableError("score-not-number")
    reasons = line.get("reasons", [])
    if not isinstance(reasons, list) or len(reasons) > MAX_REASONS:
        raise UnreadableError("reasons-invalid")
    return ListLine(line["pseudonym"], float(line["score"]), tuple(read_reason(reason) for reason in reasons))


def read_reason(reason: object) -> dict[str, str]:
    notebook = Notebook()
    words = check_words(reason, notebook, "", limit=500)
    code = reason.get("code") if isinstance(reason, dict) else None
    if words is None or notebook.findings or not (isinstance(code, str) and 0 < len(code) <= 80):
        raise UnreadableError("reasons-invalid")
    if not REASON_MEMBERS.issuperset(reason if isinstance(reason, dict) else ()):
        raise UnreadableError("member-not-allowed")
    return {"code": code, **words}
