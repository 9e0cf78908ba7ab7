"""Webhook secrets at rest: AES-256-GCM under keys that only the settings hold, bound to the subscription's id."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


class NoKeyError(Exception):
    """None of the keys in the settings opens this secret."""


class Vault:
    """Seals with the first key, opens with any: put a new key in front, and drop the old one when all were sealed again."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = {key_id(key): AESGCM(key) for key in map(decode_key, keys)}
        if not self.keys:
            raise ValueError("at least one key is needed")

    def seal(self, secret: str, owner: UUID) -> str:
        name, cipher = next(iter(self.keys.items()))
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + cipher.encrypt(nonce, secret.encode(), owner.bytes)
        return f"{name}:{base64.b64encode(sealed).decode()}"

    def open(self, sealed: str, owner: UUID) -> str:
        name, _, text = sealed.partition(":")
        raw = base64.b64decode(text)
        if name not in self.keys:
            raise NoKeyError
        try:
            return self.keys[name].decrypt(raw[:NONCE], raw[NONCE:], owner.bytes).decode()
        except InvalidTag as error:
            raise NoKeyError from error


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def decode_key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("a key is 32 bytes in base64")
    return key


def key_id(key: bytes) -> str:
    return hashlib.sha256(b"dure-vault" + key).hexdigest()[:12]
