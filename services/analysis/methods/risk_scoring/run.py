"""The method from bundle to outputs."""

from typing import Any

from services.analysis.methods.risk_scoring.card import AUDIT, GROUP, OUTCOME, TABLE, TIME
from services.analysis.methods.risk_scoring.parameters import Parameters
from services.analysis.methods.toolkit import availability, figures, headline, tables
from services.analysis.methods.toolkit.cards import titles_of
from services.analysis.methods.toolkit.importance import importances
from services.analysis.methods.toolkit.leakage import Alarms, find_alarms
from services.analysis.methods.toolkit.listing import list_highest
from services.analysis.methods.toolkit.models import MODELS
from services.analysis.methods.toolkit.monotone import of_matrix
from services.analysis.methods.toolkit.previous import drift_of
from services.analysis.methods.toolkit.reading import Reading, read_rows
from services.analysis.methods.toolkit.reference import Reference
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.methods.toolkit.study import Study, conduct
from services.analysis.worker.sdk import Bundle, Outputs, Report

CASES = 1000
PARTS = {"learned": ("학습", "Learned from"), "measured": ("평가", "Measured")}


def run(bundle: Bundle, report: Report, previous: Reference | None = None) -> Outputs:
    """`previous`: the round of the released model, out of its manifest."""
    parameters = Parameters.of(bundle.parameters)
    report(0.05, "reading the linked table")
    rows = read(bundle, parameters)
    report(0.1, "learning and scoring")
    study = study_of(rows, parameters)
    report(0.6, "looking for leaks")
    alarms = find_alarms(study)
    report(0.7, "measuring")
    made, summary = measure(study, alarms, previous)
    report(0.9, "listing with reasons")
    listed = list_highest(study, parameters.minimum_score)
    return Outputs(
        tables=made,
        figures=draw(set(made)),
        metrics={headline.NAME: summary},
        restricted_list=listed,
        alarms=alarms,
    )


def read(bundle: Bundle, parameters: Parameters) -> Rows:
    reading = Reading(
        outcome=OUTCOME,
        time=TIME,
        group=GROUP,
        audit=AUDIT,
        left_out=frozenset(parameters.left_out),
        signs=parameters.monotone,
        titles=titles_of(TABLE.columns) | parameters.titles,
        dated_by=parameters.dated_by,
    )
    return read_rows(bundle, reading)


def study_of(rows: Rows, parameters: Parameters) -> Study:
    split = split_rows(rows, test_from=parameters.test_from, folds=parameters.folds, gap_days=parameters.outcome_takes_days)
    return conduct(rows, split, capacity=parameters.capacity, audit_share=parameters.audit_share)


def measure(study: Study, alarms: Alarms, previous: Reference | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tables that can be made of these rows, and the headline figures."""
    encoding, known = study.encoding, study.rows.known[study.split.scored]
    uses = dict.fromkeys(encoding.codes, "category") | dict.fromkeys(encoding.masks, "masked") | dict(encoding.left_out)
    losses, tried = importances(study.final, study.matrix[known], study.label)
    drift, against = drift_of(study, previous)
    rates = tables.group_rates(study, study.best)
    made = [
        tables.population(study, PARTS),
        tables.model_comparison(study, MODELS),
        tables.calibration(study, study.best),
        tables.capacity_curve(study, MODELS),
        rates,
        tables.drivers(study.rows, losses, tried, ("ROC-AUC 감소", "Loss of ROC-AUC")),
        tables.drift_table(study.rows, drift, against) if drift else None,
        tables.features(study.rows, uses),
        availability.availability(study.rows, uses),
    ]
    figures_ = [
        *headline.quality(study, MODELS),
        *headline.at_capacity(study, MODELS),
        *headline.gaps(rates),
        *headline.moved(drift),
        *headline.monotone(of_matrix(study.final, study.matrix, study.rows.signs, cases=CASES)),
    ]
    return {table["name"]: table for table in made if table}, headline.metrics(study, figures_, alarms)


def draw(made: set[str]) -> dict[str, Any]:
    """A figure for each table that is there."""
    titles = figures.TITLES
    drawn = [
        ("calibration_figure", figures.calibration("calibration_figure", titles["calibration_figure"])),
        ("capacity_figure", figures.capacity("capacity_figure", titles["capacity_figure"])),
        ("group_figure", figures.groups("group_figure", titles["group_figure"])),
        ("drivers_figure", figures.bars("drivers_figure", titles["drivers_figure"], "drivers", "effect", DRIVERS)),
        ("drift_figure", figures.bars("drift_figure", titles["drift_figure"], "drift", "psi", PSI)),
    ]
    return {name: spec for name, spec in drawn if spec["data"]["name"] in made}


DRIVERS = ("지표의 악화", "Loss of the measure")
PSI = ("PSI", "Population stability index")
