"""Keys on disk: Ed25519 keys that sign audit checkpoints, the key of the audit rows' MACs, and the key pair of the embedded
identity provider."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.clock import now

Jwk = dict[str, str]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(public: Ed25519PublicKey) -> str:
    """The key's name: its RFC 7638 thumbprint."""
    words = {"crv": "Ed25519", "kty": "OKP", "x": base64url(public.public_bytes_raw())}
    return base64url(hashlib.sha256(json.dumps(words, separators=(",", ":"), sort_keys=True).encode()).digest())


def jwk(public: Ed25519PublicKey) -> Jwk:
    """The public key as an entry of a JWKS."""
    x = base64url(public.public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint(public), "use": "sig", "alg": "EdDSA"}


def write_beside(path: Path, data: bytes, mode: int) -> Path:
    """A temporary file in the same folder, complete and on disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return Path(name)


def create_once(path: Path, data: bytes) -> None:
    """Create the file, readable by its owner alone, unless it is there. Of two processes that start at once, one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    complete = write_beside(path, data, 0o600)
    try:
        path.hardlink_to(complete)
    except FileExistsError:
        pass
    finally:
        complete.unlink()


def write_jwks(path: Path, keys: Iterable[Ed25519PublicKey]) -> None:
    """Write the key set; a reader sees the old file or the new one, never a part."""
    document = {"keys": [jwk(key) for key in keys]}
    write_beside(path, json.dumps(document, indent=2).encode(), 0o644).replace(path)


@dataclass(frozen=True)
class VerifyKey:
    """The public half of a signing key."""

    public: Ed25519PublicKey

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a PEM file."""
        return cls.from_pem(path.read_bytes())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("not an Ed25519 public key")
        return cls(key)

    @property
    def key_id(self) -> str:
        return thumbprint(self.public)

    def pem(self) -> bytes:
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, words: bytes, signature: str) -> bool:
        """Whether this key signed these words. A signature that cannot be read is a wrong one."""
        try:
            self.public.verify(base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True), words)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key that signs words, such as audit checkpoints."""

    private: Ed25519PrivateKey

    @classmethod
    def load(cls, path: Path) -> Self:
        """From an unencrypted PKCS #8 PEM file."""
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 private key")
        return cls(key)

    @classmethod
    def ensure(cls, path: Path) -> Self:
        """Load the key; make it first if it is not there."""
        if not path.exists():
            create_once(path, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cls.load(path)

    @property
    def verify_key(self) -> VerifyKey:
        return VerifyKey(self.private.public_key())

    @property
    def key_id(self) -> str:
        return self.verify_key.key_id

    def sign(self, words: bytes) -> str:
        return base64url(self.private.sign(words))


@dataclass(frozen=True)
class MacKey:
    """A secret of 32 bytes by which a service recognises what its own processes wrote."""

    secret: bytes

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a file that holds it in base64. ValueError names the file if it holds anything else."""
        try:
            secret = base64.b64decode(path.read_bytes().strip(), validate=True)
        except ValueError:
            secret = b""
        if len(secret) != 32:
            raise ValueError(f"{path} does not hold 32 bytes in base64")
        return cls(secret)

    @classmethod
    def ensure(cls, path: Path) -> Self:
        """Load the key; make it first if it is not there."""
        if not path.exists():
            create_once(path, base64.b64encode(secrets.token_bytes(32)))
        return cls.load(path)

    def mac(self, words: bytes) -> str:
        """HMAC-SHA256 of these words, in hexadecimal."""
        return hmac.digest(self.secret, words, "sha256").hex()

    def made(self, mac: str | None, words: bytes) -> bool:
        """Whether this MAC of these words was made with this key."""
        return mac is not None and hmac.compare_digest(mac.encode(), self.mac(words).encode())


@dataclass(frozen=True)
class KeyPair:
    """An identity provider of our own: only the embedded default and tests mint tokens."""

    signing: SigningKey
    jwks_path: Path

    @classmethod
    def ensure(cls, folder: Path) -> Self:
        """The key pair of this folder, made at first use: `signing.pem` stays secret, `jwks.json` is given to the services."""
        signing, jwks_path = SigningKey.ensure(folder / "signing.pem"), folder / "jwks.json"
        write_jwks(jwks_path, [signing.verify_key.public])
        return cls(signing, jwks_path)

    def mint(
        self, *, issuer: str, audience: str, subject: str, ministry: str, roles: Iterable[str], ttl: timedelta | int = 3600
    ) -> str:
        """A token; see `mint`."""
        return mint(
            self.signing.private,
            kid=self.signing.key_id,
            issuer=issuer,
            audience=audience,
            subject=subject,
            ministry=ministry,
            roles=roles,
            ttl=ttl,
        )


def mint(
    private_key: Ed25519PrivateKey,
    *,
    kid: str,
    issuer: str,
    audience: str,
    subject: str,
    ministry: str,
    roles: Iterable[str],
    ttl: timedelta | int = 3600,
) -> str:
    """A signed token that lives `ttl` (seconds, or a timedelta; a negative one has expired)."""
    made, life = now(), ttl if isinstance(ttl, timedelta) else timedelta(seconds=ttl)
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "ministry": ministry,
        "roles": [str(role) for role in roles],
        "iat": made,
        "nbf": made,
        "exp": made + life,
    }
    return jwt.encode(claims, private_key, algorithm="EdDSA", headers={"kid": kid})
