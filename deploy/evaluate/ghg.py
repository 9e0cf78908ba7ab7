"""GHG abnormal patterns, judged on generated statements whose truth is known: several seeds, two sizes, kind by kind."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deploy.generate.emissions.planting import KINDS
from deploy.generate.ghg import TABLES, generate
from services.analysis.methods.ghg_anomalies.baseline import strangeness, strangest
from services.analysis.methods.ghg_anomalies.panel import read
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.reasons import REASONS
from services.analysis.methods.ghg_anomalies.study import Study, conduct
from services.analysis.worker.sdk import Bundle
from shared.duck import silent_duckdb

SEEDS, SIZES = (11, 12, 13), (10_000, 40_000)
Row = dict[str, Any]
Truth = list[dict[str, Any]]

LINK = """
COPY (
    SELECT sha256(s.facility_key) AS pseudonym, {columns}, b.kepco_billed_kwh AS billing__kepco_billed_kwh,
        b.gas_billed AS billing__gas_billed, k.cems_co2_t AS stacks__cems_co2_t
    FROM statements s
    LEFT JOIN billing b ON b.facility_key = s.facility_key AND b.period = s.period
    LEFT JOIN stacks k ON k.facility_key = s.facility_key AND k.stream = s.stream AND k.period = s.period
    ORDER BY pseudonym
) TO '{target}' (FORMAT parquet)
"""


@dataclass(frozen=True)
class Judged:
    """What of the planted was found within the review budget, and how many clean facilities were troubled."""

    planted: Counter[str]
    found: Counter[str]
    named: Counter[str]
    """Found under its own name."""
    arithmetic: tuple[int, int]
    """Planted errors of arithmetic and units: found, all."""
    false_alarms: float
    """Share of facilities without anything planted that are listed."""
    reviewed: float
    """Share of rows that the listed findings are about."""
    tonnes: float
    """tCO2e off by planted anomalies that were found, as a share of all planted."""
    forest: float
    """Recall of an isolation forest on the raw columns that fills the same budget."""

    @property
    def recall(self) -> float:
        return sum(self.found[kind] for kind in KINDS) / max(1, sum(self.planted[kind] for kind in KINDS))


def link(folder: Path, rows: int, seed: int, change: str = "*") -> tuple[Bundle, Truth]:
    """Generated tables linked as prepare links them, and what was planted; `change` is SQL over the linked columns."""
    with silent_duckdb(threads=1) as connection:
        for place, block in enumerate(generate(rows, seed)):
            for name in TABLES:
                connection.register("block", getattr(block, name))
                verb = f"INSERT INTO {name}" if place else f"CREATE TABLE {name} AS"
                connection.execute(f"{verb} SELECT * FROM block")  # noqa: S608 - names of our own
        described = connection.execute("DESCRIBE statements").fetchall()
        columns = ", ".join(f"s.{row[0]} AS statements__{row[0]}" for row in described if row[0] != "facility_key")
        whole, target = folder / "whole.parquet", folder / "linked.parquet"
        connection.execute(LINK.format(columns=columns, target=whole))
        connection.execute(f"COPY (SELECT {change} FROM '{whole}') TO '{target}' (FORMAT parquet)")  # noqa: S608 - of our callers
        whole.unlink()
        found = connection.execute("SELECT sha256(facility_key) AS pseudonym, * FROM truth").fetchall()
        names = [column[0] for column in connection.description or []]
    return Bundle(folder), [dict(zip(names, row, strict=True)) for row in found]


def judge(study: Study, truth: Truth) -> Judged:
    panel, within = study.panel, study.within
    listed: dict[str, list[tuple[str, int, int, str]]] = {}
    for at in range(len(within)):
        stream = within.stream[at]
        kind = REASONS[within.reason[at]].value.replace("-", "_")
        listed.setdefault(str(panel.pseudonyms[panel.facility[stream]]), []).append(
            (str(panel.names[stream]), int(within.first[at]), int(within.last[at]), kind)
        )
    hits = [meeting(listed, one, panel.periods.first) for one in truth]
    planted = Counter(str(one["anomaly_type"]) for one in truth)
    found = Counter(str(one["anomaly_type"]) for one, hit in zip(truth, hits, strict=True) if hit)
    named = Counter(str(one["anomaly_type"]) for one, hit in zip(truth, hits, strict=True) if reason_of(one) in hit)
    exact = [bool(hit) for one, hit in zip(truth, hits, strict=True) if one["arithmetic"]]
    off = [abs(float(one["reported_tco2e"]) - float(one["true_tco2e"])) for one in truth]
    clean = set(panel.pseudonyms) - {one["pseudonym"] for one in truth}
    return Judged(
        planted=planted,
        found=found,
        named=named,
        arithmetic=(sum(exact), len(exact)),
        false_alarms=len(clean & listed.keys()) / max(1, len(clean)),
        reviewed=float(within.periods.sum()) / panel.rows,
        tonnes=sum(value for value, hit in zip(off, hits, strict=True) if hit) / max(sum(off), 1e-9),
        forest=forest_recall(study, truth),
    )


def reason_of(planted: dict[str, Any]) -> str:
    """The class that a finding of it should have: the eleven are called as they are planted."""
    return "arithmetic_mismatch" if planted["anomaly_type"] == "arithmetic_slip" else str(planted["anomaly_type"])


def meeting(listed: dict[str, list[tuple[str, int, int, str]]], planted: dict[str, Any], start: int) -> set[str]:
    """Under which names what was planted was found: same facility and stream, some period in common (either twin counts)."""
    first, last = (month_of(planted[name]) - start for name in ("first", "last"))
    either = planted["anomaly_type"] == "duplicated_stream"
    return {
        kind
        for stream, begins, ends, kind in listed.get(planted["pseudonym"], [])
        if (either or stream == planted["stream"]) and begins <= last and ends >= first
    }


def forest_recall(study: Study, truth: Truth) -> float:
    panel = study.panel
    rows = np.flatnonzero(strangest(strangeness(panel), study.parameters.places(panel.rows)) & ~panel.outside)
    listed: dict[str, list[tuple[str, int, int, str]]] = {}
    for row in rows:
        stream, period = panel.row_stream[row], int(panel.row_period[row])
        cell = (str(panel.names[stream]), period, period, "strange")
        listed.setdefault(str(panel.pseudonyms[panel.facility[stream]]), []).append(cell)
    hits = [bool(meeting(listed, one, panel.periods.first)) for one in truth if one["anomaly_type"] in KINDS]
    return sum(hits) / max(1, len(hits))


def month_of(period: str) -> int:
    return int(period[:4]) * 12 + int(period[5:7]) - 1


def measure(rows: int, seed: int) -> Judged:
    with tempfile.TemporaryDirectory() as folder:
        bundle, truth = link(Path(folder), rows, seed)
        return judge(conduct(read(bundle), Parameters.read({})), truth)


def evaluate(data_folder: Path) -> list[Row]:
    """A row for each size and seed, then one for each kind of anomaly over all of them; no data are read from the folder."""
    judged = {(rows, seed): measure(rows, seed) for rows in SIZES for seed in SEEDS}
    table = [
        {
            "task": "ghg_anomalies",
            "case": f"{rows:,} rows, seed {seed}",
            "recall": round(one.recall, 3),
            "arithmetic_and_units": "{} of {}".format(*one.arithmetic),
            "false_alarms": round(one.false_alarms, 4),
            "rows_reviewed": round(one.reviewed, 4),
            "tco2e_found": round(one.tonnes, 3),
            "isolation_forest_recall": round(one.forest, 3),
        }
        for (rows, seed), one in judged.items()
    ]
    for kind in (*KINDS, "arithmetic_slip"):
        planted, found, named = (
            sum(getattr(one, part)[kind] for one in judged.values()) for part in ("planted", "found", "named")
        )
        case = {"task": "ghg_anomalies", "case": kind, "planted": planted, "found": found, "named": named}
        table.append(case | {"recall": round(found / max(1, planted), 3)})
    return table
