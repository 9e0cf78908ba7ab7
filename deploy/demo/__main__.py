"""`make demo`: start the embedded suite and a worker, walk the loop, show where to look, leave nothing running."""

import asyncio
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import httpx

from deploy.demo import people
from deploy.demo.receiver import Receiver
from deploy.demo.walk import Unexpected, Walk
from deploy.holding import SUITE_LOCK, TakenError, hold
from deploy.installation import SERVICES
from deploy.running import ROOT, Embedded
from deploy.tokens import mint
from deploy.verify_audit import verify_folder

FOLDER = ROOT / "var" / "demo"


def tell(line: str) -> None:
    print(line, flush=True)


def keep_checkpoints(walk: Walk, folder: Path) -> None:
    """What an auditor takes home: with these, a cut or rewritten chain is found."""
    folder.mkdir(exist_ok=True)
    for service in SERVICES:
        checkpoint = walk.wait(f"the seal of {service}", partial(sealed, walk, service))
        (folder / f"{service}.json").write_text(json.dumps(checkpoint))


def sealed(walk: Walk, service: str) -> dict[str, object] | None:
    answer = walk.call(people.MOON, "GET", service, "/audit/checkpoint", expect=(200, 404))
    return answer.json() if answer.status_code == 200 else None


def walk_through(suite: Embedded) -> Walk:
    with Receiver() as receiver, httpx.Client(timeout=30, trust_env=False) as http:
        urls = dict.fromkeys(SERVICES, suite.url)
        walk = Walk(urls, lambda who: mint(suite.folder, who.roles, who.ministry, who.subject), receiver, http, tell)
        walk.run()
        for lang in ("ko", "en"):
            (suite.folder / f"report-{lang}.html").write_text(walk.report(lang))
        keep_checkpoints(walk, suite.folder / "checkpoints")
    return walk


def main() -> int:
    try:
        with hold(FOLDER.with_name("demo.lock"), "make demo"):
            with hold(FOLDER / SUITE_LOCK, "make demo"):  # who serves the last one would lose its files
                pass
            return demonstrate()
    except TakenError as taken:
        tell(f"{taken} Stop it, or wait until it has ended.")
        return 1


def demonstrate() -> int:
    started = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    # Beside the folder, which is new each time.
    suite = Embedded(FOLDER, extra=("--allow-private-webhooks",), cards=FOLDER.with_name("cards"))
    tell("Starting the four services in one process (SQLite, in-process bus) and a worker beside it ...")
    try:
        suite.start(tell)
        tell(f"Running at {suite.url}")
        walk_through(suite)
    except (Unexpected, RuntimeError) as error:
        tell(f"\nThe walk stopped: {error}\nLogs: {suite.suite.log} and {suite.worker.log}")
        return 1
    finally:
        suite.stop()
    tell("\n[8] The audit: every change, refused attempt and restricted read, sealed into a chain per service")
    if not asyncio.run(verify_folder(FOLDER, FOLDER / "checkpoints")):
        return 1
    tell(f"\nDone in {time.monotonic() - started:.0f} s. Nothing is left running. Look at the report:")
    tell(f"  {FOLDER / 'report-ko.html'}\n  {FOLDER / 'report-en.html'}")
    tell("Keep this world running and look around in it: make serve FOLDER=var/demo. An empty one: make serve")
    return 0


if __name__ == "__main__":
    sys.exit(main())
