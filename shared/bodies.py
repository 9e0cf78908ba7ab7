"""Bodies of requests: read within a limit and looked through before anything else sees them."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from fastapi import Request

from shared import messages
from shared.contracts.wording import Template
from shared.errors import BadRequest, FieldError, TooLarge, Unprocessable, UnsupportedMedia

JSON: Final = "application/json"
IS_JSON: Final = re.compile(r"application/(?:[^\s/;]+\+)?json")
NUL = re.compile(rb"\x00|(?<!\\)(?:\\\\)*\\u0000")
# One text; possessive, so that no body makes it look at anything twice. One without an end reaches to that of the body.
TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
PIECE: Final = re.compile(TEXT.pattern + rb"|[\[\]{},:]", re.DOTALL)
PIECES: Final = 5_000  # looked at to say where it is too much; more would take longer than to refuse it
LONGEST_NAME: Final = 100
MARK: Final = re.compile(rb"[\[\]{},]")


@dataclass(frozen=True)
class Bounds:
    """The most that JSON may hold: values on all levels, members of one object or items of one list, levels."""

    values: int = 40_000
    members: int = 10_000
    depth: int = 50

    def check(self, body: bytes) -> None:
        """BadRequest, Unprocessable if there is more, known without building any of it."""
        texts = (body.count(b'"') - body.count(b'\\"')) // 2
        if texts > 2 * self.values:  # each value is one text at most, with one that names it
            raise too_complex(messages.BODY_VALUES, "too-many-values", self.values, fullest(body))
        bare = TEXT.sub(b"", body) if texts else body
        opened, commas = bare.count(b"[") + bare.count(b"{"), bare.count(b",")
        if opened > self.depth or commas >= self.members or opened + commas > self.values:
            self.check_levels(bare, body)

    def check_levels(self, bare: bytes, body: bytes) -> None:
        """The same, of a body whose `bare` form has no texts."""
        counts: list[int] = []
        values = 0
        for found in MARK.finditer(bare):
            mark = found[0]
            if mark in b"[{":
                counts.append(1)
                if len(counts) > self.depth:
                    error = FieldError("#", "too-deep", messages.SEND_LESS)
                    raise BadRequest(messages.BODY_DEPTH(most=self.depth), errors=[error])
            elif not counts:
                return  # no JSON: the parser says so
            elif mark == b",":
                counts[-1] += 1
                if counts[-1] > self.members:
                    raise too_complex(messages.BODY_MEMBERS, "too-many-members", self.members, fullest(body))
            else:
                counts.pop()
                continue
            values += 1
            if values > self.values:
                raise too_complex(messages.BODY_VALUES, "too-many-values", self.values, fullest(body))


def too_complex(template: Template, code: str, most: int, place: str) -> Unprocessable:
    return Unprocessable(template(most=most), errors=[FieldError(place, code, messages.SEND_LESS)])


def fullest(body: bytes) -> str:
    """Where most of a body is that holds too much, as a JSON pointer: the member of its object, by what comes first."""
    counts: Counter[bytes] = Counter()
    level, text, member = 0, b"", b""
    for found in islice(PIECE.finditer(body), PIECES):
        piece = found[0]
        if piece in b"[{":
            level += 1
        elif piece in b"]}":
            level -= 1
        elif piece == b":" and level == 1:
            member = text
        elif piece == b",":
            counts[member if level > 1 else b""] += 1
        else:
            text = piece
    most = max(counts, key=lambda each: counts[each], default=b"")
    name = most[1:-1].decode(errors="replace")
    return f"#/{name.replace('~', '~0').replace('/', '~1')}" if 0 < len(name) <= LONGEST_NAME else "#"


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two members of one name one reader takes the first and another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        error = FieldError("#", "duplicate-name", messages.MEMBER_ONCE)
        raise BadRequest(messages.MEMBER_TWICE, errors=[error])
    return found


def check_encoding(request: Request, accepted: Sequence[str]) -> None:
    """What is compressed would be kept as if it were the thing itself."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        problem = UnsupportedMedia(messages.BODY_ENCODED, accepted=list(accepted))
        problem.headers["Accept-Encoding"] = "identity"
        raise problem


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body within its limit, before anything else looks at it."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(messages.BODY_TOO_LARGE(limit=limit), limit_bytes=limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(messages.BODY_TOO_LARGE(limit=limit), limit_bytes=limit)
        chunks.append(chunk)
    body = b"".join(chunks)
    # Both are nearly never there, and looking for them as they are takes a hundredth of the time.
    if b"\0" in body or (b"\\u0000" in body and NUL.search(body)):
        raise BadRequest(messages.BODY_NUL, errors=[FieldError("#", "nul", messages.REMOVE_NUL)])
    request._body = body
    return body


def parse_json(request: Request, body: bytes, bounds: Bounds) -> None:
    """Parse what is said to be JSON, so that nothing comes in that cannot be stored or that two would read differently."""
    if not body:
        return
    if not IS_JSON.fullmatch(request.headers.get("content-type", "").split(";")[0].strip().lower()):
        raise UnsupportedMedia(messages.BODY_NOT_JSON_TYPE, accepted=[JSON])
    bounds.check(body)
    try:
        request._json = json.loads(body, parse_constant=no_constant, object_pairs_hook=each_once)
        # Neither half a Unicode character nor 1e999, which is read as infinity, can be stored.
        json.dumps(request._json, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise BadRequest(messages.BODY_NOT_JSON, errors=[FieldError("#", "not-json", messages.CHECK_SYNTAX)]) from None
