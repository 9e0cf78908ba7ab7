"""A token of the embedded default's own identity provider: `make token ROLE=steward MINISTRY=nts`."""

import argparse
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from shared.auth import Role
from shared.keys import KeyPair

ISSUER = "https://dure.local/embedded"
AUDIENCE = "dure"
CODE = re.compile(r"[a-z][a-z0-9_-]{1,39}")


def mint(folder: Path, role: str, ministry: str, subject: str | None = None, hours: float = 8) -> str:
    """A token that the suite in this folder accepts. ValueError names a role that does not exist."""
    roles = [Role(each.strip()).value for each in role.split(",")]
    identity = KeyPair.ensure(folder / "identity")
    who = subject or f"{roles[0]}@{ministry}"
    return identity.mint(issuer=ISSUER, audience=AUDIENCE, subject=who, ministry=ministry, roles=roles, ttl=int(hours * 3600))


def is_member(catalog: Path, code: str) -> bool:
    """Whether the body has joined and not left, by the database of the suite; True where that cannot be read."""
    try:
        with closing(sqlite3.connect(f"{catalog.resolve().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT 1 FROM ministry WHERE code = ? AND left_at IS NULL", [code])
            return found.fetchone() is not None
    except sqlite3.Error:
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/serve"))
    parser.add_argument("--role", default="")
    parser.add_argument("--ministry", default="")
    parser.add_argument("--subject")
    options = parser.parse_args()
    known = ", ".join(Role)
    if not options.role or not options.ministry:
        print(f"Say for whom: make token ROLE=steward MINISTRY=nts\nRoles: {known}", file=sys.stderr)
        return 2
    if not CODE.fullmatch(options.ministry):
        print("MINISTRY is the code of a body: small letters, digits, - and _, such as mohw.", file=sys.stderr)
        return 2
    if not (options.folder / "identity").exists():
        print("No suite was started here yet: run `make serve` first.", file=sys.stderr)
        return 2
    if not is_member(options.folder / "catalog.db", options.ministry):
        print(f"{options.ministry} is no member: this token is refused (403) until it has joined.", file=sys.stderr)
    try:
        print(mint(options.folder, options.role, options.ministry, options.subject))
    except ValueError:
        print(f"There is no such role. Roles: {known}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
