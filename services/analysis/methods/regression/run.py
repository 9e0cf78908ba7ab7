"""The method from bundle to outputs."""

from typing import Any

import numpy as np

from services.analysis.methods.regression.card import CARD, SCHEMA, TABLE
from services.analysis.methods.toolkit import figures, headline, quantity_tables, tables
from services.analysis.methods.toolkit.any_table import AUDIT, GROUP, TIME
from services.analysis.methods.toolkit.arrays import Floats
from services.analysis.methods.toolkit.availability import availability
from services.analysis.methods.toolkit.beside import champion_errors
from services.analysis.methods.toolkit.cards import titles_of
from services.analysis.methods.toolkit.champion import Champion
from services.analysis.methods.toolkit.importance import importances
from services.analysis.methods.toolkit.keeping import champion_of, keep_model
from services.analysis.methods.toolkit.layout import figure, text
from services.analysis.methods.toolkit.leakage import Alarms, alarm, late_alarms
from services.analysis.methods.toolkit.listing import list_numbers
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.previous import drift_of
from services.analysis.methods.toolkit.quantities import Aim, NumberStudy, conduct
from services.analysis.methods.toolkit.reading import Reading, read_rows
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.methods.toolkit.stored import Table
from services.analysis.worker.sdk import Bundle, Outputs, Report

COPY = 0.9999
SCORING = ("R2 감소", "Loss of R squared")
BAR = ("지표의 악화", "Loss of the measure")


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = read(SCHEMA, bundle.parameters)
    report(0.05, "reading the linked table")
    rows = rows_of(bundle, parameters)
    report(0.1, "learning and predicting")
    split = split_rows(rows, test_from=parameters["test_from"], folds=parameters["folds"])
    study = conduct(rows, split, Aim(parameters["loss"], parameters["quantile"]), capacity=parameters["capacity"])
    report(0.7, "measuring")
    alarms = find_alarms(study)
    made, summary = measure(study, alarms, champion_of(bundle, rows))
    report(0.9, "listing with reasons")
    listed = list_numbers(study)
    drawn = {name: spec for name, spec in draw().items() if spec["data"]["name"] in made}
    quality = study.quality(study.best)
    models = keep_model(study, CARD, "regression_model", {"mae": quality.mae, "rmse": quality.rmse, "r2": quality.r2})
    return Outputs(made, drawn, {headline.NAME: summary}, listed, models, alarms)


def rows_of(bundle: Bundle, parameters: dict[str, Any]) -> Rows:
    reading = Reading(
        outcome=("target",),
        time=TIME,
        group=GROUP,
        audit=AUDIT,
        left_out=frozenset(parameters["left_out"]),
        signs=parameters["monotone"],
        titles=titles_of(TABLE.columns) | parameters["titles"],
    )
    return read_rows(Table(bundle), reading)


def find_alarms(study: NumberStudy) -> Alarms:
    """A feature that is the target in other words, or that is dated after the day of its row."""
    alarms = late_alarms(study.rows)
    matrix = study.matrix[study.rows.known[study.split.scored]]
    for name, narrow in zip(study.encoding.columns, matrix.T, strict=True):
        column = narrow.astype(np.float64)
        known = np.isfinite(column)
        told = known.sum() >= 100 and np.ptp(column[known]) > 0 and np.ptp(study.label[known]) > 0
        if told and likeness(column[known], study.label[known]) > COPY:
            alarms.append(alarm("feature-leaks-label", f"The feature {name} is the target in other words.", name))
    return alarms[:20]


def likeness(column: Floats, label: Floats) -> float:
    """How nearly one follows from the other: by a straight line, or by any line that only rises or only falls."""
    pairs = ((column, label), (ranks(column), ranks(label)))
    return max(abs(float(np.corrcoef(*pair)[0, 1])) for pair in pairs)


def ranks(values: Floats) -> Floats:
    """From the smallest on; equal values share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def measure(study: NumberStudy, alarms: Alarms, champion: Champion | None) -> tuple[dict[str, Any], dict[str, Any]]:
    encoding, known = study.encoding, study.rows.known[study.split.scored]
    uses = dict.fromkeys(encoding.codes, "category") | dict.fromkeys(encoding.masks, "masked") | dict(encoding.left_out)
    losses, tried = importances(study.final, study.matrix[known], study.label, "r2")
    drift, against = drift_of(study, champion)
    made = [
        quantity_tables.model_comparison(study),
        quantity_tables.calibration(study),
        quantity_tables.group_errors(study),
        tables.drivers(study.rows, losses, tried, SCORING),
        tables.drift_table(study.rows, drift, against) if drift else None,
        tables.features(study.rows, uses),
        availability(study.rows, uses),
        champion_errors(study, champion) if champion else None,
    ]
    counted = figure("leakage_alarms", text("정답 누출 경보", "Leakage alarms"), len(alarms), len(study.label))
    split = {"kind": str(study.split.kind), "test_from": study.split.cut or None, "model": study.best}
    figures_ = [*quantity_tables.headline(study), *headline.moved(drift), counted]
    summary = {"name": headline.NAME, "figures": figures_, "split": split, "notes": headline.notes(alarms)}
    return {table["name"]: table for table in made if table}, summary


def draw() -> dict[str, Any]:
    titles = figures.TITLES
    return {
        "calibration_figure": figures.means("calibration_figure", ("예측과 실제", "Predicted and observed")),
        "drivers_figure": figures.bars("drivers_figure", titles["drivers_figure"], "drivers", "effect", BAR),
        "drift_figure": figures.bars("drift_figure", titles["drift_figure"], "drift", "psi", ("PSI", "PSI")),
    }
