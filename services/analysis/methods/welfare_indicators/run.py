"""The method from bundle to outputs."""

from typing import Any

import numpy as np

from services.analysis.methods.toolkit import headline
from services.analysis.methods.toolkit.counting import with_counts
from services.analysis.methods.toolkit.keeping import champion_of, keep_model, metrics_of
from services.analysis.methods.toolkit.layout import figure, text
from services.analysis.methods.toolkit.leakage import find_alarms
from services.analysis.methods.toolkit.listing import list_highest
from services.analysis.methods.toolkit.observation import open_share
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.reporting import draw, tell
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.methods.toolkit.study import Study, conduct
from services.analysis.methods.welfare_indicators.card import CARD, SCHEMA
from services.analysis.methods.welfare_indicators.contacts import contact_outcomes
from services.analysis.methods.welfare_indicators.reading import GROUPS, TAKES_DAYS, Round, read_round
from services.analysis.worker.sdk import Bundle, Outputs, Report

MODELS = {
    "counting": ("지표 개수", "counting indicators"),
    "logistic": ("로지스틱 회귀", "logistic regression"),
    "boosting": ("단조 부스팅", "monotone boosting"),
}


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = read(SCHEMA, bundle.parameters)
    report(0.05, "reading the linked table")
    found = read_round(bundle, parameters["support"], parameters["observed_until"])
    report(0.1, "learning and scoring")
    study = study_of(found, parameters)
    report(0.6, "measuring")
    alarms = find_alarms(study)
    told = tell(study, MODELS, GROUPS, champion_of(bundle, study.rows))
    contacts = contact_outcomes(found)
    tables = told.tables | ({contacts["name"]: contacts} if contacts else {})
    report(0.9, "listing with reasons")
    figures = [*told.figures, *unreached(found), *open_share(found.over)]
    return Outputs(
        tables=tables,
        figures=draw(tables),
        metrics={headline.NAME: headline.metrics(study, figures, alarms)},
        restricted_list=list_highest(study, parameters["minimum_score"]),
        alarms=alarms,
        models=keep_model(study, CARD, "welfare_model", metrics_of(study)),
    )


def study_of(found: Round, parameters: dict[str, Any]) -> Study:
    split = split_rows(found.rows, test_from=parameters["test_from"], gap_days=TAKES_DAYS)
    study = conduct(found.rows, split, capacity=parameters["capacity"], audit_share=parameters["audit_share"])
    return with_counts(study, found.counts)


def unreached(found: Round) -> list[dict[str, Any]]:
    """The share of household months that nobody reached: neither a success nor a failure of the list."""
    share, size = float(np.mean(~found.reached)), len(found.reached)
    if min(share, 1 - share) * size < 10:
        return []
    return [figure("not_reached", text("만나지 못한 비율", "Share not reached"), share, size)]
