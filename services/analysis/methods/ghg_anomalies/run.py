"""The method from bundle to outputs."""

from services.analysis.methods.ghg_anomalies.figures import make_figures
from services.analysis.methods.ghg_anomalies.listing import list_facilities
from services.analysis.methods.ghg_anomalies.metrics import NAME, make_metrics
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.parts import conduct_all
from services.analysis.methods.ghg_anomalies.tables import make_tables
from services.analysis.worker.sdk import Bundle, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = Parameters.read(bundle.parameters)
    report(0.05, "reading the statements")
    study, forest = conduct_all(bundle, parameters, report)
    report(0.9, "writing the list")
    tables = make_tables(study, forest)
    return Outputs(
        tables=tables,
        figures=make_figures(tables),
        metrics={NAME: make_metrics(study, forest)},
        restricted_list=list_facilities(study),
    )
