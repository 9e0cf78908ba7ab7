"""The method from bundle to outputs."""

from typing import Any

from services.analysis.methods.small_business_crisis.card import CARD, HORIZONS, OWN_FIGURES, SCHEMA
from services.analysis.methods.small_business_crisis.industries import industries
from services.analysis.methods.small_business_crisis.levels import Levels, levels_table, make_levels
from services.analysis.methods.small_business_crisis.reading import AGE, SIZES, Books, read_books
from services.analysis.methods.toolkit import figures, headline
from services.analysis.methods.toolkit.hazard import make_hazard
from services.analysis.methods.toolkit.keeping import champion_of, keep_model, metrics_of
from services.analysis.methods.toolkit.leakage import find_alarms
from services.analysis.methods.toolkit.listing import list_highest
from services.analysis.methods.toolkit.models import MODELS as PLAIN
from services.analysis.methods.toolkit.observation import open_share
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.reporting import draw, tell
from services.analysis.methods.toolkit.scorecard import make_scorecard, points_table
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.methods.toolkit.study import Study, conduct
from services.analysis.worker.sdk import Bundle, Outputs, Report

MODELS = {name: PLAIN[name] for name in ("prior", "logistic", "boosting")} | {
    "scorecard": ("점수표", "scorecard"),
    "hazard": ("이산 시간 위험 모형", "discrete-time hazard"),
}
RATE = ("실제 비율", "Realised rate")


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = read(SCHEMA, bundle.parameters)
    report(0.05, "reading the linked table")
    books = read_books(bundle, parameters["outcome"], parameters["observed_until"])
    report(0.1, "learning and scoring")
    study = study_of(books, parameters)
    report(0.7, "measuring")
    alarms = [*books.outcome.alarms, *find_alarms(study)]
    levels = levels_of(study, parameters)
    told = tell(study, MODELS, {"size": SIZES}, champion_of(bundle, study.rows))
    own = [
        levels_table(levels, study.probability(study.best), study.label),
        industries(study),
        points_table(study.models.by_name["scorecard"].estimator, study.encoding, study.rows),
    ]
    tables = told.tables | {table["name"]: table for table in own if table}
    report(0.9, "listing with reasons")
    return Outputs(
        tables=tables,
        figures=draw(tables) | own_figures(tables),
        metrics={headline.NAME: headline.metrics(study, [*told.figures, *open_share(books.over)], alarms)},
        restricted_list=[with_level(levels, row) for row in list_highest(study)],
        alarms=alarms,
        models=keep_model(study, CARD, "crisis_model", metrics_of(study)),
    )


def study_of(books: Books, parameters: dict[str, Any]) -> Study:
    split = split_rows(books.rows, test_from=parameters["test_from"], gap_days=HORIZONS[parameters["outcome"]])
    extra = {"scorecard": make_scorecard, "hazard": make_hazard(books.months, books.outcome.periods, AGE)}
    capacity, share = parameters["capacity"], parameters["audit_share"]
    return conduct(books.rows, split, capacity=capacity, audit_share=share, extra=extra)


def levels_of(study: Study, parameters: dict[str, Any]) -> Levels:
    above = (parameters["severe_share"], parameters["crisis_share"], parameters["caution_share"])
    return make_levels(study.probability(study.best), study.label, above)


def with_level(levels: Levels, row: dict[str, Any]) -> dict[str, Any]:
    """The level comes before the reasons."""
    at = int(levels.of(row["score"]))
    ko, en = levels.word(at)
    told = {"code": f"level-{levels.code(at)}"[:40], "ko": f"위험 단계: {ko}", "en": f"Level: {en}"}
    return row | {"reasons": [told, *row["reasons"]]}


def own_figures(tables: dict[str, Any]) -> dict[str, Any]:
    drawn = {
        "levels_figure": figures.shares("levels_figure", OWN_FIGURES["levels_figure"], "crisis_levels", "rate", RATE),
        "industries_figure": figures.bars(
            "industries_figure", OWN_FIGURES["industries_figure"], "industries", "roc_auc", ("ROC-AUC", "ROC-AUC")
        ),
    }
    return {name: spec for name, spec in drawn.items() if spec["data"]["name"] in tables}
