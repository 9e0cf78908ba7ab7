"""Anomalies in series, judged on a year of quarter hours of a Korean steel plant with abnormal stretches injected.

No set with labelled real anomalies was found: half reporting, a frozen value and idle load are put into 5.4 % of the rows.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from services.analysis.methods.anomaly_series.panel import make_panel
from services.analysis.methods.anomaly_series.parameters import SCHEMA
from services.analysis.methods.anomaly_series.study import Study, conduct
from services.analysis.methods.deviation.parameters import Parameters

FILE = "steel_kr.csv"
SHARE = 0.054
SHORTEST, LONGEST = 16, 96
SEEDS = (1, 2)
VALUE, CARBON = "Usage_kWh", "CO2(tCO2)"
TEXTS = ("date", "WeekStatus", "Day_of_week", "Load_Type")
KINDS = ("half reporting", "frozen value", "idle load")
REFERENCE = {"residual": (0.774, 0.597), "isolation forest": (0.658, 0.101)}
"""ROC-AUC and average precision that were reached before on the same year with other stretches."""
Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]
Row = dict[str, Any]


def read(file: Path) -> tuple[Times, dict[str, Floats]]:
    """Times in order and the number columns. Dates are day/month/year; the 00:00 at the end of a day belongs to the next."""
    with file.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    times = np.array([time_of(row["date"]) for row in rows])
    times = times + np.array([row["NSM"] == "0" for row in rows]) * np.timedelta64(1, "D")
    return times, {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name not in TEXTS}


def time_of(written: str) -> np.datetime64:
    day, clock = written.split()
    at, month, year = (int(part) for part in day.split("/"))
    hour, minute = (int(part) for part in clock.split(":"))
    return np.datetime64(f"{year:04d}-{month:02d}-{at:02d}T{hour:02d}:{minute:02d}", "m")


def inject(value: Floats, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    """The series with abnormal stretches of four hours to a day; and of each point 0 or which kind it is."""
    random = np.random.default_rng(seed)
    changed, kind = value.copy(), np.zeros(len(value), dtype=np.int64)
    idle, turn = float(np.quantile(value, 0.1)), 0
    while (kind > 0).mean() < SHARE:
        length = int(random.integers(SHORTEST, LONGEST + 1))
        first = int(random.integers(0, len(value) - length))
        cut = slice(first, first + length)
        if kind[max(0, first - 8) : first + length + 8].any():
            continue
        match turn % len(KINDS):
            case 0:
                changed[cut] *= 0.5
            case 1:
                changed[cut] = changed[first]
            case _:
                changed[cut] = np.round(idle * np.exp(random.normal(0, 0.08, length)), 2)
        kind[cut] = turn % len(KINDS) + 1
        turn += 1
    return changed, kind


def study(times: Times, columns: dict[str, Floats], value: Floats, *, carbon: bool) -> Study:
    """The method on one series; without the plant's own CO2, which is a multiple of its kWh, unless it is asked for."""
    further = {name: numbers for name, numbers in columns.items() if name != VALUE and (carbon or name != CARBON)}
    found: dict[str, Any] = {
        "pseudonym": np.full(len(value), "0" * 64, dtype=object),
        "series__time": times.astype(str).astype(object),
        "series__value": value,
    }
    return conduct(
        make_panel(found | {f"series__{name}": numbers for name, numbers in further.items()}), Parameters.read(SCHEMA, {})
    )


def measures(label: NDArray[np.bool_], score: Floats) -> tuple[float, float]:
    return float(roc_auc_score(label, score)), float(average_precision_score(label, score))


def evaluate(data_folder: Path) -> list[Row]:
    """Rows of ROC-AUC and average precision; none, with a sentence, where the file is not at hand."""
    if not (data_folder / FILE).exists():
        print(f"anomaly_series: {FILE} is not in the data folder, so this evaluation is left out.")
        return []
    times, columns = read(data_folder / FILE)
    table: list[Row] = []
    for seed in SEEDS:
        value, kind = inject(columns[VALUE], seed)
        for carbon in (False, True):
            done = study(times, columns, value, carbon=carbon)
            scores = {
                "residual and windows": done.score[0],
                "residual": np.abs(done.expected.score[0]),
                "isolation forest": done.forest[0],
            }
            case = f"steel plant, {'with' if carbon else 'without'} its CO2, seed {seed}"
            for by, score in scores.items():
                auc, precision = measures(kind > 0, score)
                row = {"task": "anomaly_series", "case": case, "by": by, "roc_auc": round(auc, 3), "pr_auc": round(precision, 3)}
                table.append(row | {"reference": REFERENCE.get(by, REFERENCE["residual"])})
    return table
