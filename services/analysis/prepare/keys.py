"""The key of a request: it makes the request's pseudonyms, is stored only wrapped, and is destroyed when the request closes."""

import base64
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.analysis.models import RequestKey
from shared.audit import record_audit
from shared.clock import now
from shared.db import Session

BLOCK = 64
NONCE = 12


class KeyLost(Exception):
    """The key was destroyed, or was wrapped by another wrapping key."""


@dataclass(frozen=True)
class Pads:
    """The two padded forms of a key that HMAC-SHA256 begins its hashes with. Never shown, never logged."""

    inner: bytes = field(repr=False)
    outer: bytes = field(repr=False)


def new_key() -> bytes:
    return secrets.token_bytes(32)


def pads(key: bytes) -> Pads:
    block = key.ljust(BLOCK, b"\0")
    return Pads(bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block))


def wrap(key: bytes, wrapping: bytes, request_id: UUID) -> str:
    """AES-256-GCM; bound to the request, so a wrapped key moved to another request does not open."""
    nonce = secrets.token_bytes(NONCE)
    return base64.b64encode(nonce + AESGCM(wrapping).encrypt(nonce, key, request_id.bytes)).decode()


def unwrap(wrapped: str, wrapping: bytes, request_id: UUID) -> bytes:
    sealed = base64.b64decode(wrapped)
    try:
        return AESGCM(wrapping).decrypt(sealed[:NONCE], sealed[NONCE:], request_id.bytes)
    except InvalidTag:
        raise KeyLost from None


async def request_key(session: Session, request_id: UUID, wrapping: bytes) -> bytes:
    """The request's key, made at first use. A destroyed key never comes back."""
    row = await session.get(RequestKey, request_id)
    if row is None:
        key = new_key()
        session.add(RequestKey(request_id=request_id, wrapped=wrap(key, wrapping, request_id)))
        return key
    if row.wrapped is None:
        raise KeyLost
    return unwrap(row.wrapped, wrapping, request_id)


async def destroy_key(session: Session, request_id: UUID, why: str) -> bool:
    """Overwrite the wrapped key. A tombstone stays even if there was none yet, so that none is made later."""
    row = await session.get(RequestKey, request_id) or RequestKey(request_id=request_id)
    if row.destroyed_at is not None:
        return False
    row.wrapped, row.destroyed_at = None, now()
    session.add(row)
    await record_audit(session, "analysis.destroy-key", f"request/{request_id}", detail={"reason": why})
    return True
