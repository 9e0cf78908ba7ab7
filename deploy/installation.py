"""What an installation in one folder is told: its own key pair, its secrets, a database and settings for each service."""

import base64
import secrets
from pathlib import Path
from typing import Any

from deploy.tokens import AUDIENCE, ISSUER
from shared.keys import KeyPair, MacKey, SigningKey, VerifyKey

SERVICES = ("catalog", "requests", "analysis", "results")
# Whose signature the chains of an installation carry; also what a restore leaves.
AUDIT_PUBLIC = "audit.pub.pem"


def secret(path: Path) -> str:
    """A random key of this installation, made at first start, readable by its user alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text()


class KeysMissing(RuntimeError):
    """A restored installation without its keys: new ones would break its audit chains."""


def check_audit_key(folder: Path) -> None:
    """Raises KeysMissing where the audit was signed by another key than the one that is here, or by one that is not."""
    public, private = folder / AUDIT_PUBLIC, folder / "audit.pem"
    if not public.exists():
        return
    if not private.exists() or SigningKey.load(private).key_id != VerifyKey.load(public).key_id:
        raise KeysMissing(
            f"The audit in {folder} was signed by the key of {AUDIT_PUBLIC}, but audit.pem is "
            f"{'another' if private.exists() else 'not there'}: put back the keys of this installation (docs/backup.md)."
        )


def settings(folder: Path, public_url: str) -> dict[str, dict[str, Any]]:
    """Settings of the four services in one folder."""
    check_audit_key(folder)
    identity = KeyPair.ensure(folder / "identity")
    audit_key, mac_key = folder / "audit.pem", folder / "audit.mac"
    signing = SigningKey.ensure(audit_key)
    (folder / AUDIT_PUBLIC).write_bytes(signing.verify_key.pem())
    MacKey.ensure(mac_key)
    (folder / "scratch").mkdir(exist_ok=True)
    common: dict[str, Any] = {
        "storage_url": (folder / "objects").as_uri(),
        "jwks": str(identity.jwks_path),
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "public_url": public_url,
        "migrate_at_start": True,
        "audit_key": audit_key,
        "audit_mac_key": mac_key,
        "audit_checkpoints": str(folder / "checkpoints"),
        "scratch": folder / "scratch",
    }
    each: dict[str, dict[str, Any]] = {
        name: common | {"database_url": f"sqlite+aiosqlite:///{folder}/{name}.db"} for name in SERVICES
    }
    each["analysis"] |= {"wrapping_key": secret(folder / "wrapping.key"), "token_key": secret(folder / "token.key")}
    each["results"] |= {"secret_keys": [secret(folder / "secret.key")]}
    return each
