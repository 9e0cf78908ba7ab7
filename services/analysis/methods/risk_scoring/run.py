"""The method from bundle to outputs."""

from services.analysis.methods.risk_scoring.card import CARD, OUTCOME, TABLE
from services.analysis.methods.risk_scoring.parameters import Parameters
from services.analysis.methods.toolkit import headline
from services.analysis.methods.toolkit.any_table import AUDIT, GROUP, TIME
from services.analysis.methods.toolkit.arrays import Flags, Whole
from services.analysis.methods.toolkit.cards import titles_of
from services.analysis.methods.toolkit.keeping import champion_of, keep_model, metrics_of
from services.analysis.methods.toolkit.leakage import find_alarms
from services.analysis.methods.toolkit.listing import list_highest
from services.analysis.methods.toolkit.observation import horizon_over, last_day, observed, one_sided
from services.analysis.methods.toolkit.reading import Reading, read_rows
from services.analysis.methods.toolkit.reporting import draw, tell
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.methods.toolkit.stored import Table
from services.analysis.methods.toolkit.study import Study, conduct
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = Parameters.of(bundle.parameters)
    report(0.05, "reading the linked table")
    rows = read(bundle, parameters)
    report(0.1, "learning and scoring")
    study = study_of(rows, parameters)
    report(0.6, "looking for leaks")
    alarms = find_alarms(study)
    report(0.7, "measuring")
    told = tell(study, champion=champion_of(bundle, study.rows))
    report(0.9, "listing with reasons")
    listed = list_highest(study, parameters.minimum_score)
    return Outputs(
        tables=told.tables,
        figures=draw(told.tables),
        metrics={headline.NAME: headline.metrics(study, told.figures, alarms)},
        restricted_list=listed,
        alarms=alarms,
        models=keep_model(study, CARD, "risk_model", metrics_of(study)),
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
    rows = read_rows(Table(bundle), reading)
    if rows.day is None:
        if parameters.observed_until is not None:
            raise MethodError("no-time", "Rows have no time: no observed_until can say whose outcome is known.")
        return rows
    return observed(rows, over_of(rows, rows.day, parameters))


def over_of(rows: Rows, day: Whole, parameters: Parameters) -> Flags:
    """Rows whose outcome may be known."""
    takes, end = parameters.outcome_takes_days, last_day(parameters.observed_until, day)
    if parameters.observed_until is not None:
        return horizon_over(day, takes, end)
    return ~one_sided(rows.label, day, takes, end)


def study_of(rows: Rows, parameters: Parameters) -> Study:
    split = split_rows(rows, test_from=parameters.test_from, folds=parameters.folds, gap_days=parameters.outcome_takes_days)
    return conduct(rows, split, capacity=parameters.capacity, audit_share=parameters.audit_share)
