"""Alarms that a worker hands in: kept with the run, told when it ends, without anything in them that could be a cell."""

from typing import Any

import pytest

from services.analysis.policy import plain_alarm
from shared.contracts import Alarm
from tests.analysis.centre import Centre, Claim

LEAK = {"code": "feature-leaks-label", "detail": "It alone tells the label apart.", "feature": "meter.kwh"}
REASON = {"code": "method-refused-input", "detail": "One class only."}


async def claimed(centre: Centre) -> Claim:
    await centre.prepared()
    claim = await centre.worker().claim()
    assert claim is not None
    return claim


async def test_alarms_are_kept_and_told_when_the_run_ends(live_centre: Centre) -> None:
    claim = await claimed(live_centre)
    told = [LEAK, {"code": "model-too-good", "detail": "It ranks almost perfectly."}]
    assert (await claim.succeed(alarms=told)).status_code == 200
    (event,) = await live_centre.finished()
    assert [alarm.model_dump(exclude_none=True) for alarm in event.alarms] == told
    run = await live_centre.row(event.run_id)
    assert run.alarms == [alarm.model_dump() for alarm in event.alarms]


async def test_said_twice_the_first_word_counts(live_centre: Centre) -> None:
    claim = await claimed(live_centre)
    assert (await claim.succeed(alarms=[LEAK])).status_code == 200
    assert (await claim.finish(artefacts=[])).status_code == 200
    (event,) = await live_centre.finished()
    assert (await live_centre.row(event.run_id)).alarms == [LEAK | {"title": None}]


async def test_a_run_without_alarms_tells_none(live_centre: Centre) -> None:
    claim = await claimed(live_centre)
    await claim.succeed()
    (event,) = await live_centre.finished()
    assert event.alarms == ()


async def test_a_failed_run_has_no_result_to_hold(live_centre: Centre) -> None:
    claim = await claimed(live_centre)
    assert (await claim.finish("failed", reason=REASON, alarms=[LEAK])).status_code == 200
    (event,) = await live_centre.finished()
    assert (event.outcome, event.alarms) == ("failed", ())


def test_what_could_be_a_cell_is_cut_out() -> None:
    pseudonym = "ab" * 32
    alarm = Alarm(code="leak-900101-1234567", detail=f"{pseudonym} earns 1,234,567 in 2014.", feature="person 900101-1234567")
    told = plain_alarm(alarm)
    assert told == Alarm(code="unnamed-alarm", detail="… earns … in 2014.", feature="person …")
    assert plain_alarm(Alarm(code="feature-leaks-label", detail="x" * 4000)).detail == "x" * 1000


async def test_no_cell_is_kept_or_told(live_centre: Centre) -> None:
    claim = await claimed(live_centre)
    cell = "900101-1234567"
    alarm = {"code": f"a-{cell}", "detail": f"Household {cell} is the only one.", "feature": f"site.{cell}"}
    assert (await claim.succeed(alarms=[alarm])).status_code == 200
    (event,) = await live_centre.finished()
    assert len(event.alarms) == 1
    assert cell not in event.model_dump_json()
    assert cell not in str((await live_centre.row(event.run_id)).alarms)


@pytest.mark.parametrize(
    ("alarms", "pointer"),
    [
        ("none", "#/alarms"),
        ([LEAK] * 51, "#/alarms"),
        ([{"code": "Not A Code", "detail": "Words."}], "#/alarms/0/code"),
        ([LEAK, {"code": "model-too-good"}], "#/alarms/1/detail"),
        ([{"code": "model-too-good", "detail": " "}], "#/alarms/0/detail"),
        ([{"code": "model-too-good", "detail": "x" * 4001}], "#/alarms/0/detail"),
        ([LEAK | {"feature": "f" * 131}], "#/alarms/0/feature"),
    ],
)
async def test_a_bad_alarm_names_the_field_and_ends_nothing(live_centre: Centre, alarms: Any, pointer: str) -> None:
    claim = await claimed(live_centre)
    refused = await claim.succeed(alarms=alarms)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert await live_centre.finished() == []
    assert (await claim.succeed(alarms=[LEAK])).status_code == 200
