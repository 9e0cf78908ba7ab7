"""The walk: one request from the catalog to the published result, over real HTTP, as each of its people.

The demonstration prints it; the end-to-end tests run the same walk in every mode, and kill programs between its stops.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

from deploy.demo import keys, people
from deploy.demo.papers import BALLOT, CHECKED, DATA, METHOD, OWNERS, REVIEW, TABLES, approval, asked_for, described
from deploy.demo.people import Person
from deploy.demo.receiver import Receiver
from shared.sealing import Keyring

Mint = Callable[[Person], str]
RELEASED = "results.result-released.v1"


class Unexpected(AssertionError):
    """A stop of the walk was not answered as it should be."""


@dataclass
class Walk:
    """The walk and what it found on the way. `urls` maps each service to its base address."""

    urls: Mapping[str, str]
    mint: Mint
    receiver: Receiver
    http: httpx.Client
    tell: Callable[[str], None] = print
    patience: float = 120
    datasets: dict[str, str] = field(default_factory=dict)
    method: dict[str, Any] = field(default_factory=dict)
    request_id: str = ""
    result_id: str = ""
    secret: str = ""
    keyring: Keyring = field(default_factory=lambda: Keyring({}))

    def stops(self) -> list[tuple[str, Callable[[], None]]]:
        """The stops in order, each with its title."""
        return [
            ("The catalog: three ministries share a table each", self.publish_datasets),
            ("The method: reviewed by two people of two bodies, then live", self.review_method),
            ("The request: checked at once, then submitted", self.submit),
            ("The owners: each decides on its own table", self.decide),
            ("The council: three members without a stake vote", self.vote),
            ("The analysis: prepared, claimed by a worker, finished", self.analyse),
            ("The disclosure check: two output checkers, blind to each other", self.release),
            ("The result: told by signed webhook, read by its audience", self.read),
        ]

    def run(self) -> None:
        for number, (title, stop) in enumerate(self.stops()):
            self.tell(f"\n[{number}] {title}")
            started = time.monotonic()
            stop()
            self.tell(f"    ({time.monotonic() - started:.2f} s)")

    # How people act

    def call(
        self, who: Person | None, verb: str, service: str, path: str, *, expect: tuple[int, ...] = (200, 201, 202), **more: Any
    ) -> httpx.Response:
        """One call. A POST carries an Idempotency-Key, so it may be sent again if a service was away for a moment."""
        headers = dict(more.pop("headers", {}))
        if who:
            headers["Authorization"] = f"Bearer {self.mint(who)}"
        if verb == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        until = time.monotonic() + self.patience
        while True:
            try:
                answer = self.http.request(verb, f"{self.urls[service]}/{service}{path}", headers=headers, **more)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code != 503:
                break
            if time.monotonic() > until:
                raise Unexpected(f"{service} did not come back within {self.patience:.0f} s")
            time.sleep(0.2)
        if answer.status_code not in expect:
            raise Unexpected(f"{verb} /{service}{path} as {who}: {answer.status_code} {answer.text[:2000]}")
        return answer

    def wait(self, what: str, look: Callable[[], Any]) -> Any:
        """Look until there is something; say what is waited for every few seconds."""
        started = told = time.monotonic()
        pause = 3.0  # ever longer: one line for each doubling
        while not (found := look()):
            if time.monotonic() - started > self.patience:
                raise Unexpected(f"waited {self.patience:.0f} s for {what}")
            if time.monotonic() - told > pause:
                told, pause = time.monotonic(), pause * 2
                self.tell(f"    ... waiting for {what} ({told - started:.0f} s)")
            time.sleep(0.1)
        return found

    # Stop 0

    def publish_datasets(self) -> None:
        members = self.call(people.KIM, "GET", "catalog", "/ministries?limit=200").json()["items"]
        self.tell(f"    {len(members)} member ministries are known")
        self.keyring = keys.register(self)
        for role, table in TABLES.items():
            steward = people.STEWARDS[table["ministry"]]
            self.datasets[role] = self.publish(steward, table)
        self.wait_until_published()

    def publish(self, steward: Person, table: dict[str, Any]) -> str:
        dataset: str = self.call(steward, "POST", "catalog", "/datasets", json=described(table)).json()["id"]
        content = (DATA / table["file"]).read_bytes()
        self.call(steward, "PUT", "catalog", f"/datasets/{dataset}/file", content=content, headers={"Content-Type": "text/csv"})
        self.tell(f"    {steward.title}: registered '{table['title']['en']}' and uploaded {len(content):,} bytes")
        return dataset

    def wait_until_published(self) -> None:
        for role in self.datasets:
            found = self.wait(f"the check of {role}", partial(self.published, role))
            self.tell(f"    {role}: every row fits its schema, {found['rows']:,} rows, published")

    def published(self, role: str) -> dict[str, Any] | None:
        steward = people.STEWARDS[OWNERS[role]]
        found: dict[str, Any] = self.call(steward, "GET", "catalog", f"/datasets/{self.datasets[role]}").json()
        if found["state"] == "rejected":
            raise Unexpected(f"the file of {role} was refused")
        return found if found["state"] == "published" else None

    def review_method(self) -> None:
        announced = self.wait("a worker to announce its methods", self.announced)
        path = f"/methods/{METHOD}/{announced['version']}"
        for reviewer in (people.YOON, people.LIM):
            if self.call(reviewer, "GET", "analysis", path).json()["state"] == "live":
                break
            self.call(reviewer, "POST", "analysis", f"{path}/reviews", json=REVIEW)
            self.tell(f"    {reviewer.title}: approved {METHOD} {announced['version']}")
        self.method = self.call(people.YOON, "GET", "analysis", path).json()
        if self.method["state"] != "live":
            raise Unexpected(f"the method is {self.method['state']}")

    def announced(self) -> dict[str, Any] | None:
        methods = self.call(people.YOON, "GET", "analysis", "/methods").json()["items"]
        return next((method for method in methods if method["name"] == METHOD), None)

    # Stops 1 and 2

    def asked(self) -> dict[str, Any]:
        return asked_for(self.method["version"], self.datasets)

    def submit(self) -> None:
        def known() -> httpx.Response | None:
            # The requests service learns of ministries, datasets and methods by events; a moment later it knows them.
            answer = self.call(people.KIM, "POST", "requests", "", json=self.asked(), expect=(201, 403, 422))
            return answer if answer.status_code == 201 else None

        answer = self.wait("the copies of catalog and methods to arrive", known)
        incomplete = self.asked() | {"inputs": {"income": {"dataset_id": self.datasets["income"]}}}
        refused = self.call(people.KIM, "POST", "requests", "", json=incomplete, expect=(422,)).json()
        for error in refused["errors"]:
            self.tell(f"    {people.KIM.title}: an incomplete one is refused at once: {error['pointer']} {error['detail']}")
        self.request_id = answer.json()["id"]
        self.tell(f"    {people.KIM.title}: submitted '{answer.json()['title']}'")
        self.say_waiting()

    def request(self, who: Person = people.KIM) -> dict[str, Any]:
        found: dict[str, Any] = self.call(who, "GET", "requests", f"/{self.request_id}").json()
        return found

    def say_waiting(self) -> None:
        request = self.request()
        if request["waiting"]:
            self.tell(f"    it stands at {request['status']}: {request['waiting']['en']}")

    def decide(self) -> None:
        denied = self.decision(people.PARK, self.datasets["income"], expect=(403,))
        self.tell(f"    {people.PARK.title} tries to decide for the tax service: refused. {denied.json()['detail']}")
        for role, table in TABLES.items():
            steward = people.STEWARDS[table["ministry"]]
            waiting = self.call(steward, "GET", "requests", "/worklist").json()["items"]
            self.decision(steward, self.datasets[role])
            self.tell(f"    {steward.title}: approved the use of '{table['title']['en']}' ({len(waiting)} on the worklist)")
        self.say_waiting()

    def decision(self, who: Person, dataset: str, expect: tuple[int, ...] = (200, 201)) -> httpx.Response:
        return self.call(who, "POST", "requests", f"/{self.request_id}/decisions", json=approval(dataset), expect=expect)

    def vote(self) -> None:
        for member in (people.CHOI, people.JUNG, people.KANG):
            status = self.request()["status"]
            if status != "council_review":
                break
            self.call(member, "POST", "requests", f"/{self.request_id}/votes", json=BALLOT)
            self.tell(f"    {member.title}: votes to approve")
        self.say_waiting()

    # Stops 3 to 5

    def analyse(self) -> None:
        found = self.wait("the run and the automatic disclosure check", self.held)
        self.result_id = found["id"]
        run = self.call(people.KIM, "GET", "analysis", "/runs").json()["items"][0]
        rates = ", ".join(f"{role} {rate:.1%}" for role, rate in found["match_rates"].items())
        self.tell(f"    run {run['status']}; rows matched: {rates}")
        self.tell(
            f"    the automatic disclosure check passed {len(found['tables'])} tables, withheld {len(found['withheld'])} outputs:"
        )
        for output in found["withheld"]:
            self.tell(f"      {output['kind']} {output['name']}: {', '.join(output['reasons'])}")

    def held(self) -> dict[str, Any] | None:
        request = self.request()
        if request["status"] in ("failed", "withheld", "refused"):
            raise Unexpected(f"the request {request['status']}: {request['reason']}")
        for item in self.call(people.SHIN, "GET", "results", "?status=held").json()["items"]:
            found: dict[str, Any] = self.call(people.SHIN, "GET", "results", f"/{item['id']}").json()
            if found["request_id"] == self.request_id:
                return found
        return None

    # Stops 6 and 7

    def release(self) -> None:
        hook = {"url": self.receiver.url, "events": [RELEASED], "description": "Case system"}
        self.secret = self.call(people.SEO, "POST", "results", "/subscriptions", json=hook).json()["secret"]
        for checker in (people.SHIN, people.OH):
            shown = self.call(checker, "POST", "results", f"/{self.result_id}/votes", json=CHECKED).json()
            self.tell(f"    {checker.title}: approves; the result is {shown['status']}")
        if shown["status"] != "released":
            raise Unexpected(f"the result is {shown['status']}")

    def read(self) -> None:
        event = self.wait("the webhook", self.told)
        self.tell(f"    {people.SEO.title}: got {event['type']}, its signature verifies")
        table = self.call(
            people.LEE, "GET", "results", f"/{self.result_id}/tables/{self.first_table()}", headers={"Accept": "text/csv"}
        )
        self.tell(f"    {people.LEE.title}: read a table as CSV, {len(table.text.splitlines()) - 1} rows")
        path, why = f"/{self.result_id}/restricted-list", {"reason": "Visits of the third round."}
        denied = self.call(people.LEE, "GET", "results", path, expect=(403, 404), params=why)
        self.tell(f"    {people.LEE.title} tries the restricted list: refused ({denied.status_code})")
        keys.open_list(self, self.call(people.KIM, "GET", "results", path, params=why).text)
        self.call(None, "GET", "results", f"/{self.result_id}", expect=(401, 404))
        self.wait("the request to be closed", lambda: self.request()["status"] == "released")

    def first_table(self) -> str:
        shown = self.call(people.LEE, "GET", "results", f"/{self.result_id}").json()
        name: str = shown["tables"][0]["name"]
        return name

    def told(self) -> dict[str, Any] | None:
        return next((event for event in self.receiver.events(self.secret) if event["data"]["result_id"] == self.result_id), None)

    def report(self, lang: str) -> str:
        return self.call(people.LEE, "GET", "results", f"/{self.result_id}/report?lang={lang}").text
