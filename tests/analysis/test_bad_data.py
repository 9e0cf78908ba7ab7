"""Bad data: what is refused, with a reason that names the input and the column but no cell; and what is odd but allowed."""

import datetime
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.analysis.models import RunStatus
from services.analysis.prepare.bundle import Builder
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.plan import plan_linkage
from services.analysis.prepare.readers import PARQUET, Limits
from shared.contracts import Column
from tests.analysis.centre import Centre
from tests.analysis.examples import (
    CSV,
    METER_TABLE,
    METERS,
    SITES,
    SITES_COLUMNS,
    SITES_FILE,
    SITES_TABLE,
    approved,
    as_csv,
    card,
    given,
    inputs,
)
from tests.analysis.linking import KEY, build, pseudonym_of, refusal, rows_of

pytestmark = pytest.mark.fit

ANY_MATCH = {"key_domain": "facility", "base": "site", "match_floor": 0}
SECRET = "900101-1234567"


def parquet(folder: Path, select: str) -> bytes:
    """What this SELECT gives, as a Parquet file."""
    path = folder / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    return path.read_bytes()


def of_parquet() -> tuple[Any, Any]:
    return given("site", SITES_TABLE, SITES_COLUMNS, b"", media_type=PARQUET), inputs()[1]


SITE_ROWS = (
    "SELECT '가-' || printf('%04d', i) AS site, 'r' || i % 3 AS region, i * 1.5 AS area, 'x' AS secret FROM range(5000) t(i)"
)
OTHER_SCHEMAS = {
    "a column is missing": "SELECT 'k' AS site, 'r' AS region",
    "the key is missing": "SELECT 'r' AS region, 1.5 AS area, 'x' AS secret",
    "a column has another name": "SELECT 'k' AS site, 'r' AS region_name, 1.5 AS area",
}


@pytest.mark.parametrize("schema", OTHER_SCHEMAS)
def test_parquet_with_another_schema_than_registered(tmp_path: Path, schema: str) -> None:
    error = refusal(tmp_path, {"site": parquet(tmp_path, OTHER_SCHEMAS[schema])}, of=of_parquet())
    assert (error.code, error.detail) == (
        "input-unreadable",
        "The file of the input site cannot be read as it was registered.",
    )


@pytest.mark.parametrize("cell", [f"'{SECRET}'", f"['{SECRET}']", f"{{'a': '{SECRET}'}}", "DATE '2025-01-01'"])
def test_parquet_whose_column_is_of_another_type(tmp_path: Path, cell: str) -> None:
    data = parquet(tmp_path, f"SELECT '{SECRET}' AS site, 'r' AS region, {cell} AS area, 'x' AS secret")
    error = refusal(tmp_path, {"site": data}, of=of_parquet())
    assert error.code in ("input-mistyped", "input-unreadable")
    assert SECRET not in error.detail
    assert "site" in error.detail


@pytest.mark.fit
def test_truncated_and_malformed_parquet_is_never_our_fault(tmp_path: Path) -> None:
    """Cut anywhere, or with bytes changed anywhere: refused with one sentence, or still readable; tried again never."""
    whole, chance = parquet(tmp_path, SITE_ROWS), random.Random(1)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    spoilt = [whole[:at] for at in range(0, len(whole), len(whole) // 12)]
    spoilt += [whole[:at] + whole[-8:] for at in range(0, len(whole) - 12, len(whole) // 12)]
    for first, count in ((4, 25), (footer, 25)):
        for _ in range(count):
            changed = bytearray(whole)
            for _ in range(chance.choice([1, 3, 20])):
                changed[chance.randrange(first, len(whole) - 4)] = chance.randrange(256)
            spoilt.append(bytes(changed))
    refused = 0
    for number, data in enumerate(spoilt):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            build(folder, {"site": data}, of=of_parquet(), method=card(linkage=ANY_MATCH))
        except PrepareError as error:
            assert error.code in ("input-unreadable", "key-not-unique", "input-mistyped", "no-rows")
            assert "가-" not in error.detail
            refused += 1
    assert refused > len(spoilt) // 2


@pytest.mark.parametrize(
    ("sites", "code"),
    [
        (b"", "input-unreadable"),
        (as_csv(SITES_TABLE, []), "no-rows"),
        (as_csv(SITES_TABLE, [("", "서울", 1, "x"), (" \t", "부산", 2, "x")]), "no-rows"),
        (as_csv(SITES_TABLE[:1], [("가-0001",)]), "input-unreadable"),
        (SITES_FILE.replace(b"area", b"size", 1), "input-unreadable"),
        (SITES_FILE + SITES_FILE.split(b"\n", 1)[1], "key-not-unique"),
    ],
    ids=["empty", "header alone", "keys all missing", "columns missing", "column renamed", "every row twice"],
)
def test_bases_that_cannot_be_linked(tmp_path: Path, sites: bytes, code: str) -> None:
    error = refusal(tmp_path, {"site": sites})
    assert error.code == code
    assert "site" in error.detail
    assert "가-" not in error.detail


@pytest.mark.parametrize(
    "meters",
    [as_csv(METER_TABLE, []), as_csv(METER_TABLE, [("", 1, "2025-01-01")] * 3), as_csv(METER_TABLE, [("나-1", 1, "2025-01-01")])],
    ids=["no row", "keys all missing", "nothing in common"],
)
def test_nothing_matches(tmp_path: Path, meters: bytes) -> None:
    error = refusal(tmp_path, {"meter": meters})
    assert error.code == "match-below-floor"
    assert error.detail.startswith("Only 0% of the rows of the input site were found in the input meter")
    path, linked = build(tmp_path, {"meter": meters}, method=card(linkage=ANY_MATCH))
    assert linked.match_rates == {"meter": 0.0}
    assert {row["meter__kwh"] for row in rows_of(path)} == {None}


FORMULAS = ["=1+1", "=cmd|'/C calc'!A0", "+82-10", "-1+2", "@SUM(A1)", "\t=1"]


def test_formula_cells_are_texts_like_any_other(tmp_path: Path) -> None:
    sites = as_csv(SITES_TABLE, [(f"가-{at:04d}", cell, 1, "x") for at, cell in enumerate(FORMULAS, start=10)])
    path, _ = build(tmp_path, {"site": sites})
    assert sorted(row["site__region"] for row in rows_of(path)) == sorted(cell.strip() for cell in FORMULAS)


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "1;2", "1e", "١٢"])
def test_formula_cells_are_no_numbers(tmp_path: Path, cell: str) -> None:
    error = refusal(tmp_path, {"site": as_csv(SITES_TABLE, [*SITES, ("가-9999", "서울", cell, "x")])})
    assert error.code == "input-mistyped"
    assert error.detail == "The column area of the input site holds cells that are not of its type."


def test_nul_bytes_are_part_of_no_text_and_end_nothing(tmp_path: Path) -> None:
    """The catalog refuses them; a file that has them all the same is cut short by nobody, and a key is the same without."""
    sites = as_csv(SITES_TABLE, [("가-0010", "a\0b", 1, "x"), ("가-0011\0", "서울", 1, "x")])
    path, linked = build(tmp_path, {"site": sites}, method=card(linkage=ANY_MATCH))
    assert linked.rows == 2
    assert {row["pseudonym"] for row in rows_of(path)} == {pseudonym_of("가-0010"), pseudonym_of("가-0011")}
    assert {row["site__region"] for row in rows_of(path)} == {"ab", "서울"}
    assert refusal(tmp_path, {"site": as_csv(SITES_TABLE, [("가-0010", "서울", "1\0", "x")])}).code == "input-mistyped"


def test_dates_in_the_future_are_handed_on(tmp_path: Path) -> None:
    meters = as_csv(METER_TABLE, [(number, kwh, "2999-12-31") for number, kwh, _ in METERS])
    path, _ = build(tmp_path, {"meter": meters})
    assert {row["meter__read_on"] for row in rows_of(path)} == {datetime.date(2999, 12, 31), None}


@pytest.mark.parametrize("cell", ["2025-02-30", "31/12/2025", "0", "tomorrow"])
def test_days_that_are_none(tmp_path: Path, cell: str) -> None:
    error = refusal(tmp_path, {"meter": as_csv(METER_TABLE, [*METERS, ("가-9999", 1, cell)])})
    assert (error.code, cell in error.detail) == ("input-mistyped", False)


@pytest.mark.fit
def test_a_million_categories_within_bounded_memory(tmp_path: Path) -> None:
    """A column of a million long values: three times what the database may hold."""
    with duckdb.connect() as connection:
        rows = (
            "SELECT 'k' || i AS site, repeat(md5(i::VARCHAR), 4) AS region, 1.5 AS area, 'x' AS secret FROM range(1000000) t(i)"
        )
        connection.execute(f"COPY ({rows}) TO '{tmp_path}/site.input' (FORMAT parquet)")
    (tmp_path / "meter.input").write_bytes(as_csv(METER_TABLE, METERS))
    plan = plan_linkage(card(linkage=ANY_MATCH), of_parquet())
    paths = {role: tmp_path / f"{role}.input" for role in ("site", "meter")}
    target, linked, _ = Builder(tmp_path, Limits(memory_mb=360, threads=1)).build(plan, paths, KEY)
    assert linked.rows == 1_000_000
    with duckdb.connect() as connection:
        counted = connection.execute("SELECT count(*), approx_count_distinct(site__region) FROM read_parquet($1)", [str(target)])
        rows_found, categories = counted.fetchall()[0]
    assert rows_found == 1_000_000
    assert categories > 900_000


async def test_the_reason_reaches_the_requester_and_no_cell_does(live_centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    table = (*SITES_TABLE[:2], Column(name="area", type="number", role="measure"), SITES_TABLE[3])
    spoilt = as_csv(table, [*SITES, (SECRET, "서울", f"{SECRET} m2", "x")])
    await live_centre.storage.put_bytes(spoilt, CSV)
    event = approved(of=inputs(spoilt))
    run_id = await live_centre.approve(event)
    run = await live_centre.until(run_id, RunStatus.FAILED)
    assert (run.reason or {})["code"] == "input-mistyped"
    shown = await live_centre.client.get(f"/analysis/runs/{run_id}", headers=live_centre.headers("requester", "mohw"))
    assert shown.json()["reason"] == {
        "code": "input-mistyped",
        "detail": "The column area of the input site holds cells that are not of its type.",
    }
    (told,) = await live_centre.finished()
    assert told.reason is not None
    assert SECRET not in told.model_dump_json()
    assert SECRET not in caplog.text
