"""Run tokens: what a worker shows after a claim. One speaks for one run and one fence, and for nothing else."""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from services.analysis import messages
from shared.auth import Principal, Role
from shared.errors import Unauthorized

PURPOSE: Final = b"dure run token v1\0"
SIGNATURE: Final = 32
LONGEST: Final = 2000


@dataclass(frozen=True)
class Attempt:
    """One claim of one run, and the client that made it."""

    run_id: UUID
    fence: int
    subject: str
    ministry: str

    @property
    def worker(self) -> Principal:
        return Principal(self.subject, self.ministry, frozenset({Role.WORKER}))


def sign(key: bytes, words: bytes) -> bytes:
    return hmac.digest(key, PURPOSE + words, sha256)


def mint_token(key: bytes, attempt: Attempt) -> str:
    words = json.dumps([str(attempt.run_id), attempt.fence, attempt.subject, attempt.ministry]).encode()
    return base64.urlsafe_b64encode(sign(key, words) + words).decode().rstrip("=")


def read_token(key: bytes, token: str) -> Attempt:
    """The attempt that a token speaks for; Unauthorized if it is not one of ours."""
    try:
        told = base64.b64decode(token[:LONGEST] + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        told = b""
    signature, words = told[:SIGNATURE], told[SIGNATURE:]
    if not words or not hmac.compare_digest(sign(key, words), signature):
        raise Unauthorized(messages.RUN_TOKEN_UNKNOWN, reason="bad-run-token")
    run_id, fence, subject, ministry = json.loads(words)
    return Attempt(UUID(run_id), fence, subject, ministry)
