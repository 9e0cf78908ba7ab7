"""What every study of a yes-or-no outcome is told by: the same tables, headline figures and drawings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.analysis.methods.toolkit import figures, headline, tables
from services.analysis.methods.toolkit.availability import availability
from services.analysis.methods.toolkit.beside import champion_table
from services.analysis.methods.toolkit.champion import Champion
from services.analysis.methods.toolkit.importance import importances
from services.analysis.methods.toolkit.layout import Table
from services.analysis.methods.toolkit.models import MODELS
from services.analysis.methods.toolkit.monotone import of_matrix
from services.analysis.methods.toolkit.previous import drift_of
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.toolkit.study import Study

CASES = 1000
PARTS: dict[str, Words] = {"learned": ("학습", "Learned from"), "measured": ("평가", "Measured")}
LOSS = ("ROC-AUC 감소", "Loss of ROC-AUC")
BARS = {"drivers_figure": ("drivers", "effect", LOSS), "drift_figure": ("drift", "psi", ("PSI", "Population stability index"))}


@dataclass(frozen=True)
class Told:
    """Tables by name and headline figures; a table that would stand on too few is not there."""

    tables: dict[str, Table]
    figures: headline.Figures


def tell(
    study: Study,
    models: Mapping[str, Words] = MODELS,
    groups: Mapping[str, Mapping[str, Words]] | None = None,
    champion: Champion | None = None,
) -> Told:
    """`models` names the models that are compared, `groups` the levels of the groupings."""
    losses, tried = importances(study.final, study.matrix[study.rows.known[study.split.scored]], study.label)
    drift, against = drift_of(study, champion)
    rates, uses = tables.group_rates(study, study.best, groups), uses_of(study)
    made = [
        tables.population(study, PARTS),
        tables.model_comparison(study, models),
        tables.calibration(study, study.best),
        tables.capacity_curve(study, models),
        rates,
        tables.drivers(study.rows, losses, tried, LOSS),
        tables.drift_table(study.rows, drift, against) if drift else None,
        tables.features(study.rows, uses),
        availability(study.rows, uses),
        champion_table(study, champion) if champion else None,
    ]
    told = [
        *headline.quality(study, models),
        *headline.at_capacity(study, models),
        *headline.gaps(rates),
        *headline.moved(drift),
        *headline.monotone(of_matrix(study.final, study.matrix, study.rows.signs, cases=CASES)),
    ]
    return Told({table["name"]: table for table in made if table}, told)


def uses_of(study: Study) -> dict[str, str]:
    """Feature -> how the models use it, or why they do not."""
    encoding = study.encoding
    return dict.fromkeys(encoding.codes, "category") | dict.fromkeys(encoding.masks, "masked") | dict(encoding.left_out)


def draw(made: Mapping[str, Table], titles: Mapping[str, Words] = figures.TITLES) -> dict[str, Any]:
    """A figure for each table that is there."""
    drawn = {
        "calibration_figure": figures.calibration("calibration_figure", titles["calibration_figure"]),
        "capacity_figure": figures.capacity("capacity_figure", titles["capacity_figure"]),
        "group_figure": figures.groups("group_figure", titles["group_figure"]),
    } | {name: figures.bars(name, titles[name], *rest) for name, rest in BARS.items()}
    return {name: spec for name, spec in drawn.items() if spec["data"]["name"] in made}
