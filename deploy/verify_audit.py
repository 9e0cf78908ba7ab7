"""Check the audit chains offline: `make verify-audit FOLDER=var/serve`, or any database by its URL.

Needs the databases, the public half of the signing key and, to find a cut tail or a rewritten whole, checkpoints handed out
earlier (a folder of JSON files as `GET /<service>/audit/checkpoint` gave them). Exit code 1 if anything is wrong.
"""

import argparse
import asyncio
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.installation import SERVICES
from shared.audit import verify
from shared.db import Database
from shared.keys import SigningKey, VerifyKey


def open_database(service: str, url: str) -> Database:
    models = importlib.import_module(f"services.{service}.models")
    return Database(url, models.Base.metadata, models.PLUMBING, service)


def handed_out(folder: Path | None, service: str) -> list[Mapping[str, Any]]:
    files = sorted(folder.glob("*.json")) if folder else []
    checkpoints: list[Mapping[str, Any]] = [json.loads(file.read_text()) for file in files]
    return [checkpoint for checkpoint in checkpoints if checkpoint["service"] == service]


async def verify_service(service: str, url: str, key: VerifyKey, checkpoints: Path | None) -> bool:
    db = open_database(service, url)
    try:
        sealed, unsealed, broken = await verify(db, key, handed_out(checkpoints, service))
    finally:
        await db.close()
    if broken:
        print(f"{service:<9} BROKEN  {broken}")
        return False
    waiting = f", {unsealed} not sealed yet" if unsealed else ""
    print(f"{service:<9} whole   {sealed} rows sealed{waiting}")
    return True


async def verify_folder(folder: Path, checkpoints: Path | None = None) -> bool:
    """All four services of an embedded installation."""
    key = SigningKey.load(folder / "audit.pem").verify_key
    urls = {name: f"sqlite+aiosqlite:///{(folder / name).resolve()}.db" for name in SERVICES}
    return all([await verify_service(name, url, key, checkpoints) for name, url in urls.items()])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="folder of an embedded installation")
    parser.add_argument("--url", action="append", default=[], metavar="SERVICE=URL", help="a service's database")
    parser.add_argument("--key", type=Path, help="public key (PEM) of the audit's signer, with --url")
    parser.add_argument("--checkpoints", type=Path, help="folder with checkpoints that were handed out")
    options = parser.parse_args()
    if options.url:
        if options.key is None or not all("=" in each for each in options.url):
            parser.error("--url SERVICE=URL goes with --key, the public half of the key that signs the audit")
        key = VerifyKey.load(options.key)
        pairs = [each.split("=", 1) for each in options.url]
        whole = [asyncio.run(verify_service(service, url, key, options.checkpoints)) for service, url in pairs]
        return 0 if all(whole) else 1
    if options.folder is None:
        parser.error("say what to verify: --folder of an embedded installation, or --url SERVICE=URL with --key")
    if not (options.folder / "audit.pem").exists():
        print(f"There is no installation in {options.folder}: start one with `make serve`, or name it with FOLDER=...")
        return 2
    return 0 if asyncio.run(verify_folder(options.folder, options.checkpoints)) else 1


if __name__ == "__main__":
    sys.exit(main())
