"""The method from bundle to outputs."""

from services.analysis.methods.anomaly_series.outputs import list_series, make_figures, make_metrics, make_tables
from services.analysis.methods.anomaly_series.panel import read
from services.analysis.methods.anomaly_series.parameters import SCHEMA
from services.analysis.methods.anomaly_series.study import conduct
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.worker.sdk import Bundle, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = Parameters.read(SCHEMA, bundle.parameters)
    report(0.05, "reading the series")
    panel = read(bundle)
    report(0.2, "expecting each value out of fold")
    study = conduct(panel, parameters)
    report(0.9, "writing the list")
    tables = make_tables(study)
    return Outputs(
        tables=tables,
        figures=make_figures(tables),
        metrics={"summary": make_metrics(study)},
        restricted_list=list_series(study),
    )
