"""Seal one entity's own key to a ministry, bound to the request and the pseudonym that it stands for; and open it again."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.registry import HeaderParameter

from shared.contracts import PublicKey

ALGORITHM: Final = "ECDH-ES"
ENCRYPTION: Final = "A256GCM"
BINDING: Final = ("request", "pseudonym", "key_domain")
# Nothing but these two: no compression, no other algorithm that a header could ask for.
REGISTRY: Final = jwe.JWERegistry(
    header_registry={name: HeaderParameter(f"What it is sealed for: {name}", "str", required=True) for name in BINDING},
    algorithms=[ALGORITHM, ENCRYPTION],
)


class Unopened(Exception):
    """A sealed key that this holder cannot open, with a reason code; never with what it holds."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Opened:
    """What was sealed, and what it was sealed for."""

    key: str
    request: str
    pseudonym: str
    key_domain: str


class Sealer:
    """Seals the keys of one request to one ministry: each under an ephemeral key of its own (compact JWE)."""

    def __init__(self, to: PublicKey, *, request: str, key_domain: str) -> None:
        self.key = OKPKey.import_key({"kty": to.kty, "crv": to.crv, "x": to.x})
        self.header = {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": to.kid, "request": request, "key_domain": key_domain}

    def seal(self, pseudonym: str, key: str) -> str:
        return jwe.encrypt_compact({**self.header, "pseudonym": pseudonym}, key, self.key, registry=REGISTRY)


class Keyring:
    """A ministry's private keys, old ones too: what was sealed to a key is opened by that key alone."""

    def __init__(self, private: Mapping[str, OKPKey]) -> None:
        self.private = private

    def open(self, sealed: str) -> Opened:
        """The key that was sealed, and what for; Unopened if it was changed, or was sealed to somebody else."""
        key = self.private.get(key_id(sealed))
        if key is None:
            raise Unopened("sealed-for-another-key")
        try:
            found = jwe.decrypt_compact(sealed, key, algorithms=None, registry=REGISTRY)
            header, plain = found.headers(), (found.plaintext or b"").decode()
        except (JoseError, ValueError):
            raise Unopened("damaged") from None
        return Opened(plain, header["request"], header["pseudonym"], header["key_domain"])


def key_id(sealed: str) -> str:
    """Which key opens it, as it says itself."""
    head = sealed.split(".", 1)[0]
    try:
        return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
    except (ValueError, TypeError, KeyError):
        raise Unopened("damaged") from None
