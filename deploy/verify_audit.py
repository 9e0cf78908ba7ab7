"""Check the audit chains offline: `make verify-audit FOLDER=var/serve`, or any database by its URL.

Needs the databases and the public half of the signing key. Whether the end of a chain was cut off, or all of it rewritten, only
a checkpoint tells that somebody else holds: the JSON files that a service sends by itself (AUDIT_CHECKPOINTS), or that
`GET /<service>/audit/checkpoint` gave. With the key of the MACs rows are also checked one by one.

Exit code 0: whole, compared with a checkpoint. 1: something is wrong; it is named. 2: whole as far as it goes, but without a
checkpoint nobody can tell whether more was there; or there was nothing that could be read.
"""

import argparse
import asyncio
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.installation import SERVICES
from shared.audit_verify import Report, Verdict, verify
from shared.db import Database
from shared.errors import Unavailable
from shared.keys import MacKey, SigningKey, VerifyKey

MEMBERS = {"service": str, "position": int, "hash": str, "at": str, "signature": str}
UNTOLD = (
    "cannot be told without a checkpoint whether the end was cut off or everything rewritten: --checkpoints FOLDER "
    "(make: CHECKPOINTS=FOLDER)"
)


class Unreadable(Exception):
    """What cannot be used to verify, and why."""


def open_database(service: str, url: str, mac_key: MacKey | None = None) -> Database:
    models = importlib.import_module(f"services.{service}.models")
    return Database(url, models.Base.metadata, models.PLUMBING, service, mac_key)


def read_checkpoint(file: Path) -> Mapping[str, Any]:
    """A checkpoint that was handed out. Unreadable if the file holds none."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise Unreadable(f"{file} is not JSON that can be read") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), kind) for name, kind in MEMBERS.items()):
        raise Unreadable(f"{file} is no checkpoint: it needs {', '.join(MEMBERS)}")
    return found


def handed_out(place: Path | None, service: str) -> list[Mapping[str, Any]]:
    """The checkpoints of a service in a folder, or in one file, by position. Unreadable names what is none."""
    if place is None:
        return []
    if not place.exists():
        raise Unreadable(f"there are no checkpoints at {place}")
    files = sorted(place.glob("*.json")) if place.is_dir() else [place]
    found = [each for each in map(read_checkpoint, files) if each["service"] == service]
    return sorted(found, key=lambda checkpoint: int(checkpoint["position"]))


async def verify_service(
    service: str,
    url: str,
    key: VerifyKey,
    checkpoints: Path | None = None,
    *,
    start: Path | None = None,
    mac_key: MacKey | None = None,
) -> Verdict:
    """Verify one service's chain and say what was seen."""
    db = open_database(service, url)
    try:
        known, begun = handed_out(checkpoints, service), handed_out(start, service)
        if start and not begun:
            raise Unreadable(f"{start} holds no checkpoint of {service} to start from")
        report = await verify(db, key, known, start=begun[-1] if begun else None, mac_key=mac_key)
    except Unavailable:
        print(f"{service:<9} UNKNOWN the database cannot be read, or is not up to date")
        return Verdict.UNKNOWN
    finally:
        await db.close()
    for line in lines(report):
        print(f"{service:<9} {line}")
    return report.verdict


def lines(report: Report) -> list[str]:
    """What was seen, in the words of the tool."""
    waiting = f", {report.waiting} not sealed yet" if report.waiting else ""
    seen = f"{report.sealed} rows sealed{f' after position {report.start}' if report.start else ''}{waiting}"
    if report.verdict is Verdict.WHOLE:
        return [f"whole   {seen}; compared with a checkpoint at position {report.compared}"]
    if report.verdict is Verdict.UNKNOWN:
        return [f"UNKNOWN whole as far as it goes, {seen}; {UNTOLD}"]
    return [f"BROKEN  {each}" for each in (*((report.broken,) if report.broken else ()), *report.findings)]


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    return next(each for each in (Verdict.BROKEN, Verdict.UNKNOWN, Verdict.WHOLE) if each in verdicts)


async def verify_folder(folder: Path, checkpoints: Path | None = None, start: Path | None = None) -> Verdict:
    """All four services of an embedded installation."""
    public, mac = folder / "audit.pub.pem", folder / "audit.mac"
    key = VerifyKey.load(public) if public.exists() else SigningKey.load(folder / "audit.pem").verify_key
    mac_key = MacKey.load(mac) if mac.exists() else None
    verdicts = []
    for name in SERVICES:
        file = (folder / f"{name}.db").resolve()
        if not file.exists():  # opening it would make an empty one
            print(f"{name:<9} UNKNOWN there is no {file.name}")
            verdicts.append(Verdict.UNKNOWN)
            continue
        url = f"sqlite+aiosqlite:///{file}"
        verdicts.append(await verify_service(name, url, key, checkpoints, start=start, mac_key=mac_key))
    return worst(verdicts)


async def verify_urls(pairs: Sequence[str], options: argparse.Namespace) -> Verdict:
    """Databases given as SERVICE=URL."""
    key = VerifyKey.load(options.key)
    mac_key = MacKey.load(options.mac_key) if options.mac_key else None
    verdicts = []
    for service, _, url in (pair.partition("=") for pair in pairs):
        verdict = await verify_service(service, url, key, options.checkpoints, start=options.start, mac_key=mac_key)
        verdicts.append(verdict)
    return worst(verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="folder of an embedded installation")
    parser.add_argument("--url", action="append", default=[], metavar="SERVICE=URL", help="a service's database")
    parser.add_argument("--key", type=Path, help="public key (PEM) of the audit's signer, with --url")
    parser.add_argument("--mac-key", type=Path, help="key of the MACs, with --url: checks who wrote each row")
    parser.add_argument("--checkpoints", type=Path, help="folder with checkpoints that were handed out")
    parser.add_argument("--start", type=Path, help="begin at the newest checkpoint of this folder or file, not at the first row")
    options = parser.parse_args()
    if options.url and (options.key is None or not all(each.partition("=")[0] in SERVICES for each in options.url)):
        parser.error("--url SERVICE=URL goes with --key, the public half of the key that signs the audit")
    if not options.url and options.folder is None:
        parser.error("say what to verify: --folder of an embedded installation, or --url SERVICE=URL with --key")
    try:
        if options.url:
            return asyncio.run(verify_urls(options.url, options)).value
        if not any((options.folder / name).exists() for name in ("audit.pub.pem", "audit.pem")):
            print(f"There is no installation in {options.folder}: start one with `make serve`, or name it with FOLDER=...")
            return Verdict.UNKNOWN.value
        return asyncio.run(verify_folder(options.folder, options.checkpoints, options.start)).value
    except (Unreadable, OSError, ValueError) as error:
        print(error)
        return Verdict.UNKNOWN.value


if __name__ == "__main__":
    sys.exit(main())
