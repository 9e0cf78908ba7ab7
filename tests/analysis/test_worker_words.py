"""What a worker says of a run: no cell goes on, and nobody else's name is taken."""

from tests.analysis.centre import Centre

PSEUDONYM = "4f" * 32


async def test_what_a_worker_says_of_a_failure_carries_no_cell(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim
    said = f"Row {PSEUDONYM}: wages 51,234,000 and 990101-1234567, years 2012 and 2013."
    assert (await claim.beat(message=said)).status_code == 200
    assert (await live_centre.row(run_id)).message == "Row …: wages … and …, years 2012 and 2013."
    assert (await claim.finish("failed", reason={"code": "method-refused-input", "detail": said})).status_code == 200
    (event,) = await live_centre.finished()
    assert event.reason is not None
    assert event.reason.detail.startswith("Row …: wages … and …, years 2012 and 2013. ")


async def test_a_worker_cannot_speak_in_the_name_of_an_owner(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim
    reason = {"code": "dataset-withdrawn", "detail": "The owner of a dataset took it back."}
    answer = await claim.finish("failed", reason=reason)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/reason/code"
