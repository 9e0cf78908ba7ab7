"""The method from bundle to outputs."""

from services.analysis.methods.ghg_anomalies.card import CARD
from services.analysis.methods.ghg_anomalies.figures import make_figures
from services.analysis.methods.ghg_anomalies.keeping import MODEL, beside, keep_model
from services.analysis.methods.ghg_anomalies.listing import list_facilities
from services.analysis.methods.ghg_anomalies.metrics import NAME, make_metrics
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.parts import conduct_all
from services.analysis.methods.ghg_anomalies.tables import make_tables
from services.analysis.methods.toolkit.champion import trained_by
from services.analysis.methods.toolkit.export import RefusedError
from services.analysis.methods.toolkit.keeping import no_model
from services.analysis.worker.sdk import Bundle, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = Parameters.read(bundle.parameters)
    released = trained_by(bundle, CARD.name) if bundle.champion else None
    report(0.05, "reading the statements")
    study, forest = conduct_all(bundle, parameters, report)
    report(0.9, "writing the list")
    tables = make_tables(study, forest)
    figures = make_figures(tables)
    if released:
        tables |= {table["name"]: table for table in beside(study.lessons, bundle, released)}
    try:
        models, untold = {MODEL: keep_model(study.lessons)}, None
    except RefusedError as refusal:
        models, untold = {}, no_model(refusal)
    return Outputs(
        tables=tables,
        figures=figures,
        metrics={NAME: make_metrics(study, forest, untold)},
        restricted_list=list_facilities(study),
        models=models,
    )
