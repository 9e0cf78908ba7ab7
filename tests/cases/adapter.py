"""All that the cases know of the product's insides: programs, addresses, names to import.

Where something of the product moves, this file changes and no case does.
"""

import importlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx

from deploy.installation import SERVICES
from deploy.open_list import make_key
from deploy.running import ROOT, Embedded, wait_worker
from deploy.seed.members import first_members
from deploy.tokens import mint
from shared import audit_rows
from shared.ids import new_id
from shared.keys import SigningKey

Json = dict[str, Any]
# Kept from one run to the next: a worker reads a method's card only where its code changed.
CARDS = ROOT / "var" / "cases" / "cards"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
# Names that case files import, and where what they mean is today. Equal until something moves.
NAMES: Mapping[str, str] = {
    "deploy.demo.people": "deploy.demo.people",
    "deploy.open_list": "deploy.open_list",
    "deploy.tokens": "deploy.tokens",
    "services.analysis.prepare.readers": "services.analysis.prepare.readers",
    "services.analysis.scoring.codec": "services.analysis.scoring.codec",
    "services.analysis.scoring.sessions": "services.analysis.scoring.sessions",
    "services.results.address": "services.results.address",
    "services.results.disclosure": "services.results.disclosure",
    "services.results.webhooks": "services.results.webhooks",
    "shared.contracts": "shared.contracts",
    "tests.analysis.scoring": "tests.analysis.scoring",
}


def answer_to_old_names() -> None:
    """Let case files import what has moved by the name that it had."""
    for old, new in NAMES.items():
        if old != new:
            sys.modules[old] = importlib.import_module(new)


class Person(NamedTuple):
    role: str
    ministry: str
    subject: str


KIM = Person("requester", "mohw", "kim.analyst")
CUSTODIAN = Person("steward", "mohw", "han.steward")
STEWARDS = {
    "nts": Person("steward", "nts", "lee.steward"),
    "mois": Person("steward", "mois", "park.steward"),
}
COUNCIL = tuple(
    Person("council-member", body, f"council.{body}") for body in ("kostat", "moel", "msit")
)
REVIEWERS = (
    Person("method-reviewer", "kostat", "yoon.reviewer"),
    Person("method-reviewer", "msit", "lim.reviewer"),
)
CHECKERS = (
    Person("output-checker", "kostat", "shin.checker"),
    Person("output-checker", "moel", "oh.checker"),
)
SECRETARY = Person("council-secretary", "mois", "secretary")
AUDITOR = Person("auditor", "kostat", "moon.audit")
ANALYST = Person("centre-analyst", "kostat", "an.analyst")
WORKER = Person("worker", "mois", "case-worker")
KEY = {
    "name": "person_no",
    "type": "string",
    "role": "key",
    "key_domain": "person",
    "nullable": False,
}
APPROVED = {"verdict": "approve", "reason": "It was read and tested."}
FOR = {"ballot": "approve", "reason": "It was weighed."}
CHECKED = {"approve": True, "reason": "Every count is large enough."}


class Broke(Exception):
    """A case could not be gone through to its end; the text says where."""


class Unable(Exception):
    """A case cannot be judged on this machine or this suite; the text says why."""


@dataclass
class Suite:
    """A running suite, and calls to it as anybody."""

    url: str
    folder: Path
    programs: Embedded | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=120, trust_env=False))
    minted: dict[Person, str] = field(default_factory=dict)

    def token(self, who: Person) -> str:
        if who not in self.minted:
            self.minted[who] = mint(self.folder, who.role, who.ministry, who.subject)
        return self.minted[who]

    def call(self, who: Person | None, verb: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid4())} if verb == "POST" else {}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        return self.http.request(
            verb, self.at(path), headers=headers | dict(more.pop("headers", {})), **more
        )

    def at(self, path: str) -> str:
        """The whole address of a path."""
        return self.url + path

    def ok(self, who: Person | None, verb: str, path: str, **more: Any) -> Any:
        """The answer's JSON; Broke if it is none of success."""
        answer = self.call(who, verb, path, **more)
        if not answer.is_success:
            raise Broke(f"{verb} {path} by {who}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def ready(self) -> None:
        """Wait until the worker has announced its methods, which case files take for granted."""
        if self.programs is not None:
            wait_worker(self.programs.worker, self.folder)

    def database(self, service: str) -> Path:
        """The SQLite file of a service."""
        file = self.folder / f"{service}.db"
        if self.programs is None or not file.exists():
            raise Unable("needs a suite on SQLite that was started here")
        return file

    # Datasets

    def register(
        self, who: Person, table: list[Json], title: str = "A small table", **more: Any
    ) -> httpx.Response:
        body = {
            "title": title, "description": "A small table.",
            "legal_basis": "An Act", "sensitivity": "pseudonymised",
            "allowed_purposes": ["welfare research"], "table": table,
        }  # fmt: skip
        return self.call(who, "POST", "/catalog/datasets", json=body | more)

    def upload(
        self, who: Person, dataset: str, content: bytes | str, media_type: str = CSV
    ) -> httpx.Response:
        path = f"/catalog/datasets/{dataset}/file"
        return self.call(who, "PUT", path, content=content, headers={"Content-Type": media_type})

    def check(self, who: Person, dataset: str, version: int) -> Json:
        """A file's check as it stands."""
        found: Json = self.ok(who, "GET", f"/catalog/datasets/{dataset}/checks/{version}")
        return found

    def checked(self, who: Person, dataset: str, version: int, seconds: float = 120) -> Json:
        """A file's check once it has ended."""
        found: Json = wait(
            lambda: (
                (check := self.check(who, dataset, version))["state"] in ("passed", "failed")
                and check
            ),
            f"the check of {dataset}",
            seconds,
        )
        return found

    def dataset(self, who: Person, table: list[Json], content: bytes | str, **more: Any) -> str:
        """A published dataset: its id."""
        answer = self.register(who, table, **more)
        if answer.status_code != 201:
            raise Broke(f"register: {answer.status_code} {answer.text[:500]}")
        dataset: str = answer.json()["id"]
        self.replace(who, dataset, content)
        return dataset

    def replace(self, who: Person, dataset: str, content: bytes | str) -> None:
        """Hand in a further version, and see it pass."""
        answer = self.upload(who, dataset, content)
        if not answer.is_success:
            raise Broke(f"upload: {answer.status_code} {answer.text[:500]}")
        check = self.checked(who, dataset, answer.json()["version"])
        if check["state"] != "passed":
            raise Broke(f"the check failed: {json.dumps(check, ensure_ascii=False)[:500]}")

    # Methods

    def announce(self, name: str) -> None:
        """A method that nobody has to run."""
        words = {"ko": name, "en": name}
        key = {field: KEY[field] for field in ("name", "type", "role", "key_domain")}
        card = {
            "name": name, "version": "1.0.0", "title": words,
            "purpose": "A trial.", "owner": "mohw",
            "inputs": [{"name": "people", "title": words, "columns": [key]}],
            "linkage": {"key_domain": "person", "base": "people"}, "parameters": {"type": "object"},
            "outputs": [{"name": "t", "kind": "table", "title": words}],
        }  # fmt: skip
        self.ok(WORKER, "POST", "/analysis/methods", json={"card": card, "digest": uuid4().hex * 2})

    def announced(self, name: str) -> str:
        """The version of a method, once a worker has announced it."""

        def found() -> Json | None:
            items = self.ok(REVIEWERS[0], "GET", "/analysis/methods?limit=200")["items"]
            return next((method for method in items if method["name"] == name), None)

        return str(wait(found, f"a worker to announce {name}", 300)["version"])

    def live(self, name: str) -> str:
        """The version of a method, reviewed by two people of two bodies where nobody has."""
        version = self.announced(name)
        path = f"/analysis/methods/{name}/{version}"
        for reviewer in REVIEWERS:
            if self.ok(reviewer, "GET", path)["state"] != "live":
                self.ok(reviewer, "POST", f"{path}/reviews", json=APPROVED)
        return version

    def register_sealing_key(self) -> None:
        """So that methods with a restricted list can be asked by KIM."""
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300 * 24 * 3600))
        _, public = make_key()
        self.ok(
            CUSTODIAN,
            "POST",
            f"/catalog/ministries/{CUSTODIAN.ministry}/keys",
            json={"key": public, "valid_until": until},
        )

    # Requests, runs, results

    def submit(
        self,
        who: Person,
        method: str,
        version: str,
        inputs: Json,
        parameters: Json | None = None,
        **more: Any,
    ) -> Any:
        """The answer to a request, asked again for some seconds while events arrive."""
        body = {
            "title": "A small question", "purpose": "Welfare research.", "legal_basis": "An Act",
            "method": {"name": method, "version": version},
            "parameters": parameters or {}, "inputs": inputs,
            "audience": {"kind": "members"},
        }  # fmt: skip
        until = time.monotonic() + 8
        while (
            answer := self.call(who, "POST", "/requests", json=body | more)
        ).status_code != 201 and time.monotonic() < until:
            time.sleep(0.3)
        return answer

    def request(self, request: str) -> Json:
        found: Json = self.ok(SECRETARY, "GET", f"/requests/{request}")
        return found

    def decide(self, who: Person, request: str, dataset: str) -> httpx.Response:
        return self.call(
            who, "POST", f"/requests/{request}/decisions", json={"dataset_id": dataset, **APPROVED}
        )

    def vote(self, who: Person, request: str) -> httpx.Response:
        return self.call(who, "POST", f"/requests/{request}/votes", json=FOR)

    def approve(self, request: str, owners: list[tuple[Person, str]]) -> None:
        """Every owner and as many of the council as it needs."""
        for who, dataset in owners:
            if not (answer := self.decide(who, request, dataset)).is_success:
                raise Broke(f"decision: {answer.status_code} {answer.text[:500]}")
        for member in COUNCIL:
            if self.request(request)["status"] != "council_review":
                return
            if not (answer := self.vote(member, request)).is_success:
                raise Broke(f"vote: {answer.status_code} {answer.text[:500]}")

    def run(self, request: str, seconds: float = 180) -> Json:
        """The run of a request once it has ended."""

        def ended() -> Json | None:
            items = self.ok(ANALYST, "GET", f"/analysis/runs?request_id={request}")["items"]
            return (
                items[0]
                if items and items[0]["status"] in ("succeeded", "failed", "cancelled")
                else None
            )

        found: Json = self.ok(
            ANALYST, "GET", f"/analysis/runs/{wait(ended, 'the run', seconds)['id']}"
        )
        return found

    def result(self, request: str) -> Json:
        """The result of a request, as an output checker is shown it."""

        def found() -> Json | None:
            for status in ("held", "withheld", "released"):
                for item in self.ok(CHECKERS[0], "GET", f"/results?status={status}&limit=200")[
                    "items"
                ]:
                    shown: Json = self.ok(CHECKERS[0], "GET", f"/results/{item['id']}")
                    if shown["request_id"] == request:
                        return shown
            return None

        shown: Json = wait(found, "the result", 60)
        return shown

    def table(self, result: str, name: str, who: Person = CHECKERS[0]) -> list[Json]:
        """The rows of a table by column name."""
        shown = self.ok(
            who, "GET", f"/results/{result}/tables/{name}", headers={"Accept": "application/json"}
        )
        names = [column["name"] for column in shown["columns"]]
        return [dict(zip(names, row, strict=True)) for row in shown["rows"]]

    def figures(self, result: str) -> Json:
        """The summary's figures by name, and the step of its windows."""
        answer = self.call(CHECKERS[0], "GET", f"/results/{result}/metrics/summary")
        if not answer.is_success:
            return {}
        summary = answer.json()
        step = (summary.get("split") or {}).get("step")
        return {each["name"]: each["value"] for each in summary["figures"]} | (
            {"step": step} if step else {}
        )

    def check_result(self, who: Person, result: str) -> httpx.Response:
        return self.call(who, "POST", f"/results/{result}/votes", json=CHECKED)

    def release(self, result: str) -> None:
        for checker in CHECKERS:
            if not (answer := self.check_result(checker, result)).is_success:
                raise Broke(f"check: {answer.status_code} {answer.text[:500]}")

    # The audit

    def audited(self, service: str, actor: str) -> list[Json]:
        found: list[Json] = self.ok(
            AUDITOR, "GET", f"/{service}/audit?limit=200", params={"actor": actor}
        )["items"]
        return found

    def checkpoints(self, folder: Path) -> Path:
        """What an auditor takes home of every service, which has a row more afterwards."""
        folder.mkdir(parents=True, exist_ok=True)
        for service in SERVICES:
            before = self.sealed(service)
            self.call(
                Person("auditor", "kostat", "nobody"),
                "POST",
                f"/{service}/ops/inbox/{new_id()}/replay",
            )
            wait(partial(self.sealed_beyond, service, before), f"the seal of {service}", 30)
            checkpoint = self.ok(AUDITOR, "GET", f"/{service}/audit/checkpoint")
            (folder / f"{service}.json").write_text(json.dumps(checkpoint))
        return folder

    def sealed_beyond(self, service: str, position: int) -> bool:
        return self.sealed(service) > position

    def sealed(self, service: str) -> int:
        """How many rows of a service's audit are sealed."""
        answer = self.call(AUDITOR, "GET", f"/{service}/audit/checkpoint")
        return int(answer.json()["position"]) if answer.is_success else 0


def wait(look: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    """What is found, looked for again and again; Broke if it does not come."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            raise Broke(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)
    return found


@contextmanager
def started(folder: Path, *, worker: bool = True) -> Iterator[Suite]:
    """An embedded suite on a free port, with a stock worker beside it or without."""
    programs = Embedded(folder, extra=("--allow-private-webhooks",), cards=CARDS)
    if not worker:
        programs.worker.arguments[:] = ["-c", ""]
    try:
        programs.start(lambda _: None)
        suite = Suite(programs.url, folder, programs)
        await_members(suite)
        yield suite
        suite.http.close()
    finally:
        programs.stop()


def await_members(suite: Suite) -> None:
    """Until every service has heard of every member: the catalog announces them one by one."""
    for service in SERVICES:
        for member in first_members():
            who = Person("auditor", member.code, "case.auditor")
            wait(lambda: suite.call(who, "GET", f"/{service}/audit?limit=1").is_success, "members")  # noqa: B023


# What lies below HTTP


def findings(check: Json) -> list[Json]:
    """Errors and warnings of a check: line, lines, column, code, English sentence as `text`."""
    listed = [
        each
        for name in ("errors", "warnings", "findings", "notices")
        for each in check.get(name) or []
    ]
    return [
        {
            "line": each.get("line"),
            "lines": sorted({*(each.get("lines") or []), each.get("line") or 0} - {0}),
            "column": each.get("column"),
            "code": each["code"],
            "text": each["detail"]["en"],
        }
        for each in listed
    ]


def hints(dataset: Json) -> list[str]:
    """What the registration of a dataset says of its table, though it takes it."""
    return [f"{each['code']} {each['detail']['en']}" for each in dataset.get("hints") or []]


def dropped(said: Any, within: bool = False) -> float:
    """How many rows a run or a result says were dropped, wherever it says so."""
    if isinstance(said, dict):
        return sum(dropped(value, within or "dropped" in name) for name, value in said.items())
    if isinstance(said, list):
        return sum(dropped(value, within) for value in said)
    return float(said) if within and isinstance(said, int | float) else 0.0


def flags(result: Json) -> list[str]:
    """What the checkers of a result are told to look at: outputs left out, alarms, findings."""
    withheld = [
        f"{each['name']}: {code}"
        for each in result.get("withheld") or []
        for code in each["reasons"]
    ]
    others = [
        each for name in ("alarms", "findings", "warnings") for each in result.get(name) or []
    ]
    return withheld + [
        str(each.get("code", each)) if isinstance(each, dict) else str(each) for each in others
    ]


def disclosure(kind: str, artefact: Json) -> tuple[bool, list[str]]:
    """Whether the rules hold a table or metrics, and the codes that the checkers see."""
    module = importlib.import_module(NAMES["services.results.disclosure"])
    check = module.check_table if kind == "table" else module.check_metrics
    found = check(artefact, module.Rules.load())
    said = [*found.findings, *getattr(found, "flags", ())]
    return not found.passed, [str(each.code) for each in said]


def verify_audit(folder: Path, checkpoints: Path | None = None) -> tuple[int, str]:
    """Exit code and output of the tool that auditors use."""
    command = [sys.executable, "-m", "deploy.verify_audit", "--folder", str(folder)]
    command += ["--checkpoints", str(checkpoints)] if checkpoints else []
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


def copied(suite: Suite, to: Path) -> Path:
    """The databases and the audit's key of a running suite."""
    to.mkdir(parents=True)
    for key in suite.folder.glob("audit*"):
        shutil.copy(key, to)
    for service in SERVICES:
        with (
            closing(sqlite3.connect(suite.database(service))) as db,
            closing(sqlite3.connect(to / f"{service}.db")) as copy,
        ):
            db.backup(copy)
    return to


def forge(database: Path, **fields: str) -> str:
    """Write an audit row beside the service, as somebody with the database could: its id."""
    forged = new_id()
    if "deed" in fields:  # what the column was called before
        fields["action"] = fields.pop("deed")
    with closing(sqlite3.connect(database, timeout=30)) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(audit)")]
        last = dict(
            zip(
                names,
                db.execute("SELECT * FROM audit ORDER BY id DESC LIMIT 1").fetchone(),
                strict=True,
            )
        )
        as_text = len(last["id"]) == 36
        row = last | {"id": str(forged) if as_text else forged.hex} | fields
        marks = ",".join("?" * len(row))
        db.execute(f"INSERT INTO audit ({','.join(row)}) VALUES ({marks})", list(row.values()))
        db.commit()
    return str(forged)


def rewrite_audit(folder: Path) -> None:
    """Change a row of the requests service and seal everything anew with the stolen key."""
    key = SigningKey.load(folder / "audit.pem")
    with closing(sqlite3.connect(folder / "requests.db")) as db:
        db.row_factory = sqlite3.Row
        db.execute(
            "UPDATE audit SET actor = 'somebody.else'"
            " WHERE id = (SELECT audit_id FROM audit_seal WHERE position = 2)"
        )
        digest = audit_rows.GENESIS
        for position, row_id in db.execute(
            "SELECT position, audit_id FROM audit_seal ORDER BY position"
        ).fetchall():
            row = dict(db.execute("SELECT * FROM audit WHERE id = ?", (row_id,)).fetchone())
            digest = audit_rows.chain("requests", digest, position, row | {"id": UUID(row["id"])})
            db.execute("UPDATE audit_seal SET hash = ? WHERE position = ?", (digest, position))
        for position, at in db.execute("SELECT position, at FROM audit_checkpoint").fetchall():
            (digest,) = db.execute(
                "SELECT hash FROM audit_seal WHERE position = ?", (position,)
            ).fetchone()
            signature = key.sign(audit_rows.signed_words("requests", position, digest, at))
            query = "UPDATE audit_checkpoint SET hash = ?, signature = ? WHERE position = ?"
            db.execute(query, (digest, signature, position))
        db.commit()


def script(
    path: Path, suite: Suite | None, folder: Path, seconds: float = 300, **environment: str
) -> tuple[int, str]:
    """Run a case file as it is, in a process of its own: exit code and what it printed."""
    told = {"DURE_REPO": str(ROOT), "DURE": str(ROOT), "HOME": str(folder)}
    if suite is not None:
        told |= {
            "DURE_URL": suite.url,
            "URL": suite.url,
            "DURE_FOLDER": str(suite.folder),
            "FOLDER": str(suite.folder),
        }
    command = [sys.executable, "-m", "tests.cases.script", str(path)]
    try:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | told | environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as late:
        said = (
            late.stdout.decode(errors="replace")
            if isinstance(late.stdout, bytes)
            else late.stdout or ""
        )
        return 124, f"{said}\nit did not end within {seconds:.0f} s"
    return ended.returncode, ended.stdout + (ended.stderr if ended.returncode else "")
