"""Anomalies in tables, judged on quarter hours of a Korean steel plant in which one cell of some rows is another row's.

Every single number is an ordinary one; only beside the others of its row it is strange.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.evaluate.steel import FILE, Floats, Row, measures, read
from services.analysis.methods.anomaly_tables.records import make_records
from services.analysis.methods.anomaly_tables.scores import Scores, score_rows

SHARE = 0.02
ROWS = 12_000
SEEDS = (1, 2)


def mix(columns: dict[str, Floats], seed: int) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
    """The columns with one cell in some rows taken from another row, and which rows these are."""
    random = np.random.default_rng(seed)
    names = list(columns)
    rows = len(columns[names[0]])
    chosen = random.random(rows) < SHARE
    changed = {name: values.copy() for name, values in columns.items()}
    for row in np.flatnonzero(chosen):
        name = names[int(random.integers(len(names)))]
        changed[name][row] = columns[name][int(random.integers(rows))]
    differs = np.any([changed[name] != columns[name] for name in names], axis=0)
    return changed, np.asarray(differs)


def score(columns: dict[str, Floats]) -> Scores:
    rows = len(next(iter(columns.values())))
    found: dict[str, Any] = {"pseudonym": np.array([f"{at:064x}" for at in range(rows)], dtype=object)}
    return score_rows(make_records(found | {f"records__{name}": values for name, values in columns.items()}))


def evaluate(data_folder: Path) -> list[Row]:
    """Rows of ROC-AUC and average precision; none, with a sentence, where the file is not at hand."""
    if not (data_folder / FILE).exists():
        print(f"anomaly_tables: {FILE} is not in the data folder, so this evaluation is left out.")
        return []
    _, columns = read(data_folder / FILE)
    table: list[Row] = []
    for seed in SEEDS:
        some = np.sort(np.random.default_rng(seed).choice(len(next(iter(columns.values()))), ROWS, replace=False))
        changed, label = mix({name: values[some] for name, values in columns.items()}, seed)
        done = score(changed)
        for by, values in (("residual", done.residual), ("robust z", done.robust), ("isolation forest", done.forest)):
            auc, precision = measures(label, values)
            case = f"steel plant, cells exchanged in {label.mean():.1%} of rows, seed {seed}"
            table.append(
                {"task": "anomaly_tables", "case": case, "by": by, "roc_auc": round(auc, 3), "pr_auc": round(precision, 3)}
            )
    return table
