"""Bodies of requests: read within a limit and looked through before anything else sees them."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request

from shared import messages
from shared.errors import BadRequest, FieldError, TooLarge, UnsupportedMedia

JSON: Final = "application/json"
IS_JSON: Final = re.compile(r"application/(?:[^\s/;]+\+)?json")
NUL = re.compile(rb"\x00|(?<!\\)(?:\\\\)*\\u0000")


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
    if NUL.search(body):
        raise BadRequest(messages.BODY_NUL, errors=[FieldError("#", "nul", messages.REMOVE_NUL)])
    request._body = body
    return body


def parse_json(request: Request, body: bytes) -> None:
    """Parse what is said to be JSON, so that nothing comes in that cannot be stored or that two would read differently."""
    if not body:
        return
    if not IS_JSON.fullmatch(request.headers.get("content-type", "").split(";")[0].strip().lower()):
        raise UnsupportedMedia(messages.BODY_NOT_JSON_TYPE, accepted=[JSON])
    try:
        request._json = json.loads(body, parse_constant=no_constant, object_pairs_hook=each_once)
        # Neither half a Unicode character nor 1e999, which is read as infinity, can be stored.
        json.dumps(request._json, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise BadRequest(messages.BODY_NOT_JSON, errors=[FieldError("#", "not-json", messages.CHECK_SYNTAX)]) from None
