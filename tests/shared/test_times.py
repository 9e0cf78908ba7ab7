"""The strict reader of times, held against Python's own datetime, zoneinfo and dateutil."""
# ruff: noqa: DTZ001  A wall clock has no zone.

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from dateutil import parser
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.times import Form, Precision, Reading, is_zone, one_length, read_time, refusal
from tests.exploring import examples

DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 30))
MONTHS = st.dates(date(1800, 1, 1), date(2200, 12, 31))
OF_DAYS = [
    "%Y-%m-%d",
    "%Y.%m.%d",
    "%Y.%m.%d.",
    "%Y/%m/%d",
    "%Y%m%d",
    "%Y년 %m월 %d일",
    "%Y년%m월%d일",
    "%Y. %m. %d.",
    " %Y-%m-%d ",
    "%Y–%m–%d",
    "%Y-%-m-%-d",
    "%Y.%-m.%-d",
    "%Y. %-m. %-d.",
    "%Y년 %-m월 %-d일",
    "%Y/%-m/%-d",
]
OF_MONTHS = ["%Y-%m", "%Y.%m", "%Y.%m.", "%Y/%m", "%Y%m", "%Y년 %m월", "%Y-%-m", "%Y.%-m.", "%Y년 %-m월", "%Y%m.0"]
CLOCKS = ["T%H:%M:%S", " %H:%M:%S", "T%H:%M:%S.%f", "T%H%M%S", "  %H:%M:%S"]
OFFSETS = st.integers(-14 * 60, 14 * 60)


def full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


@given(DAYS, st.sampled_from(OF_DAYS), st.booleans())
@settings(max_examples=examples(400))
def test_a_day_is_read_however_it_is_written(day: date, form: str, wide: bool) -> None:
    text = day.strftime(form)
    assert read_time(full_width(text) if wide else text) == Reading(datetime(day.year, day.month, day.day), Precision.DAY)


@given(MONTHS, st.sampled_from(OF_MONTHS))
@settings(max_examples=examples(300))
def test_a_month_is_read_however_it_is_written(day: date, form: str) -> None:
    assert read_time(day.strftime(form)) == Reading(datetime(day.year, day.month, 1), Precision.MONTH)


@given(st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)), st.sampled_from(OF_DAYS), st.sampled_from(CLOCKS))
@settings(max_examples=examples(300))
def test_a_time_of_day_without_an_offset_is_the_wall_clock(moment: datetime, day: str, clock: str) -> None:
    expected = moment if "%f" in clock else moment.replace(microsecond=0)
    assert read_time(moment.strftime(day).strip() + moment.strftime(clock)) == Reading(expected, Precision.TIME)


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2100, 12, 30)).map(lambda at: at.replace(microsecond=0)),
    OFFSETS,
    st.sampled_from(["Asia/Seoul", "UTC", "Europe/Berlin", "America/New_York"]),
)
@settings(max_examples=examples(300))
def test_an_offset_is_honoured_in_any_zone(moment: datetime, minutes: int, zone: str) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = aware.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert read_time(aware.isoformat(), zone) == Reading(expected, Precision.TIME)
    assert read_time(aware.strftime("%Y-%m-%d %H:%M:%S %z"), zone) == Reading(expected, Precision.TIME)
    utc = aware.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    assert read_time(utc, zone) == Reading(expected, Precision.TIME)


def test_what_dateutil_reads_of_iso_8601_is_read_alike() -> None:
    for text in ("2022-03-25", "2022-03-25T09:00", "2022-03-25T09:00:30.5", "20220325T0900", "2022-03-25T24:00"):
        found = read_time(text)
        assert isinstance(found, Reading)
        assert found.moment == parser.isoparse(text)


def test_one_instant_is_one_reading() -> None:
    spelled = [
        "2022-01-01T09:00:00+09:00",
        "2022-01-01T00:00:00Z",
        "2022-01-01 09:00",
        "2021-12-31T19:00:00-05:00",
        "202201010900",
        "2022.1.1 9:00",
    ]
    assert {read_time(text) for text in spelled} == {Reading(datetime(2022, 1, 1, 9), Precision.TIME)}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("44562", Form.EXCEL_DAY),
        ("44562.5", Form.EXCEL_DAY),
        ("22.03.25", Form.TWO_DIGIT_YEAR),
        ("22-03-25", Form.TWO_DIGIT_YEAR),
        ("'22.3", Form.TWO_DIGIT_YEAR),
        ("22년 3월", Form.TWO_DIGIT_YEAR),
        ("220325", Form.TWO_DIGIT_YEAR),
        ("191231", Form.TWO_DIGIT_YEAR),
        ("25/03/2022", Form.YEAR_LAST),
        ("3/4/2022", Form.YEAR_LAST),
        ("2022-02-30", Form.NO_SUCH_TIME),
        ("2022-13", Form.NO_SUCH_TIME),
        ("20220230", Form.NO_SUCH_TIME),
        ("2022-00-01", Form.NO_SUCH_TIME),
        ("0000-00-00", Form.NO_SUCH_TIME),
        ("2022-03-25T25:00", Form.NO_SUCH_TIME),
        ("2022-03-25T09:60", Form.NO_SUCH_TIME),
        ("2022-03-25T09:00+15:00", Form.NO_SUCH_TIME),
        ("2022-03-25 오전 9:00", Form.HALF_DAY),
        ("2022-03-25 9:00 PM", Form.HALF_DAY),
        ("2022Q1", Form.QUARTER),
        ("2022년 1분기", Form.QUARTER),
        ("2022-W12", Form.QUARTER),
        ("1648134000", Form.NUMBER),
        ("1648134000000", Form.NUMBER),
        ("2.02203E+05", Form.NUMBER),
        ("1234", Form.NUMBER),
        ("", Form.OTHER),
        ("-", Form.OTHER),
        ("미상", Form.OTHER),
        ("2022-03.25", Form.OTHER),
        ("2022-03-", Form.OTHER),
        ("2022-03-25.", Form.OTHER),
        ("2022-03-25+09:00", Form.OTHER),
        ("2022-03 09:00", Form.OTHER),
        ("2022-03-25 (금)", Form.OTHER),
        ("March 2022", Form.OTHER),
        ("2022-03-25T09:00 KST", Form.OTHER),
        ("٢٠٢٢-٠٣-٢٥", Form.OTHER),
    ],
)
def test_what_is_not_read_is_refused_by_the_class_of_its_form(text: str, form: Form) -> None:
    assert read_time(text) is form


@given(st.text(max_size=24))
@settings(max_examples=examples(500))
def test_whatever_is_read_is_written_in_one_form_that_is_read_alike(text: str) -> None:
    found = read_time(text)
    if isinstance(found, Reading):
        assert read_time(found.iso()) == found


def test_the_refusal_names_column_share_and_form_and_no_value() -> None:
    told = refusal("time", 1000, {Form.EXCEL_DAY: 250, Form.NO_SUCH_TIME: 1})
    assert "25% of the values of the column time" in told
    assert "day numbers of Excel 25%" in told
    assert "less than 1%" in told


def test_months_beside_days_are_mixed_and_days_beside_times_are_not() -> None:
    assert one_length([Precision.DAY, Precision.TIME])
    assert not one_length([Precision.DAY, Precision.MONTH])
    assert not one_length([Precision.YEAR, Precision.MONTH])


@pytest.mark.parametrize(
    ("name", "known"),
    [("Asia/Seoul", True), ("UTC", True), ("Asia/Soul", False), ("../etc/passwd", False), ("", False), ("KST+9", False)],
)
def test_a_zone_is_one_of_the_database(name: str, known: bool) -> None:
    assert is_zone(name) is known
