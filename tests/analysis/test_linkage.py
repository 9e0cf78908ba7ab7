"""Prepare's data work: pseudonyms, the cut, the link, and what is refused."""

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given as having
from hypothesis import settings, strategies

from services.analysis.prepare.bundle import Builder, BuildFailed, Stopped, private_folder
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.forms import add_functions
from services.analysis.prepare.keys import pads
from services.analysis.prepare.linkage import Linked, key_name, pseudonym
from services.analysis.prepare.plan import Pick, plan_linkage
from services.analysis.prepare.readers import PARQUET, Limits, key_text, locked
from shared.canonical import key_rule, linkable_key
from shared.contracts import CardColumn, Column, MethodCard, RowBalance
from tests.analysis.examples import (
    METER_COLUMNS,
    METER_TABLE,
    METERS,
    SITES,
    SITES_COLUMNS,
    SITES_FILE,
    SITES_TABLE,
    as_csv,
    card,
    given,
    inputs,
)
from tests.analysis.linking import FILES, KEY, build, pseudonym_of, refusal, rows_of
from tests.exploring import examples


@pytest.fixture(scope="module")
def engine() -> Any:
    with duckdb.connect() as connection:
        add_functions(connection)
        yield connection


@settings(max_examples=examples(150))
@having(
    key=strategies.binary(min_size=32, max_size=32),
    text=strategies.text(strategies.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
def test_pseudonyms_equal_hmac(engine: Any, key: bytes, text: str) -> None:
    pick = Pick(
        CardColumn(name="k", type="string", role="key", key_domain="person"),
        Column(name="k", type="string", role="key", key_domain="person"),
    )
    padded = pads(key)
    values = {"outer": padded.outer, "inner0": padded.inner + b"person\0", "text": text}
    keys = f"SELECT {key_text(pick)} AS {key_name(pick)} FROM (SELECT $text AS k)"
    (found,) = engine.execute(f"SELECT {pseudonym(pick, {'person': '$inner0'})} FROM ({keys})", values).fetchone()
    canonical = linkable_key(text, key_rule("person"))
    assert found == (pseudonym_of(canonical, key, "person") if canonical else None)


def test_the_linked_table(tmp_path: Path) -> None:
    path, linked = build(tmp_path)
    rows = rows_of(path)
    whole = {"site": RowBalance(read=40, linked=30, used=40), "meter": RowBalance(read=35, linked=30, used=30)}
    assert linked == Linked(40, {"meter": 0.75}, whole)
    assert list(rows[0]) == ["pseudonym", "site__region", "site__area", "meter__kwh", "meter__read_on"]
    by_pseudonym = {row["pseudonym"]: row for row in rows}
    for number, region, area, _ in SITES:
        row = by_pseudonym.pop(pseudonym_of(number))
        assert (row["site__region"], row["site__area"]) == (region, area)
        kwh = {key: value for key, value, _ in METERS}.get(number)
        assert row["meter__kwh"] == kwh
        assert isinstance(row["meter__kwh"], float | None)
    assert not by_pseudonym


def test_no_raw_key_leaves(tmp_path: Path) -> None:
    path, _ = build(tmp_path)
    cells = {str(cell) for row in rows_of(path) for cell in row.values()}
    keys = {number for number, *_ in SITES} | {number for number, *_ in METERS}
    assert not cells & keys
    assert not any(key in cell for key in keys for cell in cells)
    assert not any(key.encode() in path.read_bytes() for key in keys)


def test_two_requests_share_no_pseudonym(tmp_path: Path) -> None:
    first = {row["pseudonym"] for row in rows_of(build(tmp_path)[0])}
    second = {row["pseudonym"] for row in rows_of(build(tmp_path, key=b"\x08" * 32)[0])}
    assert len(first) == len(second) == 40
    assert not first & second


def test_the_same_key_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = {hashlib.sha256(build(tmp_path)[0].read_bytes()).hexdigest() for _ in range(2)}
    shuffled = as_csv(SITES_TABLE, reversed(SITES))
    digests.add(hashlib.sha256(build(tmp_path, {"site": shuffled})[0].read_bytes()).hexdigest())
    assert len(digests) == 1


def test_what_was_not_approved_stays_behind(tmp_path: Path) -> None:
    of = (given("site", SITES_TABLE, {"site_no": "site", "region": "region"}, SITES_FILE), inputs()[1])
    path, _ = build(tmp_path, of=of)
    assert list(rows_of(path)[0]) == ["pseudonym", "site__region", "meter__kwh", "meter__read_on"]
    assert b"s39" not in path.read_bytes()


def test_keys_are_trimmed_and_missing_ones_dropped(tmp_path: Path) -> None:
    sites = as_csv(
        SITES_TABLE,
        [(" 가-0010\t", "서울", 1, "x"), ("", "서울", 2, "x"), ("  ", "부산", 3, "x"), ("가-0011", "부산", "", "x")],
    )
    path, linked = build(tmp_path, {"site": sites})
    assert (linked.rows, linked.match_rates, linked.keys_dropped) == (2, {"meter": 0.5}, {"site": 2, "meter": 0})
    assert {row["pseudonym"] for row in rows_of(path)} == {pseudonym_of("가-0010"), pseudonym_of("가-0011")}
    assert [row["site__area"] for row in rows_of(path) if row["pseudonym"] == pseudonym_of("가-0011")] == [None]


def test_integer_keys_match_however_they_are_written(tmp_path: Path) -> None:
    table = (Column(name="site", type="integer", role="key", key_domain="facility"), *SITES_TABLE[1:])
    meters = (Column(name="site_no", type="integer", role="key", key_domain="facility"), *METER_TABLE[1:])
    of = (given("site", table, SITES_COLUMNS, b""), given("meter", meters, METER_COLUMNS, b""))
    files = {"site": as_csv(table, [("0012", "서울", 1, "x")]), "meter": as_csv(meters, [("12", 5, "2025-01-01")])}
    path, linked = build(tmp_path, files, of=of)
    assert linked.match_rates == {"meter": 1.0}
    assert rows_of(path)[0]["pseudonym"] == pseudonym_of("12")


def test_parquet_inputs(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        rows = "(VALUES ('가-0001', '서울', 1.5::DOUBLE, 'x')) t(site, region, area, secret)"
        connection.execute(f"COPY (SELECT * FROM {rows}) TO '{tmp_path}/s.parquet'")
    of = (given("site", SITES_TABLE, SITES_COLUMNS, b"", media_type=PARQUET), inputs()[1])
    method = card(linkage={"key_domain": "facility", "base": "site", "match_floor": 0})
    path, linked = build(tmp_path, {"site": (tmp_path / "s.parquet").read_bytes()}, of=of, method=method)
    assert linked.match_rates == {"meter": 0.0}
    (row,) = rows_of(path)
    assert row == {
        "pseudonym": pseudonym_of("가-0001"),
        "site__region": "서울",
        "site__area": 1.5,
        "meter__kwh": None,
        "meter__read_on": None,
    }


def test_a_second_key_is_pseudonymised_in_its_own_domain(tmp_path: Path) -> None:
    owner = Column(name="owner", type="string", role="key", key_domain="business")
    told = card().model_dump(mode="json")
    told["inputs"][0]["columns"].append({"name": "owner", "type": "string", "role": "key", "key_domain": "business"})
    table = (SITES_TABLE[0], owner)
    of = (given("site", table, {"site_no": "site", "owner": "owner", "region": "owner"}, b""), inputs()[1])
    assert refusal(tmp_path, of=of, method=MethodCard.model_validate(told)).code == "key-mismatch"
    told["inputs"][0]["columns"][1]["required"] = False
    of = (given("site", table, {"site_no": "site", "owner": "owner"}, b""), inputs()[1])
    files = {"site": as_csv(table, [("가-0010", "가-0010"), ("가-0011", "")])}
    path, _ = build(tmp_path, files, of=of, method=MethodCard.model_validate(told))
    found = {row["pseudonym"]: row["site__owner"] for row in rows_of(path)}
    assert found == {pseudonym_of("가-0010"): pseudonym_of("가-0010", domain="business"), pseudonym_of("가-0011"): None}


@pytest.mark.parametrize(("role", "table", "doubled"), [("site", SITES_TABLE, SITES), ("meter", METER_TABLE, METERS)])
def test_a_key_twice_is_refused(tmp_path: Path, role: str, table: tuple[Column, ...], doubled: list[Any]) -> None:
    error = refusal(tmp_path, {role: as_csv(table, [*doubled, (f" {doubled[3][0]} ", *doubled[3][1:])])})
    assert error.code == "key-not-unique"
    assert role in error.detail
    assert doubled[3][0] not in error.detail


def test_too_few_matches_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"meter": as_csv(METER_TABLE, METERS[:19])})
    assert error.code == "match-below-floor"
    assert "48%" in error.detail
    assert "50%" in error.detail


def test_an_empty_base_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"site": as_csv(SITES_TABLE, [("", "서울", 1, "x")])}).code == "no-rows"


@pytest.mark.parametrize(
    "sites",
    [
        b"",
        b"\n",
        b"\xff\xfe,1\n",
        b"site,site\na,b\n",
        b'site,region,area\n"open,1\n',
        b"site,region,area,secret\nonly-one\n",
        b"other,region,area,secret\na,b,1,c\n",
        b"PAR1 this is no table PAR1",
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, sites: bytes) -> None:
    error = refusal(tmp_path, {"site": sites})
    assert error.code == "input-unreadable"
    assert "only-one" not in error.detail


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    of = (given("site", SITES_TABLE, SITES_COLUMNS, b"", media_type=PARQUET), inputs()[1])
    assert refusal(tmp_path, {"site": b"PAR1junkjunkPAR1"}, of=of).code == "input-unreadable"
    of = (given("site", SITES_TABLE, SITES_COLUMNS, b"", media_type="text/html"), inputs()[1])
    assert refusal(tmp_path, of=of).code == "input-unreadable"


@pytest.mark.parametrize(("cell", "column"), [("열두", "area"), ("1,5", "area")])
def test_a_cell_of_another_type_names_its_column_only(tmp_path: Path, cell: str, column: str) -> None:
    error = refusal(tmp_path, {"site": as_csv(SITES_TABLE, [*SITES, ("가-9999", "서울", cell, "x")])})
    assert error.code == "input-mistyped"
    assert column in error.detail
    assert cell not in error.detail


def test_a_fraction_is_no_integer(tmp_path: Path) -> None:
    told = card().model_dump(mode="json")
    told["inputs"][1]["columns"][1]["type"] = "integer"
    meters = as_csv(METER_TABLE, [*METERS[:-1], ("가-0044", "2.5", "2025-01-01")])
    assert refusal(tmp_path, {"meter": meters}, method=MethodCard.model_validate(told)).code == "input-mistyped"


REFUSED = [
    ({"site_no": "site", "region": "site"}, "key-mismatch"),
    ({"site_no": "region", "region": "region"}, "key-mismatch"),
    ({"region": "region"}, "key-missing"),
    ({"site_no": "site"}, "column-missing"),
    ({"site_no": "site", "region": "nowhere"}, "column-unknown"),
    ({"site_no": "site", "region": "region", "extra": "secret"}, "column-unknown"),
]


@pytest.mark.parametrize(("columns", "code"), REFUSED)
def test_approvals_that_do_not_fit_the_card(columns: dict[str, str], code: str) -> None:
    with pytest.raises(PrepareError) as caught:
        plan_linkage(card(), (given("site", SITES_TABLE, columns, b""), inputs()[1]))
    assert caught.value.code == code


def test_inputs_that_do_not_fit_the_card() -> None:
    site, meter = inputs()
    for chosen, code in (((meter,), "input-missing"), ((site,), "input-missing"), ((site, site), "input-unknown")):
        with pytest.raises(PrepareError) as caught:
            plan_linkage(card(), chosen)
        assert caught.value.code == code
    with pytest.raises(PrepareError) as caught:
        plan_linkage(card(), (site, meter, given("other", METER_TABLE, METER_COLUMNS, b"")))
    assert caught.value.code == "input-unknown"


def test_an_optional_input_may_be_left_out(tmp_path: Path) -> None:
    told = card().model_dump(mode="json")
    told["inputs"][1]["required"] = False
    path, linked = build(tmp_path, of=(inputs()[0],), method=MethodCard.model_validate(told))
    assert linked.match_rates == {}
    assert list(rows_of(path)[0]) == ["pseudonym", "site__region", "site__area"]


def test_the_database_is_locked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "outside.csv").write_text("a\n1\n")
    secret_variable = {"one": np.array([1])}
    assert secret_variable
    refused = [
        f"SELECT * FROM read_csv('{tmp_path}/outside.csv')",
        f"SELECT * FROM read_csv('{tmp_path}/in/../outside.csv')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('https://example.org/a.csv')",
        "SET threads = 1",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SELECT * FROM secret_variable",
        "SELECT * FROM read_text('/etc/passwd')",
    ]
    with locked(tmp_path / "in", Limits(memory_mb=100)) as connection:
        for sql in refused:
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
        connection.execute(f"COPY (SELECT 1 AS one) TO '{tmp_path}/in/one.parquet'")
        assert connection.execute(f"SELECT * FROM read_parquet('{tmp_path}/in/one.parquet')").fetchall() == [(1,)]


def test_faults_of_the_database_are_told_by_kind_only(tmp_path: Path) -> None:
    plan = plan_linkage(card(), inputs())
    for role, data in FILES.items():
        (tmp_path / role).write_bytes(data)
    builder = Builder(tmp_path, Limits(memory_mb=256))
    (tmp_path / "linked.parquet").mkdir()
    with pytest.raises(BuildFailed) as caught:
        builder.build(plan, {role: tmp_path / role for role in FILES}, KEY)
    assert str(caught.value).endswith("Exception")
    assert caught.value.__suppress_context__


def test_a_stopped_builder_builds_nothing(tmp_path: Path) -> None:
    builder = Builder(tmp_path, Limits())
    builder.stop()
    with pytest.raises(Stopped):
        builder.build(plan_linkage(card(), inputs()), {}, KEY)
    assert not (tmp_path / "linked.parquet").exists()


def test_the_folder_is_private_and_does_not_stay(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "raw").write_text("x")
    assert list(tmp_path.iterdir()) == []
