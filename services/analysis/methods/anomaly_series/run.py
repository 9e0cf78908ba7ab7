"""The method from bundle to outputs."""

from services.analysis.methods.anomaly_series.outputs import list_series, make_figures, make_metrics, make_tables
from services.analysis.methods.anomaly_series.parameters import SCHEMA
from services.analysis.methods.anomaly_series.parts import search
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.worker.sdk import Bundle, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    found = search(bundle, Parameters.read(SCHEMA, bundle.parameters), report)
    report(0.9, "writing the list")
    tables = make_tables(found)
    return Outputs(
        tables=tables,
        figures=make_figures(tables),
        metrics={"summary": make_metrics(found)},
        restricted_list=list_series(found),
    )
