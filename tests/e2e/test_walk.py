"""One ministry's request becomes a published result, in three modes; then again while every program is killed once."""

import asyncio
import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import people
from deploy.demo.people import Person
from deploy.demo.walk import Walk
from deploy.installation import SERVICES
from deploy.running import Embedded, Separate
from deploy.verify_audit import open_database
from shared.audit_verify import Report, verify
from shared.keys import MacKey, SigningKey, VerifyKey
from tests.e2e.conftest import mode, slow

OPS = Person("ops.person", "mois", "ops", "the operators")
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


def check_everything(walk: Walk, suite: Embedded | Separate) -> None:
    """What must be true after every walk, in every mode."""
    check_the_result(walk)
    check_one_of_each(walk)
    check_the_bus(walk)
    check_the_audit(walk, suite)


def check_the_result(walk: Walk) -> None:
    shown = walk.call(people.LEE, "GET", "results", f"/{walk.result_id}").json()
    assert shown["status"] == "released"
    assert {output["name"] for output in shown["withheld"]} == {"coverage_by_area"}
    assert len(shown["tables"]) == 9
    for table in shown["tables"]:
        content = walk.call(people.LEE, "GET", "results", f"/{walk.result_id}/tables/{table['name']}").json()
        counts = [at for at, column in enumerate(content["columns"]) if column["kind"] == "count"]
        assert all(row[at] >= 10 for row in content["rows"] for at in counts)
    assert "coverage_by_area" not in json.dumps([table["name"] for table in shown["tables"]])
    why = {"reason": "Visits of the third round."}
    listed = walk.call(people.KIM, "GET", "results", f"/{walk.result_id}/restricted-list", params=why).text
    rows = [json.loads(line) for line in listed.splitlines()]
    assert rows
    assert all(len(row["pseudonym"]) == 64 and row["reasons"] for row in rows)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    ours = {
        line.split(",", 1)[0] for line in (Path(__file__).parents[2] / "deploy/demo/household.csv").read_text().splitlines()[1:]
    }
    assert not any(number in listed for number in ours)
    for lang, title in (("ko", "복지 사각지대"), ("en", "Welfare blind spots")):
        page = walk.report(lang)
        assert title in page
        assert "<svg" in page
        assert "<script" not in page


def check_one_of_each(walk: Walk) -> None:
    """Whatever was killed or sent twice, there is one request, one run, one result, and the receiver heard one event."""
    runs = walk.call(people.KIM, "GET", "analysis", "/runs").json()["items"]
    results = walk.call(people.KIM, "GET", "results", "").json()["items"]
    requests = walk.call(people.KIM, "GET", "requests", "").json()["items"]
    assert [len(runs), len(results), len(requests)] == [1, 1, 1]
    assert runs[0]["status"] == "succeeded"
    assert len(walk.receiver.events(walk.secret)) == 1
    history = walk.call(people.KIM, "GET", "requests", f"/{walk.request_id}/history").json()
    deeds = history["items"] if isinstance(history, dict) else history
    reached = [entry["to_status"] for entry in deeds]
    assert reached[-1] == "released"
    assert reached.count("approved") >= 1


def check_the_bus(walk: Walk) -> None:
    """Nothing is left unsent, unread or given up."""
    for service in SERVICES:
        drained = lambda service=service: walk.call(OPS, "GET", service, "/ops/outbox").json()["counts"]["unsent"] == 0  # noqa: E731
        walk.wait(f"the outbox of {service}", drained)
        counts = walk.call(OPS, "GET", service, "/ops/inbox").json()["counts"]
        assert counts.get("dead", 0) == 0, (service, counts)


def check_the_audit(walk: Walk, suite: Embedded | Separate) -> None:
    rows = walk.call(people.MOON, "GET", "results", "/audit?outcome=read").json()["items"]
    assert {row["actor"] for row in rows} >= {people.KIM.subject}
    refused: list[dict[str, Any]] = walk.call(people.MOON, "GET", "requests", "/audit?outcome=refused&limit=200").json()["items"]
    assert any(row["actor"] == people.PARK.subject and "right" in row["detail"] for row in refused)
    key = SigningKey.load(suite.folder / "audit.pem").verify_key
    for service in SERVICES:
        checkpoint = partial(walk.call, people.MOON, "GET", service, "/audit/checkpoint")
        walk.wait(f"the seal of {service}", checkpoint)
        url = suite.databases[service] if isinstance(suite, Separate) else f"sqlite+aiosqlite:///{suite.folder}/{service}.db"
        report = asyncio.run(verify_url(service, url, key, MacKey.load(suite.folder / "audit.mac")))
        assert (report.broken, report.findings) == (None, [])
        assert report.sealed > 0


async def verify_url(service: str, url: str, key: VerifyKey, mac_key: MacKey) -> Report:
    db = open_database(service, url)
    try:
        return await verify(db, key, mac_key=mac_key)
    finally:
        await db.close()


@pytest.mark.parametrize("suite", [mode("embedded"), slow("rabbitmq-sqlite"), mode("rabbitmq-postgres")], indirect=True)
def test_the_walk(walk: Walk, suite: Embedded | Separate) -> None:
    walk.run()
    check_everything(walk, suite)


# Stop of the walk -> what is killed while it runs: in the embedded mode, with four processes.
KILLED = {0: ("suite", "catalog"), 3: ("suite", "requests"), 5: ("worker", "worker"), 6: ("suite", "results")}


@pytest.mark.parametrize("suite", [slow("embedded"), slow("rabbitmq-sqlite"), slow("rabbitmq-postgres")], indirect=True)
def test_the_walk_while_every_program_is_killed_once(
    walk: Walk, suite: Embedded | Separate, disturb: Callable[[str, str], None]
) -> None:
    for number, (title, stop) in enumerate(walk.stops()):
        walk.tell(f"[{number}] {title}")
        timers = [threading.Timer(0.3, disturb, KILLED[number])] if number in KILLED else []
        if number == 5:
            timers.append(threading.Timer(1.5, disturb, ("suite", "analysis")))
        for timer in timers:
            timer.start()
        stop()
        for timer in timers:
            timer.join()
    check_everything(walk, suite)
