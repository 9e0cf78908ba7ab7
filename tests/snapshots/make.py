"""`python -m tests.snapshots.make`: keep what an installation of today holds.

One request is finished (its result is released), one waits for its owners. The same is made twice:
by the embedded default (SQLite, one process) and by four processes on PostgreSQL and RabbitMQ.
Needs both servers and `pg_dump`; writes tests/snapshots/<version>/.
"""

import argparse
import gzip
import io
import json
import lzma
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from alembic.script import ScriptDirectory

from deploy.demo import people
from deploy.demo.__main__ import keep_checkpoints
from deploy.demo.papers import DATA, OWNERS, TABLES, approval, described
from deploy.demo.people import Person
from deploy.demo.receiver import Receiver
from deploy.demo.walk import Walk
from deploy.installation import SERVICES
from deploy.running import ROOT, Embedded
from deploy.tokens import mint
from shared.migrate import config
from tests.e2e.conftest import Suite, started

SNAPSHOTS = Path(__file__).parent
MODES = {"sqlite": "embedded", "postgres": "rabbitmq-postgres"}
# What an installation needs to go on; logs, tokens and scratch files are left behind.
KEPT = (
    "audit.pem",
    "audit.mac",
    "wrapping.key",
    "token.key",
    "secret.key",
    "identity",
    "objects",
    "checkpoints",
    "expected",
)
OPS = Person("ops.person", "mois", "ops", "the operators")
PEOPLE = {
    "requester": people.KIM,
    "reader": people.LEE,
    "auditor": people.MOON,
    "operator": OPS,
    "member": people.CHOI,
}
# Of 15,000 households those whose numbers begin like this: 3,000, enough for tables of counts.
FEW = ("0", "1")
MOST_BYTES = 2_000_000


class SmallWalk(Walk):
    """The demonstration's walk on a part of its tables."""

    def publish(self, steward: Person, table: dict[str, Any]) -> str:
        dataset: str = self.call(
            steward, "POST", "catalog", "/datasets", json=described(table)
        ).json()["id"]
        header, *rows = (DATA / table["file"]).read_text().splitlines(keepends=True)
        content = "".join([header, *(row for row in rows if row.startswith(FEW))]).encode()
        csv = {"Content-Type": "text/csv"}
        self.call(
            steward, "PUT", "catalog", f"/datasets/{dataset}/file", content=content, headers=csv
        )
        return dataset


def today() -> str:
    """The version of the code, such as 0.1.0."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


@contextmanager
def walking(suite: Suite) -> Iterator[SmallWalk]:
    urls = dict.fromkeys(SERVICES, suite.url) if isinstance(suite, Embedded) else suite.urls
    with Receiver() as receiver, httpx.Client(timeout=30, trust_env=False) as http:
        token = lambda who: mint(suite.folder, who.roles, who.ministry, who.subject)  # noqa: E731
        yield SmallWalk(urls, token, receiver, http, patience=300)


def leave_waiting(walk: Walk) -> tuple[str, list[dict[str, Any]]]:
    """A second request, on which one owner decided: its id, and the decisions to come."""
    finished = walk.request_id
    walk.request_id = walk.call(people.KIM, "POST", "requests", "", json=walk.asked()).json()["id"]
    first, *others = TABLES
    walk.decision(people.STEWARDS[OWNERS[first]], walk.datasets[first])
    waiting, walk.request_id = walk.request_id, finished
    stewards = [(people.STEWARDS[OWNERS[role]], walk.datasets[role]) for role in others]
    return waiting, [{"who": facts(who), "body": approval(dataset)} for who, dataset in stewards]


def facts(who: Person) -> dict[str, str]:
    return {"subject": who.subject, "ministry": who.ministry, "role": who.roles}


def write_expected(walk: Walk, waiting: str, decisions: list[dict[str, Any]], folder: Path) -> None:
    """What this version answers: later versions answer it too."""
    (folder / "tables").mkdir(parents=True)
    record = walk.call(people.LEE, "GET", "results", f"/{walk.result_id}").json()
    for table in record["tables"]:
        path = f"/{walk.result_id}/tables/{table['name']}"
        shown = walk.call(people.LEE, "GET", "results", path, headers={"Accept": "text/csv"}).text
        (folder / "tables" / f"{table['name']}.csv").write_text(shown)
    asked = walk.call(people.KIM, "GET", "requests", f"/{waiting}").json()
    told = {
        "waiting": waiting,
        "decisions": decisions,
        "people": {name: facts(who) for name, who in PEOPLE.items()},
    }
    told |= {
        "request": walk.request_id,
        "result": walk.result_id,
        "finished": record,
        "asked": asked,
    }
    (folder / "expected.json").write_text(json.dumps(told, ensure_ascii=False, indent=1))


def drained(walk: Walk, service: str) -> bool:
    """Whether every event has left and arrived."""
    unsent = walk.call(OPS, "GET", service, "/ops/outbox").json()["counts"]["unsent"]
    counts = walk.call(OPS, "GET", service, "/ops/inbox").json()["counts"]
    return bool(unsent == 0 and not counts.get("new") and not counts.get("dead"))


def fill(suite: Suite) -> None:
    """Walk, leave a request waiting, see everything sent and sealed, and stop the suite."""
    with walking(suite) as walk:
        walk.run()
        waiting, decisions = leave_waiting(walk)
        write_expected(walk, waiting, decisions, suite.folder / "expected")
        for service in SERVICES:
            walk.wait(f"the events of {service}", partial(drained, walk, service))
        keep_checkpoints(walk, suite.folder / "checkpoints")
    suite.stop()


def copy_sqlite(suite: Suite, to: Path) -> None:
    """Whole files, nothing left in a write-ahead log."""
    for service in SERVICES:
        with closing(sqlite3.connect(suite.folder / f"{service}.db")) as db:
            db.execute("VACUUM INTO ?", (str(to / f"{service}.db"),))


def dump_postgres(suite: Suite, to: Path) -> None:
    """Plain SQL that any client can send: `INSERT`s, and none of psql's own commands."""
    assert not isinstance(suite, Embedded)
    for service, url in suite.databases.items():
        command = [
            "pg_dump",
            "--no-owner",
            "--no-privileges",
            "--inserts",
            "--encoding=UTF8",
            url.replace("+asyncpg", ""),
        ]
        sql = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sql = re.sub(r"^(\\(un)?restrict .*|-- Dumped .*)\n", "", sql, flags=re.MULTILINE)
        (to / f"{service}.sql.gz").write_bytes(gzip.compress(sql.encode(), mtime=0))


def pack(folder: Path, file: Path) -> None:
    """A tar without users and times."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name, filter=plain)
    file.write_bytes(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def make(kind: str, to: Path) -> None:
    """Run the suite in one mode and keep what it holds."""
    to.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory(prefix="dure-snapshot-") as scratch,
        started(MODES[kind], Path(scratch) / "suite", Path(scratch) / "cards") as suite,
    ):
        fill(suite)
        kept = Path(scratch) / "kept"
        kept.mkdir()
        for name in KEPT:
            (suite.folder / name).rename(kept / name)
        if kind == "sqlite":
            copy_sqlite(suite, kept)
        else:
            dump_postgres(suite, to)
        pack(kept, to / "installation.tar.xz")


def described_as(version: str) -> dict[str, Any]:
    """What stands beside a snapshot: its version, its schemas, what its keys are."""
    heads = {}
    for service in SERVICES:
        migrations = ScriptDirectory.from_config(
            config(ROOT / "services" / service / "migrations", "")
        )
        heads[service] = migrations.get_current_head()
    keys = "Test keys, made for this snapshot alone: they protect nothing."
    return {"version": version, "migrations": heads, "keys": keys}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.snapshots.make", description=__doc__)
    parser.add_argument(
        "--folder",
        type=Path,
        default=SNAPSHOTS / today(),
        help="where to, by default the folder of this version",
    )
    parser.add_argument("--replace", action="store_true", help="throw away what is there")
    options = parser.parse_args()
    if options.folder.exists() and not options.replace:
        print(
            f"{options.folder} is there already: a snapshot is made once a version. "
            "--replace makes it again.",
            file=sys.stderr,
        )
        return 2
    shutil.rmtree(options.folder, ignore_errors=True)
    for kind in MODES:
        make(kind, options.folder / kind)
    (options.folder / "snapshot.json").write_text(
        json.dumps(described_as(today()), indent=2) + "\n"
    )
    size = sum(file.stat().st_size for file in options.folder.rglob("*") if file.is_file())
    print(f"{options.folder}: {size:,} bytes (at most {MOST_BYTES:,})")
    return 0 if size <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
