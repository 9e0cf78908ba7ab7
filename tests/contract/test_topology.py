"""Who may say and hear what over the broker: the topology is what the consumers handle."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from deploy import topology as deployed
from shared.contracts import Event
from shared.contracts.base import SOURCES
from shared.topology import LISTENERS, Topology, producer

TOPOLOGY = Topology()


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(deployed.FILE.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("service", SOURCES)
def test_the_topology_binds_what_the_consumers_handle(service: str) -> None:
    assert deployed.consumed(service) == LISTENERS[service]


def test_a_difference_is_a_sentence() -> None:
    changed = LISTENERS | {"requests": LISTENERS["requests"] - {"analysis.method-live.v1"} | {"requests.request-approved.v1"}}
    assert deployed.differences(Topology(listeners=changed)) == [
        "requests handles analysis.method-live.v1, but shared/topology.py does not bind it",
        "shared/topology.py binds requests.request-approved.v1 for requests, which does not handle it",
    ]


def test_only_known_events_of_others_are_heard() -> None:
    for service, types in LISTENERS.items():
        assert types <= set(Event.types)
        assert service not in {producer(type) for type in types}, "a service need not be told what it said itself"


@pytest.mark.parametrize("withdrawn", [name for name, event in Event.types.items() if event.withdrawal])
def test_withdrawals_are_heard_by_whoever_could_go_on_without_knowing(withdrawn: str) -> None:
    concerned = {"requests", "analysis", "results"} - {producer(withdrawn)}
    assert {service for service, types in LISTENERS.items() if withdrawn in types} >= concerned


def test_every_binding_joins_what_exists(stored: dict[str, Any]) -> None:
    exchanges, queues = ({one["name"] for one in stored[kind]} for kind in ("exchanges", "queues"))
    for binding in stored["bindings"]:
        assert binding["source"] in exchanges
        assert binding["destination"] in queues


def test_queues_are_quorum_queues_that_lose_nothing(stored: dict[str, Any]) -> None:
    for queue in stored["queues"]:
        assert queue["durable"]
        assert queue["arguments"]["x-queue-type"] == "quorum"
        assert queue["arguments"]["x-delivery-limit"] >= 20
        if queue["name"].endswith(".events"):
            dead = queue["name"].replace(".events", ".dead")
            assert queue["arguments"]["x-dead-letter-exchange"] == dead
            assert queue["arguments"]["x-dead-letter-strategy"] == "at-least-once"
            assert queue["arguments"]["x-overflow"] == "reject-publish"
            assert [dead, queue["name"]] in [
                [one["destination"], one["routing_key"]] for one in stored["bindings"] if one["source"] == dead
            ], "dead letters have somewhere to go"


@pytest.mark.parametrize("service", SOURCES)
def test_a_service_writes_only_under_its_own_names(service: str) -> None:
    (rights,) = [rights for rights in TOPOLOGY.rights() if rights.service == service]
    own = {TOPOLOGY.exchange(service), TOPOLOGY.queue(service), TOPOLOGY.dead(service)}
    everything = (
        {one.name for one in TOPOLOGY.exchanges()} | {one.name for one in TOPOLOGY.queues()} | {"amq.default", "amq.topic", ""}
    )
    assert {name for name in everything if re.search(rights.write, name)} == own
    assert {name for name in everything if re.search(rights.configure, name)} == own
    heard = {TOPOLOGY.exchange(producer(type)) for type in LISTENERS[service]}
    assert {name for name in everything if re.search(rights.read, name)} == own | heard


@pytest.mark.parametrize("service", SOURCES)
def test_a_service_says_only_its_own_events(service: str, stored: dict[str, Any]) -> None:
    (topics,) = [one for one in stored["topic_permissions"] if one["user"] == service]
    sayable = {name for name in Event.types if re.search(topics["write"], name)}
    assert topics["exchange"] == TOPOLOGY.exchange(service)
    assert sayable == {name for name, event in Event.types.items() if event.producer() == service}


def test_nobody_can_log_in_with_the_stored_file(stored: dict[str, Any]) -> None:
    assert {user["name"]: user["password_hash"] for user in stored["users"]} == dict.fromkeys(SOURCES, "")
    assert all(user["tags"] == "" for user in stored["users"])


def test_passwords_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for service in SOURCES:
        monkeypatch.setenv(f"BROKER_PASSWORD_{service.upper()}", f"a long password of {service}")
    assert deployed.main(["--with-passwords"]) == 0
    printed = json.loads(capsys.readouterr().out)
    for user in printed["users"]:
        salted = base64.b64decode(user["password_hash"])
        assert salted[4:] == hashlib.sha256(salted[:4] + f"a long password of {user['name']}".encode()).digest()
        user["password_hash"] = ""
    assert printed == deployed.definitions(TOPOLOGY)


def test_a_short_or_missing_password_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in SOURCES:
        monkeypatch.setenv(f"BROKER_PASSWORD_{service.upper()}", "long enough to be taken")
    monkeypatch.setenv("BROKER_PASSWORD_RESULTS", "short")
    monkeypatch.delenv("BROKER_PASSWORD_CATALOG")
    with pytest.raises(SystemExit, match="Set BROKER_PASSWORD_CATALOG, BROKER_PASSWORD_RESULTS"):
        deployed.main(["--with-passwords"])


def test_names_stand_under_the_prefix() -> None:
    other = Topology("test-7")
    names = [*(one.name for one in other.exchanges()), *(one.name for one in other.queues())]
    assert all(name.startswith("test-7.") for name in names)
