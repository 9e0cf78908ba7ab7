"""Generated emission statements: seeded, of the size that was asked for, with gaps as in life and the truth kept apart."""

from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pytest

from deploy.generate.emissions.planting import KINDS
from deploy.generate.ghg import BLOCK, ROWS_EACH, Block, generate, write
from services.analysis.methods.ghg_anomalies.columns import BILLING, STACKS, STATEMENTS


@pytest.fixture(scope="module")
def block() -> Block:
    return next(generate(60_000, 1))


def test_one_seed_gives_the_same_rows_and_another_seed_others(block: Block) -> None:
    again, other = next(generate(60_000, 1)), next(generate(60_000, 2))
    for name, values in block.statements.items():
        assert all(one == two or (one != one and two != two) for one, two in zip(values, again.statements[name], strict=True))
    assert len(other.statements["stream"]) != len(block.statements["stream"])


@pytest.mark.parametrize("rows", [1000, 10_000, 60_000])
def test_as_many_rows_as_were_asked_for(rows: int) -> None:
    made = sum(len(part.statements["stream"]) for part in generate(rows, 3))
    assert 0.75 * rows < made < 1.25 * rows


def test_a_block_depends_on_its_place_alone() -> None:
    short, long = list(generate(BLOCK * ROWS_EACH, 4)), generate(3 * BLOCK * ROWS_EACH, 4)
    assert (next(long).statements["reported_tco2e"] == short[0].statements["reported_tco2e"]).all()
    second = next(long)
    assert not set(second.statements["facility_key"]) & set(short[0].statements["facility_key"])


def test_columns_are_those_of_the_card_and_no_label_is_among_them(block: Block) -> None:
    for role, table in ((STATEMENTS, block.statements), (BILLING, block.billing), (STACKS, block.stacks)):
        assert set(table) <= {column.name for column in role.columns}
        assert {column.name for column in role.columns if column.required} <= set(table)
    keys = list(zip(block.statements["facility_key"], block.statements["stream"], block.statements["period"], strict=True))
    assert len(set(keys)) == len(keys)


def test_sources_are_missing_as_in_life(block: Block) -> None:
    facilities = set(block.statements["facility_key"])
    assert 0.6 < len(set(block.billing["facility_key"])) / len(facilities) < 0.85
    assert 0.05 < np.isnan(block.statements["ef_co2"]).mean() < 0.3
    assert 0.02 < np.isnan(block.statements["production_qty"]).mean() < 0.4
    first = {
        key: min(block.billing["period"][block.billing["facility_key"] == key]) for key in set(block.billing["facility_key"])
    }
    assert sum(period > "2021-01" for period in first.values()) > 10


def test_all_eleven_kinds_are_planted_in_turn_and_told_apart(block: Block) -> None:
    planted = Counter(block.truth["anomaly_type"])
    assert set(planted) == {*KINDS, "arithmetic_slip"}
    assert len(KINDS) == 11
    assert max(planted.values()) <= 2 * min(planted.values()) + 2
    assert (block.truth["first"] <= block.truth["last"]).all()
    assert len(set(block.truth["facility_key"])) == len(block.truth["facility_key"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_it_writes_four_files_and_nothing_else(tmp_path: Path, kind: str) -> None:
    counts = write(tmp_path, 2000, 5, 0.5, kind)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.{kind}" for name in counts}
    for name, count in counts.items():
        rows = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/{name}.{kind}'")
        assert rows is not None
        assert rows.fetchall() == [(count,)]
    assert counts["truth"] > 2
