"""The searches for anomalies, as tasks of `make evaluate`: planted truth, and a steel plant's year if it is at hand."""

import tempfile
from pathlib import Path

from deploy.evaluate import ghg, mixed, steel
from deploy.evaluate.findings import Asked, Found, Goal
from services.analysis.methods import ghg_anomalies

MARGIN = 0.5
STEEL_AUC, STEEL_AP, TABLES_AUC = 0.774, 0.597, 0.85


def emissions(asked: Asked) -> Found:
    """Emission statements with the eleven kinds of anomaly planted; the page shows one run of the method."""
    rows = ghg.evaluate(asked.data)
    cases = [row for row in rows if "false_alarms" in row]
    goals = (
        Goal("lowest recall over the eleven kinds at 5 % of rows", min(float(row["recall"]) for row in cases), 0.85),
        Goal("most clean facilities troubled", max(float(row["false_alarms"]) for row in cases), 0.01, at_least=False),
        Goal("arithmetic and unit errors found", share([str(row["arithmetic_and_units"]) for row in cases]), 1.0),
        Goal(
            "least recall above an isolation forest on raw columns",
            min(float(row["recall"]) - float(row["isolation_forest_recall"]) for row in cases),
            MARGIN,
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        bundle, _ = ghg.link(Path(folder), ghg.SIZES[0], asked.seed)
        outputs = ghg_anomalies.run(bundle, lambda progress, message: None)
    return Found("Greenhouse-gas statements", (), goals, tuple(map(told, rows)), outputs)


def plant(asked: Asked) -> Found | None:
    """One series: segments half reported, frozen or idle, in a year of a steel plant."""
    return beside(asked, "A series: a steel plant with injected segments", steel.evaluate(asked.data), "residual and windows")


def cells(asked: Asked) -> Found | None:
    """One table: single cells of the same plant exchanged between rows."""
    return beside(asked, "A table: cells of a steel plant exchanged", mixed.evaluate(asked.data), "residual")


def beside(asked: Asked, title: str, rows: list[ghg.Row], ours: str) -> Found | None:
    if not rows:
        return None
    own = [row for row in rows if row["by"] == ours]
    forest = [row for row in rows if row["by"] == "isolation forest"]
    auc, precision = (min(float(row[name]) for row in own) for name in ("roc_auc", "pr_auc"))
    goals = (
        Goal("lowest ROC-AUC", auc, STEEL_AUC if ours != "residual" else TABLES_AUC),
        Goal("lowest average precision", precision, STEEL_AP if ours != "residual" else 0.5),
        Goal("least average precision above the forest", precision - max(float(row["pr_auc"]) for row in forest), 0.3),
    )
    return Found(title, (), goals, tuple(map(told, rows)))


def share(counts: list[str]) -> float:
    """`12 of 12` -> 1.0, over all."""
    pairs = [tuple(map(int, each.split(" of "))) for each in counts]
    return sum(found for found, _ in pairs) / max(1, sum(of for _, of in pairs))


def told(row: ghg.Row) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in row.items() if name != "task")
