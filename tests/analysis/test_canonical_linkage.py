"""Prepare reads keys, texts and times in their canonical form, counts what it leaves out, and orders rows by content."""

import os
import secrets
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given as having
from hypothesis import settings
from hypothesis import strategies as st

from services.analysis.prepare import forms
from services.analysis.prepare.plan import plan_linkage
from shared.canonical import Placeholder, canonical_key, canonical_text, key_rule, placeholder
from shared.contracts import Column, MethodCard, RowBalance
from shared.times import Form, canonical_time
from tests.analysis.examples import SITES_COLUMNS, SITES_TABLE, as_csv, both, card, given, inputs
from tests.analysis.linking import build, rows_of
from tests.exploring import examples

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=14)
ODD = st.lists(
    st.sampled_from(
        [
            *"0019aAzZ가힣 -.",
            "\u1100",
            "\u1161",
            "\u11a8",
            "\u200b",
            "\u00a0",
            "\u3000",
            "\ufeff",
            "－",
            "１",
            "합계",
            "n/a",
            "※",
            "ㅡ",
            "ー",
            "㈜",
            "'",
        ]
    ),
    max_size=10,
).map("".join)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        forms.add_functions(connection)
        yield connection


def ask(engine: duckdb.DuckDBPyConnection, form: str, texts: list[str]) -> list[str | None]:
    rows = engine.execute(f"SELECT {form} FROM (SELECT unnest($1) AS t)", [texts]).fetchall()
    return [row[0] for row in rows]


def python_key(text: str, domain: str) -> str:
    rule = key_rule(domain)
    key = canonical_key(text, rule)
    found = placeholder(key, rule)
    return key if found is None else "" if found is Placeholder.EMPTY else forms.PLACEHOLDER


@settings(max_examples=examples(200))
@having(st.lists(TEXTS | ODD, min_size=1, max_size=30), st.sampled_from(["facility", "person", "parcel"]))
def test_the_database_finds_the_forms_that_python_finds(engine: Any, texts: list[str], domain: str) -> None:
    assert ask(engine, forms.key_form("t", domain), texts) == [python_key(text, domain) for text in texts]
    assert ask(engine, forms.text_form("t"), texts) == [canonical_text(text) or None for text in texts]


TIMES = st.from_regex(
    r"([12]\d{3}|0000)[-./]?(0?[0-9]|1[0-9])[-./]?([0-3]?[0-9])?([T ][0-2]\d:\d\d(Z|\+09:00)?)?", fullmatch=True
)


@settings(max_examples=examples(200))
@having(st.lists(TIMES | TEXTS, min_size=1, max_size=30), st.sampled_from(["Asia/Seoul", "UTC"]))
def test_the_database_reads_the_times_that_python_reads(engine: Any, texts: list[str], zone: str) -> None:
    told = [canonical_time(text, zone, "Asia/Seoul") for text in texts]
    expected = [forms.REFUSED + each if isinstance(each, Form) else each for each in told]
    assert ask(engine, forms.time_form("t", zone, "Asia/Seoul"), texts) == expected


ANY_MATCH = {"key_domain": "facility", "base": "site"}
BUSINESS = [f"{n:03d}-{n % 90 + 10}-{n:05d}" for n in range(100, 140)]
METER_TABLE = (
    Column(name="site_no", type="string", role="key", key_domain="facility"),
    Column(name="kwh", type="integer", role="measure", unit="kWh"),
)


def linked_with(folder: Path, one: list[str], other: list[str], **more: Any) -> tuple[Path, Any]:
    sites = as_csv(SITES_TABLE, [(key, "서울", at, "x") for at, key in enumerate(one)])
    meters = as_csv(METER_TABLE, [(key, at) for at, key in enumerate(other)])
    of = (
        given("site", SITES_TABLE, SITES_COLUMNS, sites),
        given("meter", METER_TABLE, {"site_no": "site_no", "kwh": "kwh"}, meters),
    )
    return build(folder, {"site": sites, "meter": meters}, of=of, method=card(linkage=ANY_MATCH), **more)


def full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


NAMES = [f"한빛발전{n:03d}" for n in range(40)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NAMES, [unicodedata.normalize("NFD", name) for name in NAMES]),
        (BUSINESS, [key.replace("-", "") for key in BUSINESS]),
        (BUSINESS, [key.replace("-", "–") for key in BUSINESS]),
        (BUSINESS, [key.replace("-", "ㅡ") for key in BUSINESS]),
        (BUSINESS, [full_width(key) for key in BUSINESS]),
        (BUSINESS, [key.replace("-", ".") for key in BUSINESS]),
        (NAMES, [f"\u00a0{name}\u3000" for name in NAMES]),
        (NAMES, [f"\ufeff{name[:2]}\u200b{name[2:]}" for name in NAMES]),
        (NAMES, [f"{name[:4]} {name[4:]}" for name in NAMES]),
    ],
    ids=["nfd", "hyphens", "en dash", "vowel eu", "full width", "dots", "blanks around", "zero width", "blank inside"],
)
def test_every_spelling_of_a_key_is_linked(tmp_path: Path, one: list[str], other: list[str]) -> None:
    path, linked = linked_with(tmp_path, one, other)
    assert linked.match_rates == {"meter": 1.0}
    assert all(row["site__area"] == row["meter__kwh"] for row in rows_of(path))


@pytest.mark.parametrize(
    ("one", "other"), [("fac001", "FAC001"), ("00123", "123"), ("12-3", "1-23")], ids=["case", "zeros", "parts"]
)
def test_what_cannot_be_decided_is_not_guessed(tmp_path: Path, one: str, other: str) -> None:
    _, linked = linked_with(tmp_path, [one, "가-1"], [other, "가-1"])
    assert linked.match_rates == {"meter": 0.5}


@pytest.mark.parametrize("word", ["-", "0000000000", "해당없음", "N/A", "합계", "※ 자료: 통계청", "***"])
def test_a_placeholder_links_with_nothing_and_is_counted(tmp_path: Path, word: str) -> None:
    _, linked = linked_with(tmp_path, [*NAMES[:10], word, " "], [*NAMES[:10], word, ""])
    assert linked.match_rates == {"meter": 0.833333}
    assert linked.balance["site"] == RowBalance(read=12, dropped={"placeholder-key": 1, "no-key": 1}, linked=10, used=10)
    assert linked.balance["meter"] == RowBalance(read=12, dropped={"placeholder-key": 1, "no-key": 1}, linked=10, used=10)
    assert linked.keys_dropped == {"site": 2, "meter": 2}


def test_the_balance_tells_what_found_no_partner(tmp_path: Path) -> None:
    _, linked = linked_with(tmp_path, NAMES[:30], NAMES[20:])
    assert linked.balance == {"site": RowBalance(read=30, linked=10, used=30), "meter": RowBalance(read=20, linked=10, used=10)}


def site(folder: Path, table: tuple[Column, ...], cells: list[tuple[Any, ...]], **more: Any) -> list[dict[str, Any]]:
    """The bundle of one input: site, region, area."""
    data = as_csv(table, cells)
    of = (given("site", table, {each.name if each.name != "site" else "site_no": each.name for each in table}, data),)
    return rows_of(build(folder, {"site": data}, of=of, method=alone(), **more)[0])


def alone(**changes: Any) -> MethodCard:
    made = card(linkage=ANY_MATCH)
    return made.model_copy(update={"inputs": made.inputs[:1], **changes})


def test_a_category_is_one_text_for_every_method(tmp_path: Path) -> None:
    spelled = [
        "서울",
        unicodedata.normalize("NFD", "서울"),
        "서울\u00a0",
        " 서울",
        "서울\u200b",
        "\u3000서울",
        "\ufeff서울",
        "부산 ",
        "\u200b",
        " ",
    ]
    rows = site(tmp_path, SITES_TABLE[:2], [(f"가-{at:04d}", text) for at, text in enumerate(spelled)])
    assert sorted(str(row["site__region"]) for row in rows) == ["None", "None", "부산", *["서울"] * 7]


def test_a_declared_word_for_missing_is_null(tmp_path: Path) -> None:
    table = (
        SITES_TABLE[0].model_copy(update={"missing": ("없는번호",)}),
        SITES_TABLE[1].model_copy(update={"missing": ("-", "해당없음")}),
        SITES_TABLE[2].model_copy(update={"missing": ("-",)}),
    )
    cells = [("가-1", "－", "-"), ("가-2", " 해당없음", "1.5"), ("가-3", "서울", ""), ("없는번호", "서울", "1")]
    assert len(site(tmp_path, SITES_TABLE[:2], [each[:2] for each in cells])) == 4
    rows = site(tmp_path, table, cells)
    assert sorted((row["site__region"] or "", row["site__area"] or 0) for row in rows) == [("", 0), ("", 1.5), ("서울", 0)]


MONTHLY = (
    Column(name="site", type="string", role="key", key_domain="facility"),
    Column(name="period", type="string", role="attribute"),
    Column(name="amount", type="number", role="measure"),
)


def monthly_card() -> MethodCard:
    def role(name: str) -> dict[str, Any]:
        key = {"name": "site", "type": "string", "role": "key", "key_domain": "facility"}
        period = {"name": "period", "type": "string", "temporal": True}
        columns = [key, period, {"name": "amount", "type": "number"}]
        return {"name": name, "title": both("월별"), "keyed_by": ["period"], "columns": columns, "required": name == "site"}

    return MethodCard.model_validate(card().model_dump() | {"inputs": [role("site"), role("meter")], "linkage": ANY_MATCH})


def monthly(
    folder: Path, one: list[str], other: list[str] | None = None, zones: tuple[str | None, str | None] = (None, None), **more: Any
) -> Any:
    files, of = {}, []
    for role, periods, zone in zip(("site", "meter"), (one, other), zones, strict=True):
        if periods is None:
            continue
        table = (MONTHLY[0], MONTHLY[1].model_copy(update={"time_zone": zone}), MONTHLY[2])
        files[role] = as_csv(table, [("가-0001", period, at) for at, period in enumerate(periods)])
        of.append(given(role, table, {each.name: each.name for each in table}, files[role]))
    return build(folder, files, of=tuple(of), method=monthly_card(), **more)


MONTHS = [f"2022-{month:02d}" for month in range(1, 13)]


@pytest.mark.parametrize(
    "spelled",
    [
        [f"2022.{month:02d}" for month in range(1, 13)],
        [f"2022{month:02d}" for month in range(1, 13)],
        [f"2022-{month}" for month in range(1, 13)],
        [f"2022년 {month}월" for month in range(1, 13)],
        [f"{month} " for month in MONTHS],
        [f"2022/{month}" for month in range(1, 13)],
        [f"2022. {month}." for month in range(1, 13)],
        [f"2022-{month:02d}-01" for month in range(1, 13)],
        [f"2022{month:02d}01" for month in range(1, 13)],
        [f"2022-{month:02d}-01 00:00:00" for month in range(1, 13)],
    ],
)
def test_a_month_is_one_month_in_both_inputs(tmp_path: Path, spelled: list[str]) -> None:
    for one, other in ((MONTHS, spelled), (spelled, MONTHS)):
        path, linked = monthly(tmp_path, one, other)
        assert linked.match_rates == {"meter": 1.0}
        assert all(row["site__amount"] == row["meter__amount"] for row in rows_of(path))
        assert {row["site__period"] for row in rows_of(path)} == set(MONTHS)


@pytest.mark.parametrize(
    ("periods", "code", "words"),
    [
        ([*MONTHS[:9], "44562", "44593", "44621"], "time-unreadable", "25% of the values of the column period of the input site"),
        ([*MONTHS[:11], "2022-13"], "time-unreadable", "days or times that do not exist 8%"),
        ([*MONTHS[:6], "22.07", "22.08"], "time-unreadable", "years of two digits 25%"),
        ([*MONTHS[:6], "2022-07-01", "2022"], "time-mixed", "mixes years and months and days"),
        ([*MONTHS, "2022.3"], "key-not-unique", "more than one row for some key and period"),
        (["2022-01-07", "2022-01-07T00:00:00"], "key-not-unique", "more than one row"),
        (["2022-01-01T09:00:00+09:00", "2022-01-01T00:00:00Z"], "key-not-unique", "more than one row"),
    ],
)
def test_times_that_are_not_read_right_are_refused_by_column_share_and_form(
    tmp_path: Path, periods: list[str], code: str, words: str
) -> None:
    with pytest.raises(Exception) as caught:
        monthly(tmp_path, periods)
    assert getattr(caught.value, "code", None) == code
    detail = str(vars(caught.value)["detail"])
    assert words in detail
    assert not any(period in detail for period in periods if period not in ("2022", "2022-03", "2022-01"))


def test_a_row_without_its_time_is_counted(tmp_path: Path) -> None:
    _, linked = monthly(tmp_path, [*MONTHS, "", " "])
    assert linked.balance == {"site": RowBalance(read=14, dropped={"incomplete-key": 2}, linked=12, used=12)}


def test_inputs_of_other_lengths_of_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught:
        monthly(tmp_path, MONTHS, ["2022-01-15", "2022-02-15"])
    told = vars(caught.value)
    assert told["code"] == "time-mixed"
    assert "period holds months in the input site and days in the input meter" in told["detail"]


def test_times_of_two_zones_are_the_same_instants(tmp_path: Path) -> None:
    korean, world = [f"2022-01-0{day} 09:00" for day in range(1, 8)], [f"2022-01-0{day}T00:00" for day in range(1, 8)]
    _, linked = monthly(tmp_path, korean, world, (None, "UTC"))
    assert linked.match_rates == {"meter": 1.0}
    assert monthly(tmp_path, korean, world)[1].match_rates == {"meter": 0.0}


PARQUET_TIMES = """
import sys
from pathlib import Path
from services.analysis.prepare.readers import locked, quoted, source, typed
from shared.contracts import ColumnType
folder, cell = Path(sys.argv[1]), typed(quoted("at"), ColumnType.DATETIME)
with locked(folder) as base:
    for name, kind in (("at.parquet", "application/vnd.apache.parquet"), ("at.csv", "text/csv")):
        function, parameters = source(folder / name, kind, "role")
        print(base.execute(f"SELECT CAST({cell} AS VARCHAR) FROM {function}", parameters).fetchall())
"""


@pytest.mark.parametrize("host", ["UTC", "Asia/Seoul", "America/New_York"])
def test_an_instant_is_the_same_whatever_the_clock_of_the_host(tmp_path: Path, host: str) -> None:
    (tmp_path / "at.csv").write_text("at\n2022-03-24T15:00:00Z\n2022-03-25 00:00:00\n2022-03-25T00:00:00+09:00\n")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        instants = (
            "SELECT unnest([TIMESTAMPTZ '2022-03-24 15:00:00+00', '2022-03-24 15:00:00+00', '2022-03-24 15:00:00+00']) AS at"
        )
        connection.execute(f"COPY ({instants}) TO '{tmp_path}/at.parquet' (FORMAT parquet)")
    command = [sys.executable, "-c", PARQUET_TIMES, str(tmp_path)]
    told = subprocess.run(command, env=os.environ | {"TZ": host}, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert told.returncode == 0, told.stderr
    assert told.stdout == f"{[('2022-03-24 15:00:00',)] * 3}\n" * 2


def contents(path: Path) -> list[tuple[Any, ...]]:
    return [tuple(value for name, value in row.items() if name != "pseudonym") for row in rows_of(path)]


def test_no_key_moves_a_row(tmp_path: Path) -> None:
    orders = []
    for _ in range(3):
        path, _ = build(tmp_path, key=secrets.token_bytes(32))
        orders.append(contents(path))
    assert orders[0] == orders[1] == orders[2]
    assert orders[0] != sorted(orders[0], key=str)


def test_no_key_moves_a_subject_of_several_rows(tmp_path: Path) -> None:
    data = as_csv(MONTHLY, [(f"가-{at % 20:04d}", MONTHS[at // 20], at * 7 % 11) for at in range(240)])
    of = (given("site", MONTHLY, {each.name: each.name for each in MONTHLY}, data),)
    orders, names = [], []
    for _ in range(3):
        path, _ = build(tmp_path, {"site": data}, of=of, method=monthly_card(), key=secrets.token_bytes(32))
        orders.append(contents(path))
        names.append([row["pseudonym"] for row in rows_of(path)])
    assert orders[0] == orders[1] == orders[2]
    for each in names:
        assert sum(one != other for one, other in zip(each, each[1:], strict=False)) == 19, "the rows of a subject are neighbours"
    # Who stands where is the same in each request, although every name is another one.
    firsts = [[each.index(name) for name in dict.fromkeys(each)] for each in names]
    assert firsts[0] == firsts[1] == firsts[2]
    assert not set(names[0]) & set(names[1])


def test_another_spelling_of_the_times_moves_no_subject(tmp_path: Path) -> None:
    cells = [(f"가-{at % 20:04d}", at // 20 + 1, at * 7 % 11) for at in range(240)]
    orders = []
    for spell in (lambda day: f"2022-01-{day:02d}", lambda day: f"2022.1.{day}", lambda day: f"2022-01-{day:02d}T09:00:00+09:00"):
        data = as_csv(MONTHLY, [(site, spell(day), amount) for site, day, amount in cells])
        of = (given("site", MONTHLY, {each.name: each.name for each in MONTHLY}, data),)
        path, _ = build(tmp_path, {"site": data}, of=of, method=monthly_card(), key=secrets.token_bytes(32))
        orders.append([row["site__amount"] for row in rows_of(path)])
    assert orders[0] == orders[1] == orders[2]


def test_a_further_key_counts_by_the_rows_that_have_it(tmp_path: Path) -> None:
    table = (*SITES_TABLE[:1], Column(name="household", type="string", role="key", key_domain="household"), SITES_TABLE[2])
    columns = [
        {"name": "site_no", "type": "string", "role": "key", "key_domain": "facility"},
        {"name": "household", "type": "string", "role": "key", "key_domain": "household"},
        {"name": "area", "type": "number"},
    ]
    method = MethodCard.model_validate(
        card().model_dump() | {"inputs": [{"name": "site", "title": both("시설"), "columns": columns}], "linkage": ANY_MATCH}
    )
    data = as_csv(table, [(f"가-{at:04d}", f"나-{at % 13}", at % 5) for at in range(120)])
    of = (given("site", table, {"site_no": "site", "household": "household", "area": "area"}, data),)
    orders, groups = [], []
    for _ in range(3):
        path, _ = build(tmp_path, {"site": data}, of=of, method=method, key=secrets.token_bytes(32))
        rows = rows_of(path)
        orders.append([row["site__area"] for row in rows])
        known = {name: at for at, name in enumerate(dict.fromkeys(row["site__household"] for row in rows))}
        groups.append([known[row["site__household"]] for row in rows])
    assert orders[0] == orders[1] == orders[2]
    assert groups[0] == groups[1] == groups[2]


def test_the_floor_of_the_centre_holds_where_a_card_gives_no_reason(tmp_path: Path) -> None:
    reason = card(linkage=ANY_MATCH | {"floor_reason": both("드문 사례")})
    assert plan_linkage(card(linkage=ANY_MATCH), inputs(), least_floor=0.05).match_floor == 0.05
    assert plan_linkage(card(), inputs(), least_floor=0.05).match_floor == 0.5
    assert plan_linkage(reason, inputs(), least_floor=0.05).match_floor == 0.0
