"""Bodies of requests: read within a limit and looked through before anything else sees them."""

import json
import re
from typing import Any

from fastapi import Request

from shared.errors import BadRequest, FieldError, TooLarge

NUL = re.compile(rb"\x00|(?<!\\)(?:\\\\)*\\u0000")


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


async def read_body(request: Request, limit: int) -> None:
    """Read and parse a JSON body within its limit, before anything else looks at it."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"The body may have {limit} bytes.", limit_bytes=limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body may have {limit} bytes.", limit_bytes=limit)
        chunks.append(chunk)
    body = b"".join(chunks)
    if NUL.search(body):
        raise BadRequest(
            "The body holds a NUL character, which no text of ours may hold.", errors=[FieldError("#", "nul", "Remove it.")]
        )
    request._body = body
    if body and "json" in request.headers.get("content-type", "application/json"):
        try:
            request._json = json.loads(body, parse_constant=no_constant)
            # Neither half a Unicode character nor 1e999, which is read as infinity, can be stored.
            json.dumps(request._json, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            raise BadRequest(
                "The body is not well-formed JSON.", errors=[FieldError("#", "not-json", "Check the syntax.")]
            ) from None
