"""The method from bundle to outputs."""

import numpy as np

from services.analysis.methods.toolkit import tables as toolkit_tables
from services.analysis.methods.toolkit.beside import champion_table
from services.analysis.methods.toolkit.keeping import champion_of, keep_model, metrics_of
from services.analysis.methods.toolkit.leakage import find_alarms
from services.analysis.methods.toolkit.previous import drift_of
from services.analysis.methods.welfare_blind_spots import titles
from services.analysis.methods.welfare_blind_spots.card import CARD
from services.analysis.methods.welfare_blind_spots.features import read
from services.analysis.methods.welfare_blind_spots.figures import make_figures
from services.analysis.methods.welfare_blind_spots.metrics import NAME, make_metrics
from services.analysis.methods.welfare_blind_spots.parameters import Parameters
from services.analysis.methods.welfare_blind_spots.reasons import explain
from services.analysis.methods.welfare_blind_spots.study import Study, conduct
from services.analysis.methods.welfare_blind_spots.tables import make_tables
from services.analysis.worker.sdk import Bundle, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = Parameters.read(bundle.parameters)
    report(0.05, "reading the linked table")
    linked = read(bundle)
    report(0.15, "training on the earlier years")
    study = conduct(linked, parameters, bundle.available_from)
    report(0.5, "measuring the test year")
    alarms = find_alarms(study.core)
    champion = champion_of(bundle, study.core.rows)
    drift, against = drift_of(study.core, champion)
    tables = make_tables(study)
    tables["drift"] = toolkit_tables.drift_table(study.core.rows, drift, against, titles.TABLES["drift"])
    if champion and (beside := champion_table(study.core, champion)):
        tables["champion"] = beside
    report(0.7, "listing blind spots with reasons")
    listed = list_blind_spots(study)
    report(0.8, "trying the monotone constraints")
    metrics = make_metrics(study, tables, alarms, drift, len(listed))
    models = keep_model(study.core, CARD, "blind_spot_model", metrics_of(study.core))
    return Outputs(tables, make_figures(tables), {NAME: metrics}, listed, models, alarms)


def list_blind_spots(study: Study) -> list[dict[str, object]]:
    """Pseudonym, score and reasons, the highest score first: no value of the household leaves."""
    scores, names = study.probability("boosting")[study.listed], study.names(study.listed)
    reasons = explain(study.fitted, study.matrix[study.listed])
    return [
        {"pseudonym": str(names[place]), "score": round(float(scores[place]), 4), "reasons": reasons[place]}
        for place in np.lexsort((names.astype(str), -scores))
    ]
