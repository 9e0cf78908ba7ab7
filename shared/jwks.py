"""The identity provider's public keys: read from a file or a URL, kept, and read again when they rotate."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.exceptions import PyJWTError

from shared import messages
from shared.errors import Unavailable

log = logging.getLogger(__name__)
JWKS_LIMIT: Final = 256 * 1024
# Asymmetric only: with a shared secret, whoever verifies could also mint.
KEY_ALGORITHMS: Final[Mapping[str, frozenset[str]]] = {
    "OKP": frozenset({"EdDSA"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
}


@dataclass(frozen=True)
class Key:
    """A public key of the identity provider and the algorithms it may be used with."""

    kid: str
    algorithms: frozenset[str]
    public: jwt.PyJWK


def parse_key(entry: Any) -> Key | None:
    """A key that we accept, or None for what has no place in a public key set or is not for signatures."""
    if not isinstance(entry, dict) or not isinstance(kid := entry.get("kid"), str):
        return None
    fitting = KEY_ALGORITHMS.get(str(entry.get("kty")), frozenset())
    algorithms = fitting & {entry["alg"]} if isinstance(entry.get("alg"), str) else fitting
    if not algorithms or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    try:
        public = jwt.PyJWK(entry)
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(public.key, RSAPublicKey) and public.key.key_size < 2048:
        return None
    return Key(kid, algorithms, public)


def parse_jwks(document: bytes) -> dict[str, Key]:
    """The usable keys by kid. ValueError if there is none: such a document must not replace good keys."""
    content = json.loads(document)
    entries = content.get("keys") if isinstance(content, dict) else None
    keys = [key for entry in (entries if isinstance(entries, list) else []) if (key := parse_key(entry))]
    if not keys:
        raise ValueError("no usable key in the key set")
    return {key.kid: key for key in keys}


class Jwks:
    """The identity provider's key set, from a file or URL: kept for `ttl`, read again when an unknown key shows up.

    It is read at most once per `refetch_after`, so that tokens with invented key names cost the provider nothing.
    If it cannot be read the keys at hand stay in use.
    """

    def __init__(
        self,
        source: str,
        *,
        ttl: timedelta = timedelta(minutes=5),
        refetch_after: timedelta = timedelta(seconds=30),
        timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        self.source = source
        self.ttl, self.refetch_after = ttl.total_seconds(), refetch_after.total_seconds()
        self.timeout = timeout.total_seconds()
        self.keys: dict[str, Key] = {}
        self.read_at = self.tried_at = float("-inf")
        self.lock = asyncio.Lock()

    async def get(self, kid: str) -> Key | None:
        """The key of this name, or None. Unavailable if the key set could never be read."""
        if self.worth_reading(kid):
            async with self.lock:
                if self.worth_reading(kid):
                    await self.refresh()
        if not self.keys:
            raise Unavailable(messages.PROVIDER_AWAY)
        return self.keys.get(kid)

    def worth_reading(self, kid: str) -> bool:
        current = time.monotonic()
        wait = self.refetch_after if self.keys else min(self.refetch_after, 1.0)
        stale = current - self.read_at >= self.ttl
        return (stale or kid not in self.keys) and current - self.tried_at >= wait

    async def refresh(self) -> None:
        """Read the key set now; keep the old keys if that fails."""
        try:
            self.keys = parse_jwks(await self.read())
            self.read_at = time.monotonic()
        except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError, TimeoutError) as error:
            log.warning("the key set could not be read", extra={"error": type(error).__name__, "kept": len(self.keys)})
        finally:
            self.tried_at = time.monotonic()

    async def read(self) -> bytes:
        if not self.source.startswith(("http://", "https://")):
            return await asyncio.to_thread(Path(self.source.removeprefix("file://")).read_bytes)
        body = b""
        async with (
            asyncio.timeout(self.timeout),
            httpx.AsyncClient(timeout=self.timeout) as client,
            client.stream("GET", self.source, headers={"Accept": "application/json"}) as response,
        ):
            if response.status_code != 200:
                raise ValueError("the key set was not served")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > JWKS_LIMIT:
                    raise ValueError("the key set is too large")
        return body
