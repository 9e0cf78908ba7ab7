"""A small house for bad input: the embedded suite, a method that does what it is told, and short ways to every stop."""

import itertools
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from deploy.demo import keys, people
from deploy.demo.people import Person
from deploy.demo.walk import Walk
from deploy.installation import SERVICES, settings
from deploy.running import ROOT, Embedded, Program, Separate, as_text, free_port, wait_ready, wait_worker
from deploy.tokens import mint
from services.analysis.schemas.methods import CARD, DIGEST

OPS = Person("ops.person", "mois", "ops", "the operators")
SECRETARY = Person("na.secretary", "mois", "council-secretary", "the council's secretary")
COUNCIL = (people.CHOI, people.JUNG, people.KANG)
NAME, VERSION = "troubled", "1.0.0"
SECRET = "900101-1234567"  # a cell value: it must be found nowhere but in its table
FORMULA = "=cmd|' /C calc'!A0"
# What goes on by itself in the background, and the audit, which notes refusals.
RESTLESS = {"audit", "audit_seal", "audit_checkpoint", "worker_sighting", "alembic_version"}

METHOD = """
import os, time
from collections import Counter
import numpy as np
from services.analysis.worker.sdk import MethodError, Outputs
from shared.contracts import MethodCard

def text(words): return {"ko": words, "en": words}
KEY = {"name": "person_no", "type": "string", "role": "key", "key_domain": "person"}
DO = ["succeed", "crash", "hang", "eat", "garbage", "nan", "undeclared", "exit", "refuse", "fill", "sleep", "alarm"]
CARD = MethodCard.model_validate({
    "name": "troubled", "version": "1.0.0", "title": text("Troubled"), "purpose": "Does what it is told.", "owner": "mohw",
    "inputs": [
        {"name": "people", "title": text("people"), "columns": [KEY, {"name": "region", "type": "string"}]},
        {"name": "income", "title": text("income"), "columns": [KEY, {"name": "wages", "type": "number"}]},
    ],
    "linkage": {"key_domain": "person", "base": "people"}, "resources": {"seconds": 20, "memory_mb": 256},
    "parameters": {"type": "object", "additionalProperties": False, "properties": {
        "do": {"type": "string", "enum": DO, "default": "succeed"}, "year": {"type": "integer", "minimum": 1900}}},
    "outputs": [{"name": name, "kind": kind, "title": text(name)} for name, kind in
                [("regions", "table"), ("cases", "restricted_list")]],
})

def table(name, rows):
    columns = [{"name": "region", "title": text("region"), "kind": "dimension"},
               {"name": "people", "title": text("people"), "kind": "count"}]
    return {"name": name, "title": text(name), "columns": columns, "rows": rows, "notes": None}

def run(bundle, report):
    do = bundle.parameters["do"]
    found = bundle.columns()
    regions = Counter(str(region) for region in found["people__region"])
    rows = [[region, count] for region, count in sorted(regions.items())]
    reason = {"code": "low-income", "ko": "=소득", "en": "@low income"}
    cases = [{"pseudonym": name, "score": 0.9, "reasons": [reason]} for name in sorted(found["pseudonym"])[:3]]
    good = Outputs(tables={"regions": table("regions", rows)}, restricted_list=cases)
    report(0.5, do)
    match do:
        case "crash": raise KeyError("900101-1234567 earns " + str(found["income__wages"][0]))
        case "hang": time.sleep(3600)
        case "eat": np.ones(1 << 30).sum()
        case "garbage": return {"tables": "none"}
        case "nan": good.tables["regions"]["rows"][0][1] = float("nan")
        case "undeclared": good.tables["more"] = table("more", rows)
        case "exit": os._exit(3)
        case "refuse": raise MethodError("too-few-rows", "There are fewer than 100 people.")
        case "fill":
            for number in range(40):
                with open(f"full{number}", "wb") as file: file.write(bytes(64 << 20))
        case "sleep": time.sleep(300)
        case "alarm": good.alarms = [{"code": "feature-leaks-label", "detail": "It is the label of 900101-1234567.",
                                      "feature": "income.wages"}]
    return good
"""


def install(folder: Path, seconds: int = 20) -> Path:
    """The method where an installer would put it, with so much time for a run; the folder goes on PYTHONPATH."""
    about = folder / "troubled-1.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: troubled\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text("[dure.methods]\ntroubled = troubled_method\n")
    (folder / "troubled_method.py").write_text(METHOD.replace('"seconds": 20', f'"seconds": {seconds}'))
    return folder


def started(folder: Path, cards: Path) -> Embedded:
    """The embedded suite, strict as it comes, with a worker that hosts the method and what is uploaded."""
    suite = Embedded(folder / "suite", methods=[NAME], cards=cards)
    suite.suite.environment = {"ANALYSIS_LEASE_SECONDS": "4"}
    host(suite, folder)
    suite.start(lambda _: None)
    wait_worker(suite.worker, suite.folder)
    return suite


def host(suite: Embedded | Separate, folder: Path, seconds: int = 20) -> None:
    """Put the method where the worker finds it."""
    paths = [str(ROOT), str(install(folder / "methods", seconds)), *filter(None, [os.environ.get("PYTHONPATH")])]
    worker = suite.programs["worker"]
    worker.environment = {"PYTHONPATH": os.pathsep.join(paths)}
    worker.arguments += ["--sandbox", "prefer", "--scratch", str(folder)]


@contextmanager
def alone(folder: Path, service: str, database_url: str) -> Iterator[str]:
    """One service as a program of its own on this database, without a broker; gives its address."""
    values = settings(folder, "http://127.0.0.1")[service]
    values |= {"database_url": database_url, "amqp_url": f"amqp://127.0.0.1:{free_port()}/", "webhook_private": True}
    environment = {f"{service.upper()}_{name.upper()}": as_text(value) for name, value in values.items()}
    port = free_port()
    arguments = ["-m", "uvicorn", "--factory", f"services.{service}.app:main", "--port", str(port), "--no-access-log"]
    program = Program(service, arguments, folder / "log", environment)
    program.start()
    try:
        wait_ready(program, f"http://127.0.0.1:{port}/{service}/readyz", tell=lambda _: None)
        yield f"http://127.0.0.1:{port}"
    finally:
        program.stop()


def described(title: str, *columns: dict[str, Any]) -> dict[str, Any]:
    key = {"name": "person_no", "type": "string", "role": "key", "key_domain": "person", "nullable": False}
    return {
        "title": title, "description": "A small table.", "legal_basis": "An Act", "sensitivity": "pseudonymised",
        "allowed_purposes": ["Welfare research"], "table": [key, *columns],
    }  # fmt: skip


PEOPLE = described("People", {"name": "region", "type": "string", "role": "attribute"})
INCOME = described("Income", {"name": "wages", "type": "number", "role": "measure"})
# What makes a service alone hold something: address -> body.
FIRST_DEEDS: dict[str, dict[str, dict[str, Any]]] = {
    "catalog": {"/catalog/ministries": {"code": "nts", "name": {"ko": "국세청", "en": "NTS"}}, "/catalog/datasets": INCOME},
    "analysis": {"/analysis/methods": {"card": CARD, "digest": DIGEST}},
    "results": {
        "/results/subscriptions": {"url": "http://127.0.0.1:9/hook", "events": ["results.result-released.v1"], "description": ""}
    },
}
REGIONS = ["서울"] * 15 + [FORMULA] * 15 + ["부산"] * 12
PEOPLE_CSV = "person_no,region\n" + "".join(f"P{n:04d},{region}\n" for n, region in enumerate(REGIONS))
INCOME_CSV = "person_no,wages\n" + "".join(f"P{n:04d},{n * 100}\n" for n in range(len(REGIONS)))


QUESTIONS = itertools.count(1)


@dataclass
class House:
    """The running suite and its people; `walk` is how they call."""

    suite: Embedded | Separate
    walk: Walk
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def embedded(self) -> Embedded:
        """The suite, where it is one program and a worker."""
        assert isinstance(self.suite, Embedded)
        return self.suite

    @property
    def http(self) -> httpx.Client:
        return self.walk.http

    @property
    def folder(self) -> Path:
        return self.suite.folder

    def send(self, who: Person | None, verb: str, path: str, **more: Any) -> httpx.Response:
        """One call, answered as it is; `path` begins with the service."""
        headers = dict(more.pop("headers", {}))
        if who:
            headers.setdefault("Authorization", f"Bearer {self.walk.mint(who)}")
        base = self.walk.urls.get(path.split("/")[1].partition("?")[0], self.walk.urls["catalog"])
        return self.http.request(verb, f"{base}{path}", headers=headers, **more)

    def get(self, who: Person, path: str) -> Any:
        answer = self.send(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, who: Person, path: str, body: Any) -> Any:
        answer = self.send(who, "POST", path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    # What is there

    def rows(self) -> dict[str, int]:
        """Rows of every table that only people's deeds and events change."""
        counts = {}
        for service in SERVICES:
            with closing(sqlite3.connect(f"file:{self.folder / service}.db?mode=ro", uri=True)) as connection:
                names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} - RESTLESS
                for name in names:
                    counts[f"{service}.{name}"] = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
        return counts

    def settled_rows(self) -> dict[str, int]:
        """The rows, once no event is under way."""
        self.settle()
        return self.rows()

    def settle(self) -> None:
        """Wait until no event is under way that this side of the broker can see."""

        def idle() -> bool:
            unsent: int = sum(self.get(OPS, f"/{service}/ops/outbox")["counts"]["unsent"] for service in SERVICES)
            unread: int = sum(self.get(OPS, f"/{service}/ops/inbox")["counts"].get("new", 0) for service in SERVICES)
            return unsent + unread == 0

        self.walk.wait("events to be handled", idle)

    # Short ways

    def register(self, steward: Person, table: dict[str, Any]) -> str:
        return str(self.post(steward, "/catalog/datasets", table)["id"])

    def upload(self, steward: Person, dataset: str, content: bytes | str, media_type: str = "text/csv") -> httpx.Response:
        headers = {"Content-Type": media_type}
        return self.send(steward, "PUT", f"/catalog/datasets/{dataset}/file", content=content, headers=headers)

    def checked(self, steward: Person, dataset: str) -> dict[str, Any]:
        """The report of the newest file's check."""

        def look() -> dict[str, Any] | None:
            version = self.get(steward, f"/catalog/datasets/{dataset}")["latest_file"]
            found: dict[str, Any] = self.get(steward, f"/catalog/datasets/{dataset}/checks/{version}")
            return found if found["state"] in ("passed", "failed") else None

        report: dict[str, Any] = self.walk.wait("the check of a file", look)
        return report

    def publish(self, steward: Person, table: dict[str, Any], content: str) -> str:
        dataset = self.register(steward, table)
        assert self.upload(steward, dataset, content).status_code == 202
        assert self.checked(steward, dataset)["state"] == "passed"
        return dataset

    def publish_inputs(self) -> dict[str, str]:
        return {
            "people": self.publish(people.PARK, PEOPLE, PEOPLE_CSV),
            "income": self.publish(people.LEE, INCOME, INCOME_CSV),
        }

    def withdraw_dataset(self, dataset: str, steward: Person = people.LEE) -> None:
        self.post(steward, f"/catalog/datasets/{dataset}/withdraw", {"reason": "It held an error."})

    def fresh_income(self) -> dict[str, str]:
        """The inputs with an income table of this test's own, to be withdrawn."""
        return self.inputs | {"income": self.publish(people.LEE, INCOME, INCOME_CSV)}

    def go_live(self) -> None:
        methods = partial(self.send, people.YOON, "GET", f"/analysis/methods/{NAME}/{VERSION}")
        self.walk.wait("the worker to announce its method", lambda: methods().status_code == 200)
        for reviewer in (people.YOON, people.LIM):
            verdict = {"verdict": "approve", "reason": "It does what it is told."}
            self.post(reviewer, f"/analysis/methods/{NAME}/{VERSION}/reviews", verdict)

    def asked(self, inputs: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        inputs = self.inputs if inputs is None else inputs
        body = {
            # Who asks for exactly the same again and again is refused.
            "title": f"A small question, the {next(QUESTIONS)}th", "purpose": "Visits.", "legal_basis": "An Act",
            "method": {"name": NAME, "version": VERSION},
            "parameters": {}, "inputs": {role: {"dataset_id": dataset} for role, dataset in inputs.items()},
            "audience": {"kind": "members"},
        }  # fmt: skip
        return body | more

    def submit(self, inputs: dict[str, str] | None = None, *, who: Person = people.KIM, **parameters: Any) -> str:
        body = self.asked(inputs, parameters=parameters)

        def accepted() -> httpx.Response | None:
            # What was published a moment ago is known a moment later.
            answer = self.send(who, "POST", "/requests", json=body)
            return answer if answer.status_code == 201 else None

        return str(self.walk.wait("the request to be accepted", accepted).json()["id"])

    def decision(self, who: Person, request: str, dataset: str, **more: Any) -> httpx.Response:
        body = {"dataset_id": dataset, "verdict": "approve", "reason": "Covered."} | more
        return self.send(who, "POST", f"/requests/{request}/decisions", json=body)

    def ballot(self, who: Person, request: str) -> httpx.Response:
        return self.send(who, "POST", f"/requests/{request}/votes", json={"ballot": "approve", "reason": "Weighed."})

    def in_council(self, inputs: dict[str, str] | None = None, **parameters: Any) -> str:
        inputs = inputs or self.inputs
        request = self.submit(inputs, **parameters)
        for steward, role in ((people.PARK, "people"), (people.LEE, "income")):
            assert self.decision(steward, request, inputs[role]).status_code == 201
        return request

    def approved(self, inputs: dict[str, str] | None = None, **parameters: Any) -> str:
        request = self.in_council(inputs, **parameters)
        for member in COUNCIL:
            assert self.ballot(member, request).status_code == 201
        assert self.request(request)["status"] in ("approved", "in_analysis")
        return request

    def request(self, request: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(people.KIM, f"/requests/{request}")
        return found

    def stands(self, request: str, status: str) -> dict[str, Any]:
        """The request, once it stands there."""
        self.walk.wait(f"the request to be {status}", lambda: self.request(request)["status"] == status)
        return self.request(request)

    def run(self, request: str, *statuses: str) -> dict[str, Any]:
        """The run of the request, once it stands at one of these."""

        def look() -> dict[str, Any] | None:
            found = self.get(people.KIM, f"/analysis/runs?request_id={request}")["items"]
            return found[0] if found and found[0]["status"] in statuses else None

        ended: dict[str, Any] = self.walk.wait(f"the run to be {' or '.join(statuses)}", look)
        return ended

    def result(self, request: str, status: str) -> dict[str, Any]:
        """The request's result, once it stands there."""

        def look() -> dict[str, Any] | None:
            items = self.get(people.SHIN, f"/results?status={status}&limit=200")["items"]
            shown = [self.get(people.SHIN, f"/results/{item['id']}") for item in items]
            return next((one for one in shown if one["request_id"] == request), None)

        found: dict[str, Any] = self.walk.wait(f"the result to be {status}", look)
        return found

    def check(self, who: Person, result: str) -> httpx.Response:
        vote = {"approve": True, "reason": "Every count is large enough."}
        return self.send(who, "POST", f"/results/{result}/votes", json=vote)

    def released(self, request: str) -> dict[str, Any]:
        result = self.result(request, "held")
        for checker in (people.SHIN, people.OH):
            assert self.check(checker, result["id"]).status_code == 201
        return self.result(request, "released")


def opened(suite: Embedded | Separate, http: httpx.Client) -> House:
    """Published inputs and a live method."""
    minted: dict[Person, str] = {}

    def token(who: Person) -> str:
        return minted.setdefault(who, mint(suite.folder, who.roles, who.ministry, who.subject))

    quiet: Callable[[str], None] = lambda _: None  # noqa: E731
    urls = dict.fromkeys(SERVICES, suite.url) if isinstance(suite, Embedded) else suite.urls
    walk = Walk(urls, token, None, http, quiet, patience=150)  # type: ignore[arg-type] # no webhooks
    house = House(suite, walk)
    for steward in (people.HAN, people.LEE):
        keys.register(walk, steward)
    house.inputs = house.publish_inputs()
    house.go_live()
    return house


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of a refusal, which must be complete."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(document)
    assert document["status"] == status
    assert len(document["detail"]) > 10
    return document


def faults(answer: httpx.Response, status: int = 422) -> dict[str, str]:
    """Pointer -> code of every field at fault."""
    return {error["pointer"]: error["code"] for error in problem(answer, status)["errors"]}


def everything_said(house: House) -> str:
    """All that a reader of logs could see."""
    return "".join(file.read_text(errors="replace") for file in house.folder.glob("*.log"))


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
