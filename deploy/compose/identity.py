"""DEVELOPMENT ONLY: stands in for the OpenID provider, with a key pair of its own in a volume that only this job sees.

Without a word it makes the key set for the services and a token for the worker; `token --role steward --ministry nts` prints
a token; `tokens` reads a JSON list of {subject, ministry, roles} and prints one of tokens.
"""

import argparse
import json
import sys
from pathlib import Path

from pydantic_settings import BaseSettings

from shared.auth import Role
from shared.keys import KeyPair

FOLDER = Path("/identity")
KEY_SET = Path("/run/identity/jwks.json")
WORKER_TOKEN = Path("/run/worker/token")
HOUR = 3600


class Provider(BaseSettings):
    """What the tokens say of their issuer and of whom they are for."""

    issuer: str
    audience: str

    def mint(self, subject: str, ministry: str, roles: str, hours: int = 8) -> str:
        """ValueError for a role that does not exist."""
        known = [Role(role.strip()).value for role in roles.split(",")]
        pair = KeyPair.ensure(FOLDER)
        return pair.mint(
            issuer=self.issuer, audience=self.audience, subject=subject, ministry=ministry, roles=known, ttl=hours * HOUR
        )


def replace(path: Path, text: str, mode: int) -> None:
    """A reader sees the old file or the new one, never a part."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(mode)
    beside.replace(path)


def prepare(provider: Provider) -> None:
    replace(KEY_SET, KeyPair.ensure(FOLDER).jwks_path.read_text("utf-8"), 0o444)
    replace(WORKER_TOKEN, provider.mint("stock-worker", "mois", Role.WORKER, hours=24 * 30), 0o400)
    print("DEVELOPMENT ONLY: this installation mints its own tokens.")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("deed", nargs="?", choices=["prepare", "token", "tokens"], default="prepare")
    parser.add_argument("--role", default="")
    parser.add_argument("--ministry", default="")
    parser.add_argument("--subject", default="")
    options = parser.parse_args()
    provider = Provider()
    if options.deed == "prepare":
        prepare(provider)
    elif options.deed == "token":
        subject = options.subject or f"{options.role}@{options.ministry}"
        print(provider.mint(subject, options.ministry, options.role))
    else:
        print(json.dumps([provider.mint(who["subject"], who["ministry"], who["roles"]) for who in json.load(sys.stdin)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
