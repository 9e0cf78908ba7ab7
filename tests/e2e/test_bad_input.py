"""Every bad input, over real HTTP: it is refused in words that help, nothing is half-written, and the next request works."""

import asyncio
import base64
import csv
import hashlib
import hmac
import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import psutil
import pytest
from hypothesis import given, settings, strategies

from deploy.demo import people
from deploy.demo.people import Person
from deploy.installation import SERVICES
from deploy.tokens import AUDIENCE, ISSUER, mint
from services.analysis.tokens import Attempt, mint_token
from shared.auth import Role
from shared.keys import KeyPair
from tests.databases import run_in
from tests.e2e import fuzzing, troubled
from tests.e2e.conftest import databases
from tests.e2e.troubled import FORMULA, INCOME, INCOME_CSV, OPS, SECRET, SECRETARY, House, faults, problem
from tests.exploring import examples

pytestmark = pytest.mark.heavy
MIB = 1024 * 1024
# The same hundred each time; more, and other ones, when told so.


@pytest.fixture(scope="module")
def opened_house(tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Iterator[House]:
    suite = troubled.started(tmp_path_factory.mktemp("bad-input"), cards)
    try:
        with httpx.Client(timeout=30, trust_env=False) as http:
            yield troubled.opened(suite, http)
    finally:
        suite.stop()


@pytest.fixture
def house(opened_house: House) -> Iterator[House]:
    """The house; whatever a test did, it is sound afterwards and the next request works."""
    yield opened_house
    assert opened_house.embedded.suite.ended is None
    assert opened_house.embedded.worker.ended is None
    for service in SERVICES:
        readiness = opened_house.send(None, "GET", f"/{service}/readyz").json()
        # A machine may lack layers of the sandbox, and a text may be due to be read again; neither is a fault.
        assert {part["name"] for part in readiness["parts"] if part["state"] != "ready"} <= {"workers", "rules"}, readiness
    works = opened_house.send(people.KIM, "POST", "/requests", json=opened_house.asked())
    assert works.status_code == 201, works.text
    assert '"level": "ERROR"' not in opened_house.embedded.suite.log.read_text()


@pytest.fixture
def nothing_written(house: House) -> Iterator[None]:
    """What is refused leaves no row anywhere but in the audit."""
    before = house.settled_rows()
    yield
    assert house.settled_rows() == before


# Tokens


def signed(identity: KeyPair, **claims: Any) -> str:
    values = {"issuer": ISSUER, "audience": AUDIENCE, "subject": "kim", "ministry": "mohw", "roles": ["ops", "auditor"]}
    return identity.mint(**(values | claims))


def bare(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes] = lambda _: b"") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    words = b".".join(parts)
    return (words + b"." + base64.urlsafe_b64encode(sign(words)).rstrip(b"=")).decode()


def bad_tokens(house: House) -> dict[str, tuple[str, str]]:
    """Name -> token and the reason that must be given."""
    identity = KeyPair.ensure(house.folder / "identity")
    foreign = KeyPair.ensure(house.folder / "foreign")
    good = signed(identity)
    head, claims, signature = good.split(".")
    told = jwt.decode(good, options={"verify_signature": False})
    kid = identity.signing.key_id
    public = identity.signing.verify_key.pem()
    as_auditor = base64.urlsafe_b64encode(json.dumps(told | {"sub": "somebody.else"}).encode()).rstrip(b"=").decode()
    return {
        "expired": (signed(identity, ttl=-3600), "token-expired"),
        "wrong audience": (signed(identity, audience="another-system"), "wrong-audience"),
        "wrong issuer": (signed(identity, issuer="https://elsewhere.example"), "wrong-issuer"),
        "unsigned": (f"{head}.{claims}.", "bad-signature"),
        "alg none": (bare({"alg": "none", "kid": kid, "typ": "JWT"}, told), "unsigned-token"),
        "alg NoNe": (bare({"alg": "NoNe", "kid": kid}, told), "unsigned-token"),
        "no alg": (bare({"kid": kid}, told), "unsigned-token"),
        "public key as secret": (
            bare({"alg": "HS256", "kid": kid}, told, lambda words: hmac.digest(public, words, hashlib.sha256)),
            "algorithm-not-allowed",
        ),
        "claims changed": (f"{head}.{as_auditor}.{signature}", "bad-signature"),
        "foreign key": (signed(foreign), "unknown-key"),
        "foreign key under our name": (
            jwt.encode(told, foreign.signing.private, algorithm="EdDSA", headers={"kid": kid}),
            "bad-signature",
        ),
        "malformed": ("not-a-token", "malformed-token"),
        "malformed header": ("e30x.e30.e30", "malformed-token"),
        "too long": (good + "x" * 9000, "oversized-token"),
        "role that is no text": (
            jwt.encode(told | {"roles": [7]}, identity.signing.private, algorithm="EdDSA", headers={"kid": kid}),
            "invalid-claim",
        ),
        "subject that is not normalized": (signed(identity, subject="\u1100\u1161"), "invalid-subject"),
        "no ministry": (signed(identity, ministry="No Such Ministry"), "invalid-ministry"),
    }


@pytest.mark.parametrize("service", SERVICES)
def test_bad_tokens(house: House, service: str, nothing_written: None) -> None:
    for name, (token, reason) in bad_tokens(house).items():
        answer = house.send(None, "GET", f"/{service}/audit", headers={"Authorization": f"Bearer {token}"})
        assert problem(answer, 401)["reason"] == reason, name
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert token not in answer.text
    assert problem(house.send(None, "GET", f"/{service}/audit"), 401)["reason"] == "missing-token"
    other = house.send(None, "GET", f"/{service}/audit", headers={"Authorization": "Basic a2ltOmtpbQ=="})
    assert problem(other, 401)["reason"] == "malformed-header"


def test_a_bad_token_opens_nothing_that_is_open_without_one(house: House) -> None:
    token, reason = bad_tokens(house)["alg none"]
    assert problem(house.send(None, "GET", "/results", headers={"Authorization": f"Bearer {token}"}), 401)["reason"] == reason
    assert house.send(None, "GET", "/results").json()["items"] == []


# Rights


def test_a_role_that_is_missing_is_named(house: House, nothing_written: None) -> None:
    refusals = [
        (people.LEE, "POST", "/requests", house.asked(), "requester"),
        (people.KIM, "POST", "/catalog/datasets", INCOME, "steward"),
        (people.KIM, "POST", "/catalog/ministries", {"code": "x1", "name": {"ko": "가", "en": "A"}}, "council-secretary"),
        (people.KIM, "POST", "/analysis/claims", {"worker": str(uuid4()), "methods": [method_ref()]}, "worker"),
        (people.KIM, "GET", "/results/ops/outbox", None, "ops"),
        (OPS, "GET", "/analysis/audit", None, "auditor"),
    ]
    for who, verb, path, body, right in refusals:
        answer = house.send(who, verb, path, json=body) if body else house.send(who, verb, path)
        assert right in problem(answer, 403)["right"], path


def method_ref() -> dict[str, str]:
    return {"name": troubled.NAME, "version": troubled.VERSION, "digest": "0" * 64}


def test_a_steward_of_another_ministry(house: House) -> None:
    request, dataset = house.submit(), house.inputs["income"]
    before = house.settled_rows()
    refusals = [
        house.decision(people.PARK, request, dataset),
        house.upload(people.PARK, dataset, INCOME_CSV),
        house.send(people.PARK, "PATCH", f"/catalog/datasets/{dataset}", json={"title": "Mine"}),
        house.send(people.PARK, "POST", f"/catalog/datasets/{dataset}/withdraw", json={"reason": "I would rather not."}),
    ]
    assert [problem(answer, 403)["right"] for answer in refusals] == ["steward of nts"] * 4
    draft = house.register(people.LEE, INCOME)
    assert problem(house.send(people.PARK, "GET", f"/catalog/datasets/{draft}"), 404)["detail"]
    assert house.request(request)["decisions"] == []
    after = house.settled_rows()
    assert {name for name in after if after[name] != before[name]} <= {"catalog.dataset"}
    rows = house.get(people.MOON, "/requests/audit?outcome=refused")["items"]
    assert any(row["actor"] == people.PARK.subject and "steward of nts" in row["detail"] for row in rows)


@pytest.mark.parametrize("ministry", ["mohw", "nts", "mois"])
def test_a_vote_by_a_recused_member(house: House, ministry: str) -> None:
    request = house.in_council()
    member = Person("member.with.a.stake", ministry, "council-member", "a member whose ministry has a part in it")
    refused = problem(house.ballot(member, request), 403)
    assert "recused" in refused["detail"]
    assert refused["right"] == "council-member of a ministry that is not recused"
    assert house.get(member, f"/requests/{request}")["actions"] == []
    assert house.request(request)["votes"] == []


def test_a_second_decision(house: House) -> None:
    request = house.submit()
    assert house.decision(people.LEE, request, house.inputs["income"]).status_code == 201
    for again in ("approve", "refuse"):
        more = {"verdict": again} | ({"code": "other-statute"} if again == "refuse" else {})
        assert "already" in problem(house.decision(people.LEE, request, house.inputs["income"], **more), 409)["detail"]
    colleague = Person("colleague.steward", "nts", "steward", "another steward")
    problem(house.decision(colleague, request, house.inputs["income"]), 409)
    assert [decision["verdict"] for decision in house.request(request)["decisions"]] == ["approve"]


def test_a_second_vote(house: House) -> None:
    request = house.in_council()
    assert house.ballot(people.CHOI, request).status_code == 201
    assert "voted already" in problem(house.ballot(people.CHOI, request), 409)["detail"]
    colleague = Person("colleague.council", people.CHOI.ministry, "council-member", "a colleague")
    assert "ministry has voted" in problem(house.ballot(colleague, request), 409)["detail"]
    assert house.request(request)["tally"]["approve"] == 1


def test_nobody_decides_on_their_own_request(house: House) -> None:
    both = Person("kim.both", "nts", "requester,steward,council-member", "who asks and would decide")
    request = house.submit(who=both)
    refused = problem(house.decision(both, request, house.inputs["income"]), 403)
    assert "own request" in refused["detail"]
    assert house.get(both, f"/requests/{request}")["actions"] == ["withdraw"]
    assert house.decision(people.PARK, request, house.inputs["people"]).status_code == 201
    assert house.decision(people.LEE, request, house.inputs["income"]).status_code == 201
    assert problem(house.ballot(both, request), 403)["right"]
    author = Person("kim.both", "msit", "council-member", "the same person at another ministry")
    assert "own request" in problem(house.ballot(author, request), 403)["detail"]


# Requests


def test_a_list_that_nobody_could_open_is_not_asked_for(house: House, nothing_written: None) -> None:
    keyless = Person("na.keyless", "moel", "requester", "who asks for a ministry without a key")
    answer = house.send(keyless, "POST", "/requests", json=house.asked())
    assert faults(answer) == {"#/method": "no-sealing-key"}
    assert "POST /catalog/ministries/moel/keys" in answer.text


def test_a_request_that_does_not_fit(house: House, nothing_written: None) -> None:
    unknown = str(uuid4())
    unfit: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"method": {"name": "no_such_method", "version": "1.0.0"}}, {"#/method/name": "unknown-method"}),
        ({"method": {"name": troubled.NAME, "version": "9.9.9"}}, {"#/method/version": "unknown-version"}),
        ({"inputs": house.asked()["inputs"] | {"income": None}}, {"#/inputs/income": "model_attributes_type"}),
        ({"inputs": {"people": {"dataset_id": house.inputs["people"]}}}, {"#/inputs/income": "missing-input"}),
        (house.asked(house.inputs | {"cars": house.inputs["people"]}), {"#/inputs/cars": "unknown-input"}),
        (house.asked({"people": unknown, "income": unknown}), {
            "#/inputs/people/dataset_id": "unknown-dataset", "#/inputs/income/dataset_id": "unknown-dataset",
        }),
        ({"parameters": {"year": "nineteen"}}, {"#/parameters/year": "parameter-type"}),
        ({"parameters": {"year": 2012.5}}, {"#/parameters/year": "parameter-type"}),
        ({"parameters": {"year": 1066}}, {"#/parameters/year": "parameter-minimum"}),
        ({"parameters": {"do": "anything"}}, {"#/parameters/do": "parameter-enum"}),
        ({"parameters": {"colour": "red"}}, {"#/parameters/colour": "unknown-parameter"}),
        ({"title": ""}, {"#/title": "string_too_short"}),
        ({"title": "two\nlines"}, {"#/title": "value_error"}),
        ({"surprise": 1}, {"#/surprise": "extra_forbidden"}),
        ({"audience": {"kind": "everyone"}}, {"#/audience/kind": "enum"}),
    ]  # fmt: skip
    for change, expected in unfit:
        answer = house.send(people.KIM, "POST", "/requests", json=house.asked() | change)
        assert faults(answer) == expected, change
    swapped = {"people": house.inputs["income"], "income": house.inputs["people"]}
    found = faults(house.send(people.KIM, "POST", "/requests", json=house.asked(swapped)))
    assert found == {"#/inputs/people/columns/region": "missing-column", "#/inputs/income/columns/wages": "missing-column"}


def test_a_request_that_is_not_there(house: House, nothing_written: None) -> None:
    for path in (f"/requests/{uuid4()}", f"/analysis/runs/{uuid4()}", f"/results/{uuid4()}", f"/catalog/datasets/{uuid4()}"):
        problem(house.send(people.KIM, "GET", path), 404)
    assert faults(house.send(people.KIM, "GET", "/requests/number-one")) == {"path/request_id": "uuid_parsing"}
    assert "unknown-dataset" not in house.send(people.LEE, "POST", f"/requests/{uuid4()}/withdraw", json={"reason": "x"}).text


# A dataset that is withdrawn after submission, at every later stop


def test_withdrawn_before_submission(house: House) -> None:
    inputs = house.fresh_income()
    house.submit(inputs)
    house.withdraw_dataset(inputs["income"])

    def told() -> bool:
        answer = house.send(people.KIM, "POST", "/requests", json=house.asked(inputs))
        return answer.status_code == 422 and faults(answer) == {"#/inputs/income/dataset_id": "withdrawn-dataset"}

    house.walk.wait("the withdrawal to be known", told)
    shown = house.get(people.KIM, f"/catalog/datasets/{inputs['income']}")
    assert (shown["state"], shown["withdrawal_reason"]) == ("withdrawn", "It held an error.")


def test_withdrawn_while_the_owners_decide(house: House) -> None:
    inputs = house.fresh_income()
    request = house.submit(inputs)
    house.withdraw_dataset(inputs["income"])
    shown = house.stands(request, "returned")
    assert shown["reason_code"] == "dataset-withdrawn"
    assert "It held an error." in shown["reason"]
    assert [member["role"] for member in shown["waiting"]["who"]] == ["requester"]
    problem(house.decision(people.LEE, request, inputs["income"]), 409)
    again = house.send(people.KIM, "POST", f"/requests/{request}/resubmit", json=house.asked(inputs))
    assert faults(again) == {"#/inputs/income/dataset_id": "withdrawn-dataset"}
    corrected = house.post(people.KIM, f"/requests/{request}/resubmit", house.asked())
    assert (corrected["status"], corrected["revision"]) == ("owner_review", 2)


def test_withdrawn_while_the_council_votes(house: House) -> None:
    inputs = house.fresh_income()
    request = house.in_council(inputs)
    assert house.ballot(people.CHOI, request).status_code == 201
    house.withdraw_dataset(inputs["income"])
    assert house.stands(request, "returned")["reason_code"] == "dataset-withdrawn"
    problem(house.ballot(people.JUNG, request), 409)
    assert house.send(people.KIM, "GET", f"/analysis/runs?request_id={request}").json()["items"] == []


def nothing_came_of(house: House, request: str, status: str = "failed") -> None:
    """The request ended for a reason that its requester understands, and there is no result of it."""
    shown = house.stands(request, status)
    assert shown["reason_code"] == "dataset-withdrawn"
    assert "owner" in shown["reason"]
    assert shown["actions"] == []
    visible = house.get(people.KIM, "/results?limit=200")["items"] + house.get(people.SHIN, "/results?limit=200")["items"]
    shown_ids = {
        house.get(people.SHIN, f"/results/{item['id']}")["request_id"] for item in visible if item["status"] != "withheld"
    }
    assert request not in shown_ids


def test_withdrawn_while_the_run_waits_for_a_worker(house: House) -> None:
    inputs = house.fresh_income()
    house.embedded.worker.stop()
    try:
        request = house.approved(inputs)
        run = house.run(request, "prepared")
        fence = house.get(people.KIM, f"/analysis/runs/{run['id']}")["fence"]
        house.withdraw_dataset(inputs["income"])
        ended = house.run(request, "failed")
        assert (ended["id"], ended["reason"]["code"]) == (run["id"], "dataset-withdrawn")
    finally:
        house.embedded.worker.start()
    nothing_came_of(house, request)
    assert house.run(house.approved(), "succeeded"), "the worker is back and takes the next one"
    assert house.get(people.KIM, f"/analysis/runs/{run['id']}")["fence"] == fence, "nobody claimed the other"


def test_withdrawn_while_the_method_runs(house: House) -> None:
    inputs = house.fresh_income()
    request = house.approved(inputs, do="sleep")
    house.walk.wait("the method to sleep", lambda: house.run(request, "running")["message"] == "sleep")
    methods = method_processes(house)
    assert len(methods) == 1
    house.withdraw_dataset(inputs["income"])
    assert house.run(request, "failed")["reason"]["code"] == "dataset-withdrawn"
    nothing_came_of(house, request)
    house.walk.wait("the method to be stopped", lambda: not any(alive(method) for method in methods))


def method_processes(house: House) -> list[psutil.Process]:
    """What runs methods: the worker's child is its launcher, whose child is the method."""
    assert house.embedded.worker.process
    launchers = psutil.Process(house.embedded.worker.process.pid).children()
    return [method for launcher in launchers for method in launcher.children()]


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_withdrawn_while_the_result_is_held(house: House) -> None:
    inputs = house.fresh_income()
    request = house.approved(inputs)
    result = house.result(request, "held")
    author = Person(people.KIM.subject, people.SHIN.ministry, "output-checker", "the author, who would also check")
    assert house.check(author, result["id"]).status_code in (403, 404)
    assert house.check(people.SHIN, result["id"]).status_code == 201
    assert "a vote stands" in problem(house.check(people.SHIN, result["id"]), 409)["detail"]
    house.withdraw_dataset(inputs["income"])
    withheld = house.result(request, "withheld")
    assert "withdrawn" in withheld["reason"]
    problem(house.check(people.OH, result["id"]), 409)
    reading = house.send(people.LEE, "GET", f"/results/{result['id']}/tables/regions")
    assert reading.status_code in (403, 404)
    shown = house.stands(request, "withheld")
    assert "withdrawn" in shown["reason"]
    why = {"reason": "Visits of the third round."}
    problem(house.send(people.KIM, "GET", f"/results/{result['id']}/restricted-list", params=why), 409)


def test_withdrawn_after_release_stays_out_until_people_recall_it(house: House) -> None:
    inputs = house.fresh_income()
    request = house.approved(inputs)
    result = house.released(request)
    house.withdraw_dataset(inputs["income"])
    house.settled_rows()
    assert house.request(request)["status"] == "released"
    recalled = house.post(people.SHIN, f"/results/{result['id']}/recall", {"reason": "The income table held an error."})
    assert recalled["status"] == "recalled"
    gone = problem(house.send(people.LEE, "GET", f"/results/{result['id']}/tables/regions"), 410)
    assert "The income table held an error." in gone["detail"]
    assert house.stands(request, "recalled")["reason"]


# Methods that misbehave


FAILURES = {
    "crash": ("method-crashed", "stopped because of an error in its program"),
    "hang": ("method-timeout", "did not finish in the time"),
    "eat": ("method-memory", "needed more memory"),
    "garbage": ("method-output-invalid", "not a valid result"),
    "nan": ("method-output-invalid", "not a valid result"),
    "undeclared": ("method-output-invalid", "not a valid result"),
    "fill": ("method-output-invalid", "wrote more to the disk"),
    "exit": ("method-crashed", "ended without giving a result"),
    "refuse": ("method-refused-input", "fewer than 100 people"),
}


@pytest.mark.parametrize("do", FAILURES)
def test_a_method_that_misbehaves(house: House, do: str) -> None:
    code, sentence = FAILURES[do]
    request = house.approved(do=do)
    run = house.run(request, "failed")
    assert run["reason"]["code"] == code
    assert sentence in run["reason"]["detail"]
    shown = house.stands(request, "failed")
    assert (shown["reason_code"], shown["reason"]) == (code, run["reason"]["detail"])
    assert shown["waiting"] is None
    results = [house.get(people.SHIN, f"/results/{item['id']}") for item in house.get(people.SHIN, "/results?limit=200")["items"]]
    assert request not in {result["request_id"] for result in results}
    whole = house.get(people.KIM, f"/analysis/runs/{run['id']}")
    assert whole["attempts"] == 1, "what a method does is no reason to try again"
    heard = troubled.as_json([whole, shown, house.get(people.KIM, f"/requests/{request}/history")])
    assert SECRET not in heard + troubled.everything_said(house)


def test_after_all_of_them_the_worker_works(house: House) -> None:
    result = house.released(house.approved(do="succeed"))
    assert [table["name"] for table in result["tables"]] == ["regions"]


def test_an_alarm_of_a_method_holds_its_result_until_a_person_answers(house: House) -> None:
    request = house.approved(do="alarm")
    result = house.result(request, "held")
    alarm = {"number": 1, "code": "feature-leaks-label", "detail": "It is the label of ….", "feature": "income.wages"}
    assert result["alarms"] == [alarm | {"title": None, "answer": None}]
    assert result["waiting"]["code"] == "alarms-answered"
    refused = problem(house.check(people.SHIN, result["id"]), 409)
    assert "Alarm 1 (feature-leaks-label of income.wages)" in refused["detail"]
    analyst = Person("na.analyst", "mois", "centre-analyst", "an analyst of the centre")
    answer = {"verdict": "explained", "reason": "Wages are known a year before."}
    answered = house.post(analyst, f"/results/{result['id']}/alarms/1/answers", answer)
    assert answered["waiting"]["code"] == "outputs-checked"
    released = house.released(request)
    assert released["alarms"][0]["answer"]["reason"] == answer["reason"]
    report = house.send(people.LEE, "GET", f"/results/{result['id']}/report?lang=en").text
    assert "feature-leaks-label" in report and answer["reason"] in report
    heard = troubled.as_json([result, house.run(request, "succeeded")])
    assert SECRET not in heard + report + troubled.everything_said(house)


# Bodies, files, addresses


JSON_DOORS = {
    "catalog": (people.LEE, "/catalog/datasets"),
    "requests": (people.KIM, "/requests"),
    "analysis": (people.YOON, f"/analysis/methods/{troubled.NAME}/{troubled.VERSION}/reviews"),
    "results": (people.SEO, "/results/subscriptions"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_body_of_ten_megabytes(house: House, service: str, nothing_written: None) -> None:
    who, path = JSON_DOORS[service]
    body = b'{"title": "' + b"x" * (10 * MIB) + b'"}'
    headers = {"Content-Type": "application/json"}
    assert problem(house.send(who, "POST", path, content=body, headers=headers), 413)["limit_bytes"] < 10 * MIB
    parts = (body[at : at + MIB] for at in range(0, len(body), MIB))  # nobody says how long it is
    assert problem(house.send(who, "POST", path, content=parts, headers=headers), 413)["limit_bytes"] < 10 * MIB
    keyed = headers | {"Idempotency-Key": "ten"}
    problem(house.send(who, "POST", path, content=body, headers=keyed), 413)


def answered(house: House, service: str, status: int) -> float:
    """How many requests of the service were answered so."""
    text = house.send(None, "GET", f"/{service}/metrics").text
    counted = [line.rsplit(" ", 1)[1] for line in text.splitlines() if f'status="{status}"' in line and "_total{" in line]
    return sum(map(float, counted))


def break_off(house: House, who: Person, address: str, media_type: str, part: bytes) -> None:
    """Say that much more comes than does, and go; 400 and not 500 is what is noted of it."""
    service = address.split("/")[1].partition(" ")[0]
    refused, crashed = answered(house, service, 400), answered(house, service, 500)
    head = [f"{address} HTTP/1.1", "Host: dure", f"Authorization: Bearer {house.walk.mint(who)}", f"Content-Type: {media_type}"]
    with socket.create_connection(("127.0.0.1", house.embedded.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*head, f"Content-Length: {len(part) + 1000}", "", ""]).encode() + part)
    house.walk.wait(
        "its end to be seen", lambda: answered(house, service, 400) + answered(house, service, 500) > refused + crashed
    )
    assert answered(house, service, 500) == crashed


@pytest.mark.parametrize("service", SERVICES)
def test_a_body_that_breaks_off_is_no_fault_of_ours(house: House, service: str, nothing_written: None) -> None:
    who, path = JSON_DOORS[service]
    break_off(house, who, f"POST {path}", "application/json", b'{"title": ')


def test_a_file_that_breaks_off_leaves_nothing_behind(house: House) -> None:
    dataset = house.register(people.LEE, INCOME)
    part = b"person_no,wages\n" + b"P1,1\n" * 4 * MIB
    break_off(house, people.LEE, f"PUT /catalog/datasets/{dataset}/file", "text/csv", part)
    assert [file for file in house.folder.rglob("incoming/*") if file.is_file()] == []
    assert house.get(people.LEE, f"/catalog/datasets/{dataset}")["latest_file"] == 0


NOT_JSON = {
    "cut off": b"{",
    "no JSON": b"nonsense",
    "NaN": b'{"title": NaN}',
    "infinity": b'{"title": 1e999}',
    "escaped NUL": b'{"title": "\\u0000"}',
    "NUL byte": b"\x00",
    "half a letter": b'"\\ud800"',
    "deep": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe",
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_not_json(house: House, service: str, body: bytes) -> None:
    who, path = JSON_DOORS[service]
    answer = house.send(who, "POST", path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert "#" in faults(answer, answer.status_code)


@pytest.mark.parametrize("service", SERVICES)
def test_a_nul_byte_anywhere(house: House, service: str, nothing_written: None) -> None:
    who, path = JSON_DOORS[service]
    for address in (f"{path}/%00", f"{path}?status=%00", f"{path}?cursor=a%00", f"/{service}/audit?actor=%00"):
        answer = house.send(who, "GET", address)
        assert 400 <= answer.status_code < 500, address
        problem(answer, answer.status_code)
    whole = {"title": "a\x00b", "reason": "a\x00b", "url": "https://example.org/\x00"}
    problem(house.send(who, "POST", path, json=whole), 400)


HEADER_FAULTS: dict[str, tuple[str | bytes, str]] = {
    "a column that is not in the table": ("person_no,wages,name\nP1,1,x\n", "header-unknown-column"),
    "a column is missing": ("person_no\nP1\n", "header-missing-column"),
    "another name": ("person_no,income\nP1,1\n", "header-missing-column"),
    "a name twice": ("person_no,wages,wages\nP1,1,1\n", "header-duplicate"),
    "no header": ("P1,1\nP2,2\n", "header-missing-column"),
    "nothing": ("", "empty-file"),
    "only a header": ("person_no,wages\n", "no-rows"),
    "10,000 columns": (",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join("1" * 10_000) + "\n", "too-many-columns"),
    "a NUL byte": ("person_no,wages\nP1,1\x00\n", "nul-byte"),
    "no number": (f"person_no,wages\nP1,1\n{SECRET},much\n", "not-a-number"),
    "a quote left open": ('person_no,wages\n"P1,1\n', "unclosed-quote"),
    "a compressed archive": (b"\x50\x4b\x03\x04\xff\xfe\xfd", "zip-archive"),
    "no text": (b"person_no,wages\nP1,\xfd\xfe\xff\n", "not-utf8"),
}


@pytest.mark.parametrize("name", HEADER_FAULTS)
def test_a_file_that_does_not_fit(house: House, name: str) -> None:
    content, code = HEADER_FAULTS[name]
    dataset = house.register(people.LEE, INCOME)
    answer = house.upload(people.LEE, dataset, content)
    if answer.status_code >= 400:
        assert code in troubled.as_json(problem(answer, answer.status_code)) or "empty" in answer.text
        return
    report = house.checked(people.LEE, dataset)
    assert report["state"] == "failed"
    assert code in {error["code"] for error in report["errors"]}
    assert all(error["detail"]["ko"] and error["detail"]["en"] for error in report["errors"])
    assert SECRET not in troubled.as_json(report) + troubled.everything_said(house)
    shown = house.get(people.LEE, f"/catalog/datasets/{dataset}")
    assert (shown["state"], shown["version"], shown["rows"]) == ("rejected", None, None)
    assert problem(house.send(people.KIM, "GET", f"/catalog/datasets/{dataset}"), 404)["detail"], "nobody else sees it"
    assert house.upload(people.LEE, dataset, INCOME_CSV).status_code == 202
    assert house.checked(people.LEE, dataset)["state"] == "passed", "the next file is taken"


def test_a_bad_cell_is_named_by_line_and_column(house: House) -> None:
    dataset = house.register(people.LEE, INCOME)
    house.upload(people.LEE, dataset, f"person_no,wages\nP1,1\n{SECRET},much\nP3,\n,4\n")
    found = [(error["line"], error["column"], error["code"]) for error in house.checked(people.LEE, dataset)["errors"]]
    assert found == [(3, "wages", "not-a-number"), (5, "person_no", "missing-value")]


def test_a_file_that_is_no_table(house: House) -> None:
    dataset = house.register(people.LEE, INCOME)
    house.upload(people.LEE, dataset, b"this is no Parquet", "application/vnd.apache.parquet")
    assert {error["code"] for error in house.checked(people.LEE, dataset)["errors"]} == {"text-file"}
    problem(house.upload(people.LEE, dataset, "{}", "application/json"), 415)
    wrong = {"Content-Type": "text/csv", "Repr-Digest": f"sha-256=:{base64.b64encode(b'0' * 32).decode()}:"}
    answer = house.send(people.LEE, "PUT", f"/catalog/datasets/{dataset}/file", content=INCOME_CSV, headers=wrong)
    assert 400 <= answer.status_code < 500
    assert house.get(people.LEE, f"/catalog/datasets/{dataset}")["latest_file"] == 1


def test_a_table_of_ten_thousand_columns(house: House, nothing_written: None) -> None:
    columns = [{"name": f"c{n}", "type": "number"} for n in range(10_000)]
    answer = house.send(people.LEE, "POST", "/catalog/datasets", json=troubled.described("Wide", *columns))
    assert answer.status_code in (413, 422)
    document = problem(answer, answer.status_code)
    assert len(answer.content) < 100_000
    assert "#/table" in troubled.as_json(document) or document["limit_bytes"]


def test_a_formula_in_a_text_cell_is_harmless_in_every_csv_that_leaves(house: House) -> None:
    result = house.released(house.approved())
    at = f"/results/{result['id']}"
    shown = house.get(people.LEE, f"{at}/tables/regions")
    assert FORMULA in {row[0] for row in shown["rows"]}, "as JSON it is what it is"
    why = {"reason": "Visits of the third round."}
    leaving = [
        house.send(people.LEE, "GET", f"{at}/tables/regions", headers={"Accept": "text/csv"}),
        house.send(people.LEE, "GET", f"{at}/tables/regions?format=csv"),
        house.send(people.KIM, "GET", f"{at}/restricted-list", params=why | {"format": "csv"}),
    ]
    for answer in leaving:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["x-content-type-options"] == "nosniff"
        cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
        dangerous = [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) and not re.fullmatch(r"-?\d+(\.\d+)?", cell)]
        assert dangerous == []
    assert f"'{FORMULA}" in leaving[0].text
    assert "'=소득" in leaving[2].text
    page = house.send(people.LEE, "GET", f"{at}/report")
    assert "<script" not in page.text


PRIVATE = [
    "http://127.0.0.1/hook", "https://127.0.0.1/hook", "https://localhost/hook", "https://10.1.2.3/hook", "https://192.168.0.10/",
    "https://172.16.9.1/", "https://169.254.169.254/latest/meta-data", "https://0.0.0.0/hook", "https://[::1]/hook",
    "https://[::ffff:127.0.0.1]/hook", "https://[fd00::1]/hook", "https://[fe80::1]/hook", "https://2130706433/hook",
    "https://0x7f000001/hook", "https://100.64.0.1/hook", "https://[64:ff9b::7f00:1]/hook", "https://user:pass@127.0.0.1/hook",
    "ftp://127.0.0.1/hook", "file:///etc/passwd", "https://", "gopher://127.0.0.1:6379/_x", "https://127.0.0.1:0/hook",
]  # fmt: skip


def subscription(url: str) -> dict[str, Any]:
    return {"url": url, "events": ["results.result-released.v1"], "description": "Case system"}


def test_a_webhook_to_a_private_address(house: House, nothing_written: None) -> None:
    for url in PRIVATE:
        answer = house.send(people.SEO, "POST", "/results/subscriptions", json=subscription(url))
        found = faults(answer)
        assert set(found) == {"#/url"}, url
    assert house.get(people.SEO, "/results/subscriptions")["items"] == []


async def test_a_webhook_to_a_private_address_where_a_setting_allows_it(serve: Any, headers: Any) -> None:
    caller = headers("requester", "nts")
    for allowed, status in ((False, 422), (True, 201)):
        client = await serve("results", webhook_private=allowed)
        answer = await client.post("/results/subscriptions", json=subscription("http://127.0.0.1:9/hook"), headers=caller)
        assert answer.status_code == status, answer.text


def test_conventions_misused(house: House, nothing_written: None) -> None:
    assert faults(house.send(people.KIM, "GET", "/requests?limit=0")) == {"query/limit": "greater_than_equal"}
    assert faults(house.send(people.KIM, "GET", "/requests?limit=many")) == {"query/limit": "int_parsing"}
    assert faults(house.send(people.KIM, "GET", "/requests?cursor=nonsense"), 400) == {"query/cursor": "bad-cursor"}
    assert faults(house.send(people.KIM, "GET", "/requests?status=lost")) == {"query/status": "enum"}
    withdrawal, why = f"/catalog/datasets/{house.inputs['income']}/withdraw", {"reason": "Why not."}
    problem(house.send(people.LEE, "POST", withdrawal, json=why, headers={"If-Match": '"999"'}), 412)
    malformed = house.send(people.LEE, "POST", withdrawal, json=why, headers={"If-Match": "now"})
    assert faults(malformed, 400) == {"header/if-match": "bad-etag"}
    keyed = house.send(people.KIM, "POST", "/requests", json=house.asked(), headers={"Idempotency-Key": "a b"})
    assert faults(keyed, 400) == {"header/idempotency-key": "bad-key"}
    assert house.send(people.KIM, "PROPFIND", "/requests").status_code == 405
    assert house.send(people.KIM, "GET", "/nowhere/at/all").status_code == 404
    assert house.send(SECRETARY, "GET", "/catalog/../../etc/passwd").status_code == 404


def test_numbers_and_truth_values_are_not_guessed(house: House, nothing_written: None) -> None:
    analyst = Person("na.analyst", "mois", "centre-analyst", "an analyst of the centre")
    for most in (True, "5"):
        answer = house.send(analyst, "PUT", "/analysis/quotas/mohw", json={"most": most, "reason": "Why not."})
        assert faults(answer) == {"#/most": "int_type"}
    vote = {"approve": "no", "reason": "Every count is large enough."}
    assert faults(house.send(people.SHIN, "POST", f"/results/{uuid4()}/votes", json=vote)) == {"#/approve": "bool_type"}
    claim = {"worker": str(uuid4()), "methods": [method_ref()], "wait": False}
    worker = Person("another.worker", "mois", "worker", "a worker")
    assert faults(house.send(worker, "POST", "/analysis/claims", json=claim)) == {"#/wait": "float_type"}


def test_a_key_used_twice(house: House) -> None:
    key = {"Idempotency-Key": f"twice-{uuid4()}"}
    body = house.asked()
    first = house.send(people.KIM, "POST", "/requests", json=body, headers=key)
    again = house.send(people.KIM, "POST", "/requests", json=body, headers=key)
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 201, again.json()["id"])
    other = house.send(people.KIM, "POST", "/requests", json=house.asked(title="Another"), headers=key)
    assert faults(other) == {"header/idempotency-key": "key-reused"}


# Anything else


@pytest.fixture(scope="module")
def known(opened_house: House) -> dict[str, list[str]]:
    """What there is to be found, by the name of the parameter that leads to it."""
    house, inputs = opened_house, opened_house.fresh_income()  # it may well be withdrawn
    request, waiting = house.approved(inputs), house.submit(inputs)
    result, run = house.released(request), house.run(request, "succeeded")
    return {
        "dataset_id": [inputs["income"]],
        "request_id": [request, waiting],
        "run_id": [run["id"]],
        "result_id": [result["id"]],
        "subscription_id": [str(uuid4())],
        "delivery_id": [str(uuid4())],
        "event_id": [str(uuid4())],
        "code": ["nts"],
        "name": ["regions", "cases", "linked.parquet", troubled.NAME],
        "version": ["1", troubled.VERSION],
        "kind": ["table", "restricted_list"],
        "reason": ["Visits of the third round."],
        "status": ["released", "failed", "owner_review"],
        "state": ["live", "dead", "published"],
        "limit": ["1", "200"],
        "lang": ["ko", "en"],
        "format": ["json", "csv", "ndjson"],
    }


@pytest.fixture(scope="module")
def callers(opened_house: House, known: dict[str, list[str]]) -> list[str]:
    """Tokens of everybody in one, of the requester, and of a worker on a run that has ended."""
    roles = ",".join(role for role in Role if role is not Role.CENTRE_ANALYST)
    everybody = Person("everybody", "nts", roles, "who may do everything but withdraw the method")
    key = base64.b64decode((opened_house.folder / "token.key").read_text())
    attempt = Attempt(UUID(known["run_id"][0]), 2, "stock-worker", "mois")
    return [opened_house.walk.mint(everybody), opened_house.walk.mint(people.KIM), mint_token(key, attempt)]


def fuzz(url: str, service: str, known: dict[str, list[str]], tokens: list[str], bodies: dict[str, Any]) -> None:
    """Whatever comes, it is answered as the document says, and by a problem if it is refused."""
    with httpx.Client(timeout=30, trust_env=False) as http:
        document = http.get(f"{url}/{service}/openapi.json").json()

        @settings(max_examples=examples(100))
        @given(fuzzing.calls(document, known, bodies), strategies.sampled_from(tokens), strategies.sampled_from(["ko", "en"]))
        def answered(call: fuzzing.Call, token: str, language: str) -> None:
            headers = call.headers | {"Authorization": f"Bearer {token}", "Accept-Language": language}
            answer = http.request(call.verb, url + call.path, content=call.content, headers=headers)
            assert answer.status_code < 500, answer.text
            if answer.status_code >= 400:
                found = problem(answer, answer.status_code)
                assert answer.headers["content-language"] == language
                for text in (found["title"], found["detail"], *(each["detail"] for each in found.get("errors", []))):
                    assert language == "en" or re.search("[가-힣]", text), text
            assert fuzzing.undocumented(document, call, answer) == [], call.name

        answered()


@pytest.mark.hypothesis
@pytest.mark.parametrize("service", SERVICES)
def test_whatever_comes_is_answered(house: House, known: dict[str, list[str]], callers: list[str], service: str) -> None:
    dataset = known["dataset_id"][0]
    bodies = {
        "submit_request": house.asked(house.inputs | {"income": dataset}, parameters={"do": "succeed", "year": 2026}),
        "decide_dataset": {"dataset_id": dataset, "verdict": "approve", "reason": "Covered.", "conditions": [], "columns": None},
    }
    fuzz(house.embedded.url, service, known, callers, bodies)


@pytest.mark.slow
@pytest.mark.hypothesis
@pytest.mark.postgres
@pytest.mark.parametrize("service", SERVICES)
def test_whatever_comes_is_answered_on_postgresql(tmp_path: Path, service: str) -> None:
    """PostgreSQL takes fewer values than SQLite does. The service alone, with a dataset, a method and a subscription."""
    with databases(f"duretest_{uuid4().hex[:10]}") as urls, troubled.alone(tmp_path, service, urls[service]) as url:
        # Alone it hears of no member, so the body of the callers is one from the beginning.
        asyncio.run(run_in(urls[service], "INSERT INTO member (code, sequence, has_left) VALUES ('nts', 0, false)"))
        everybody = mint(tmp_path, ",".join(Role), "nts", "everybody")
        headers = {"Authorization": f"Bearer {everybody}"}
        known = {
            "code": ["nts"],
            "name": ["energy_peers"],
            "version": ["1", "1.0.0"],
            "status": ["released"],
            "limit": ["1", "200"],
        }
        with httpx.Client(timeout=30, trust_env=False) as http:
            for path, body in troubled.FIRST_DEEDS.get(service, {}).items():
                made = http.post(f"{url}{path}", json=body, headers=headers)
                assert made.status_code == 201, made.text
                known |= {name: [str(made.json().get("id", uuid4()))] for name in ("dataset_id", "subscription_id")}
        fuzz(url, service, known, [everybody], {})
