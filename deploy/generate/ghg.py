"""Writes synthetic greenhouse-gas statements of facilities with planted anomalies: `python -m deploy.generate.ghg --help`.

Three tables as three ministries would hold them (statements; billed energy; stack measurements) and the truth apart. A row of
the statements is one source stream of one facility in one month. What is realistic is said in docs of the method; what is not:
no real facility, no real distribution of sizes, and anomalies as clear-cut as the kinds say.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deploy.generate.emissions.planting import Planted, plant
from deploy.generate.emissions.world import FIRST_YEAR, MONTHS, Cells, Facilities, Floats, Lines, make_facilities, make_lines
from shared.duck import silent_duckdb

ROWS_EACH = 97
"""Rows of a typical facility: three and a bit streams, 36 months."""
BLOCK = 1000
PLANTED_SHARE = 0.2
TABLES = ("statements", "billing", "stacks", "truth")
PERIODS = np.array([f"{FIRST_YEAR + month // 12}-{month % 12 + 1:02d}" for month in range(MONTHS)], dtype=object)
Columns = dict[str, Cells]


@dataclass(frozen=True)
class Block:
    """Some facilities: four tables, a column each."""

    statements: Columns
    billing: Columns
    stacks: Columns
    truth: Columns


def generate(rows: int, seed: int, share: float = PLANTED_SHARE) -> Iterator[Block]:
    """About `rows` statement rows, in blocks of facilities; a block depends on the seed and its place alone."""
    facilities = max(2, round(rows / ROWS_EACH))
    for first in range(0, facilities, BLOCK):
        random = np.random.default_rng([seed, first])
        yield make_block(random, first, min(BLOCK, facilities - first), share)


def make_block(random: np.random.Generator, first: int, count: int, share: float) -> Block:
    facilities = make_facilities(random, first, count)
    lines = make_lines(random, facilities)
    billing = bill(random, facilities, lines)
    planted = plant(random, facilities, lines, share)
    return Block(state(random, facilities, lines), billing, stacks(facilities, lines), tell(facilities, lines, planted))


def bill(random: np.random.Generator, facilities: Facilities, lines: Lines) -> Columns:
    """What the suppliers billed, before anybody misreported: a quarter of the facilities are not linked, some start late."""
    count = len(facilities.key)
    power, gas = np.zeros((count, MONTHS)), np.zeros((count, MONTHS))
    electric, burning = lines.fuel == "electricity", lines.fuel == "natural gas"
    kwh = np.where(lines.unit == "MWh", 1000.0, 1.0) * lines.quantity
    cubic = (
        np.where(lines.unit == "Nm3", 1.0, np.where(lines.unit == "1000Nm3", 1000.0, 1000.0 / lines.heat.clip(1)))
        * lines.quantity
    )
    np.add.at(power, lines.facility[electric], kwh[electric])
    np.add.at(gas, lines.facility[burning], cubic[burning])
    linked = random.random((count, 1)) < 0.75
    since = np.where(random.random((count, 1)) < 0.15, random.integers(6, 18, (count, 1)), 0)
    seen = linked & (np.arange(MONTHS) >= since)
    kept = seen & (power + gas > 0)
    facility, month = np.nonzero(kept)
    return {
        "facility_key": facilities.key[facility],
        "period": PERIODS[month],
        "kepco_billed_kwh": billed(random, power)[kept],
        "gas_billed": billed(random, gas)[kept],
    }


def billed(random: np.random.Generator, used: Floats) -> Floats:
    level = np.exp(random.normal(0, 0.01, (len(used), 1)))
    return np.asarray(np.where(used > 0, used * level * np.exp(random.normal(0, 0.006, used.shape)), np.nan).round(0))


def state(random: np.random.Generator, facilities: Facilities, lines: Lines) -> Columns:
    """The statement rows, shuffled as they come from many hands."""
    line, month = np.nonzero(lines.present)
    order = random.permutation(len(line))
    line, month = line[order], month[order]
    at, told = lines.facility[line], lines.told[line]
    cell = (line, month)
    ksic = np.array([one.ksic for one in facilities.sector], dtype=object)
    measure = np.array([one.unit or None for one in facilities.sector], dtype=object)
    year = FIRST_YEAR + month // 12
    last_year = np.where(month >= 12, lines.reported[line, np.maximum(month - 12, 0)], np.nan)
    return {
        "facility_key": facilities.key[at],
        "stream": lines.name[line],
        "period": PERIODS[month],
        "ksic_code": ksic[at],
        "region_code": facilities.region[at],
        "source_category": lines.category[line],
        "fuel_type": lines.fuel[line],
        "activity_qty": lines.quantity[cell],
        "activity_unit": lines.unit[cell],
        "ncv": np.where(told & (lines.heat[cell] > 0), lines.heat[cell], np.nan),
        "ef_co2": np.where(told, lines.co2[cell], np.nan),
        "ef_ch4": np.where(told, lines.ch4[cell], np.nan),
        "ef_n2o": np.where(told, lines.n2o[cell], np.nan),
        "oxidation_factor": np.where(told, lines.oxidation[cell], np.nan),
        "calc_tier": lines.tier[line],
        "method": np.where(lines.cems[line], "cems", "calc").astype(object),
        "reported_tco2e": lines.reported[cell],
        "production_qty": facilities.told[at, month],
        "production_unit": measure[at],
        "hdd": facilities.hdd[at, month],
        "cdd": facilities.cdd[at, month],
        "prev_year_tco2e": last_year,
        "submitted_at": np.array([f"{one + 1}-03-31" for one in year], dtype=object),
    }


def stacks(facilities: Facilities, lines: Lines) -> Columns:
    line, month = np.nonzero(lines.present & np.isfinite(lines.stack))
    return {
        "facility_key": facilities.key[lines.facility[line]],
        "stream": lines.name[line],
        "period": PERIODS[month],
        "cems_co2_t": lines.stack[line, month],
    }


def tell(facilities: Facilities, lines: Lines, planted: list[Planted]) -> Columns:
    """The labels: one row for each planted anomaly."""
    reported = np.where(lines.present, lines.reported, 0.0)
    cuts = [(one.line, slice(one.first, one.last + 1)) for one in planted]
    return {
        "facility_key": facilities.key[lines.facility[[one.line for one in planted]]] if planted else np.array([], dtype=object),
        "stream": np.array([lines.name[one.line] for one in planted], dtype=object),
        "first": np.array([PERIODS[one.first] for one in planted], dtype=object),
        "last": np.array([PERIODS[one.last] for one in planted], dtype=object),
        "anomaly_type": np.array([one.kind for one in planted], dtype=object),
        "variant": np.array([one.variant for one in planted], dtype=object),
        "arithmetic": np.array([one.arithmetic for one in planted], dtype=bool),
        "true_tco2e": np.array([lines.true[cut].sum() for cut in cuts], dtype=float),
        "reported_tco2e": np.array([reported[cut].sum() for cut in cuts], dtype=float),
    }


def write(folder: Path, rows: int, seed: int, share: float, kind: str) -> dict[str, int]:
    """One file a table, written block by block; returns the rows of each."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch, silent_duckdb(Path(scratch) / "blocks.duckdb") as connection:
        for place, block in enumerate(generate(rows, seed, share)):
            for name in TABLES:
                columns: dict[str, Any] = getattr(block, name)
                connection.register("block", columns)
                verb = "INSERT INTO" if place else "CREATE TABLE"
                selection = "SELECT * FROM block" if place else "AS SELECT * FROM block"
                connection.execute(f"{verb} {name} {selection}")
        counts = {}
        for name in TABLES:
            target = str(folder / f"{name}.{kind}").replace("'", "''")
            counts[name] = connection.execute(f"COPY {name} TO '{target}' (FORMAT {kind})").fetchall()[0][0]
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="statement rows, about (1e3 to 1e7)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=PLANTED_SHARE, help="share of facilities with one planted anomaly")
    parser.add_argument("--format", choices=("csv", "parquet"), default="parquet")
    parser.add_argument("--out", type=Path, required=True, help="folder for the four files")
    chosen = parser.parse_args()
    for name, count in write(chosen.out, chosen.rows, chosen.seed, chosen.share, chosen.format).items():
        print(f"{name:<12}{count:>12,} rows")


if __name__ == "__main__":
    main()
