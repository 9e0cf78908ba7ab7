"""What became of the rows: told in every run, rounded outside of the centre, and an alarm where much was lost."""

import pytest

from services.analysis.policy import check_card, linkage_alarms
from services.analysis.rules import rules
from shared.contracts import MethodCard, RowBalance, RunFinished
from shared.errors import Unprocessable
from tests.analysis.centre import Centre
from tests.analysis.examples import (
    CSV,
    METER_TABLE,
    METERS,
    SITES,
    SITES_COLUMNS,
    SITES_TABLE,
    approved,
    as_csv,
    both,
    card,
    given,
)


async def finished_with(centre: Centre, sites: bytes, meters: bytes) -> RunFinished:
    await centre.storage.put_bytes(sites, CSV)
    await centre.storage.put_bytes(meters, CSV)
    of = (
        given("site", SITES_TABLE, SITES_COLUMNS, sites),
        given("meter", METER_TABLE, {"site_no": "site_no", "kwh": "kwh"}, meters),
    )
    await centre.prepared(approved(of=of))
    claim = await centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    (event,) = await centre.finished()
    return event


async def test_a_run_tells_its_balance_and_few_usable_rows_raise_an_alarm(live_centre: Centre) -> None:
    sites = as_csv(SITES_TABLE, [*SITES, *[("-", "서울", 1, "x")] * 39, *[("합계", "서울", 1, "x")] * 30])
    event = await finished_with(live_centre, sites, as_csv(METER_TABLE, METERS))
    balance = RowBalance(read=109, dropped={"placeholder-key": 69}, linked=30, used=40)
    assert event.balance["site"] == balance
    (alarm,) = event.alarms
    assert (alarm.code, alarm.feature) == ("few-rows-used", "site")
    assert alarm.title is not None
    assert "37%" in alarm.title.ko
    assert "37%" in alarm.title.en
    address = f"/analysis/runs/{event.run_id}"
    run = (await live_centre.client.get(address, headers=live_centre.headers("requester", "mohw"))).json()
    assert run["balance"]["site"] == {"read": 110, "dropped": {"placeholder-key": 70}, "unreadable": 0, "linked": 30, "used": 40}
    run = (await live_centre.client.get(address, headers=live_centre.headers("centre-analyst", "mois"))).json()
    assert run["balance"]["site"] == balance.model_dump()


@pytest.mark.parametrize(
    ("rate", "used", "codes"),
    [(0.5, 50, []), (0.49, 50, ["few-rows-linked"]), (0.0, 49, ["few-rows-linked", "few-rows-used"]), (1.0, 100, [])],
)
def test_an_alarm_begins_below_the_warning_share(rate: float, used: int, codes: list[str]) -> None:
    balance = RowBalance(read=100, dropped={"no-key": 100 - used} if used < 100 else {}, linked=used, used=used)
    alarms = list(linkage_alarms({"meter": rate}, {"site": balance}, rules()))
    assert [alarm.code for alarm in alarms] == codes
    assert all(alarm.title and alarm.title.ko and alarm.title.en for alarm in alarms)


def test_a_linking_card_has_a_floor_or_a_reason() -> None:
    least = {"key_domain": "facility", "base": "site"}
    check_card(card(linkage=least | {"match_floor": 0.05}))
    check_card(card(linkage=least | {"match_floor": 0.0, "floor_reason": both("드문 사례")}))
    check_card(card(linkage=least))
    alone: MethodCard = card(linkage=least | {"match_floor": 0.0})
    check_card(alone.model_copy(update={"inputs": alone.inputs[:1]}))
    with pytest.raises(Unprocessable) as caught:
        check_card(card(linkage=least | {"match_floor": 0.04}))
    assert [(error.pointer, error.code) for error in caught.value.errors] == [("#/card/linkage/match_floor", "floor-too-low")]


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11])
def test_no_rounded_count_tells_of_fewer_than_ten_rows(rows: int) -> None:
    found = RowBalance(read=rows, dropped={"no-key": rows}, unreadable=rows, linked=rows, used=rows).rounded()
    assert {found.read, found.dropped["no-key"], found.unreadable, found.linked, found.used} == {-(-rows // 10) * 10}
