"""Whatever a request stands on is taken back, at every stop at once, in three modes: its run stops, nothing of it is released."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo import people
from deploy.demo.people import Person
from deploy.installation import SERVICES
from deploy.running import Embedded
from tests.e2e import troubled
from tests.e2e.conftest import mode, slow, started
from tests.e2e.troubled import NAME, OPS, VERSION, House, faults, problem

pytestmark = pytest.mark.heavy
ANALYST = Person("na.analyst", "mois", "centre-analyst", "an analyst of the centre")
WHY = {"reason": "A court order."}
VISITS = {"reason": "Visits of the third round."}
STOPS = ("owners", "council", "waiting", "running", "held")


@pytest.fixture(scope="module", params=[mode("embedded"), slow("rabbitmq-sqlite"), slow("rabbitmq-postgres")])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("taken-back")
    with (
        started(request.param, folder / "suite", cards, [NAME], lambda suite: troubled.host(suite, folder, seconds=600)) as suite,
        httpx.Client(timeout=30, trust_env=False) as http,
    ):
        house = troubled.opened(suite, http)
        house.walk.patience = 240
        yield house


def at_every_stop(house: House, inputs: dict[str, str]) -> dict[str, str]:
    """Requests for the same tables, one at each stop; while one runs, the next has no worker."""
    held = house.approved(inputs)
    house.result(held, "held")
    running = house.approved(inputs, do="sleep")
    house.walk.wait("the method to sleep", lambda: house.run(running, "running")["message"] == "sleep")
    waiting = house.approved(inputs)
    house.run(waiting, "prepared")
    council, owners = house.in_council(inputs), house.submit(inputs)
    assert house.decision(people.LEE, owners, inputs["income"]).status_code == 201
    return {"owners": owners, "council": council, "waiting": waiting, "running": running, "held": held}


def check_that_nothing_came_of_it(house: House, asked: dict[str, str], code: str, outcome: str = "failed") -> None:
    """The runs ended for this reason, the result is withheld, and nobody goes on with any of them."""
    for stop in ("waiting", "running"):
        assert house.run(asked[stop], outcome)["reason"]["code"] == code, stop
    withheld = house.result(asked["held"], "withheld")
    problem(house.check(people.SHIN, withheld["id"]), 409)
    assert house.send(people.LEE, "GET", f"/results/{withheld['id']}/tables/regions").status_code in (403, 404)
    problem(house.send(people.KIM, "GET", f"/results/{withheld['id']}/restricted-list", params=VISITS), 409)
    for stop in STOPS:
        assert house.ballot(people.CHOI, asked[stop]).status_code == 409, stop
        assert house.decision(people.PARK, asked[stop], house.inputs["people"]).status_code in (409, 422), stop
    for stop in ("owners", "council"):
        assert house.get(people.KIM, f"/analysis/runs?request_id={asked[stop]}")["items"] == [], stop
    check_that_the_bus_is_sound(house)


def check_that_the_bus_is_sound(house: House) -> None:
    house.settle()
    for service in SERVICES:
        assert house.get(OPS, f"/{service}/ops/inbox")["counts"].get("dead", 0) == 0, service


def stand(house: House, asked: dict[str, str], expected: dict[str, tuple[str, str | None]]) -> None:
    """Each request stands there, for that reason."""
    for stop, (status, code) in expected.items():
        shown = house.stands(asked[stop], status)
        assert code is None or shown["reason_code"] == code, (stop, shown["reason_code"])


def standing(returned: str, failed: str) -> dict[str, tuple[str, str | None]]:
    return {
        "owners": ("returned", returned),
        "council": ("returned", returned),
        "waiting": ("failed", failed),
        "running": ("failed", failed),
        "held": ("withheld", "result-withheld"),
    }


def test_a_withdrawn_dataset(house: House) -> None:
    inputs = house.fresh_income()
    asked = at_every_stop(house, inputs)
    house.withdraw_dataset(inputs["income"])
    stand(house, asked, standing("dataset-withdrawn", "dataset-withdrawn"))
    check_that_nothing_came_of_it(house, asked, "dataset-withdrawn")


def revoke(house: House, request: str, inputs: dict[str, str], who: Person = people.LEE) -> httpx.Response:
    return house.send(who, "POST", f"/requests/{request}/revocations", json={"dataset_id": inputs["income"], **WHY})


def test_a_revoked_grant(house: House) -> None:
    inputs = house.fresh_income()
    asked, other = at_every_stop(house, inputs), house.in_council(inputs)
    for request in asked.values():
        assert problem(revoke(house, request, inputs, people.PARK), 403)["right"] == "steward of nts"
        assert revoke(house, request, inputs).json()["status"] == "revoked"
        problem(revoke(house, request, inputs), 409)
    check_that_nothing_came_of_it(house, asked, "grant-revoked")
    stand(house, asked, dict.fromkeys(STOPS, ("revoked", "grant-revoked")))
    for member in troubled.COUNCIL:
        assert house.ballot(member, other).status_code == 201
    house.released(other)
    house.stands(other, "released")
    problem(revoke(house, other, inputs), 409)


def test_a_withdrawn_request(house: House) -> None:
    asked = at_every_stop(house, house.inputs)
    for request in asked.values():
        assert house.post(people.KIM, f"/requests/{request}/withdraw", WHY)["status"] == "withdrawn"
    check_that_nothing_came_of_it(house, asked, "request-withdrawn", "cancelled")
    stand(house, asked, dict.fromkeys(STOPS, ("withdrawn", "withdrawn-by-requester")))


def test_what_was_said_while_results_was_away(house: House) -> None:
    """Killed as soon as the owner had spoken, it may not have heard; when it is back it hears, before a second vote counts."""
    inputs = house.fresh_income()
    request = house.approved(inputs)
    result = house.result(request, "held")
    assert house.check(people.SHIN, result["id"]).status_code == 201
    assert revoke(house, request, inputs).json()["status"] == "revoked"
    house.suite.restart("suite" if isinstance(house.suite, Embedded) else "results")

    def back() -> bool:
        try:
            return house.send(None, "GET", "/results/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    house.walk.wait("results to be back", back)
    house.result(request, "withheld")
    problem(house.check(people.OH, result["id"]), 409)
    house.stands(request, "revoked")


def test_a_recalled_result(house: House) -> None:
    inputs = house.fresh_income()
    request = house.approved(inputs)
    result = house.released(request)
    where = f"/results/{result['id']}"
    assert house.send(people.KIM, "GET", f"{where}/restricted-list", params=VISITS).status_code == 200
    house.post(people.OH, f"{where}/recall", {"reason": "The income table held an error."})
    for who, path in ((people.LEE, "/tables/regions"), (people.KIM, "/tables/regions"), (people.KIM, "/restricted-list")):
        params = VISITS if path == "/restricted-list" else None
        gone = problem(house.send(who, "GET", f"{where}{path}", params=params), 410)
        assert "The income table held an error." in gone["detail"]
    assert house.stands(request, "recalled")["reason_code"] == "result-recalled"
    problem(revoke(house, request, inputs), 409)
    house.withdraw_dataset(inputs["income"])
    house.settle()
    house.stands(request, "recalled")
    house.result(request, "recalled")
    check_that_the_bus_is_sound(house)


def test_a_withdrawn_method(house: House) -> None:
    """The last: nothing can be asked of it any more."""
    asked = at_every_stop(house, house.inputs)
    house.post(ANALYST, f"/analysis/methods/{NAME}/{VERSION}/withdraw", WHY)
    stand(house, asked, standing("method-withdrawn", "method-withdrawn"))
    check_that_nothing_came_of_it(house, asked, "method-withdrawn")
    refused: Any = house.send(people.KIM, "POST", "/requests", json=house.asked())
    assert faults(refused) == {"#/method/version": "withdrawn-method"}
