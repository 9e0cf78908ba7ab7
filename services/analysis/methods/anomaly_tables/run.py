"""The method from bundle to outputs."""

from services.analysis.methods.anomaly_tables.outputs import choose, list_records, make_figures, make_metrics, make_tables
from services.analysis.methods.anomaly_tables.parameters import SCHEMA
from services.analysis.methods.anomaly_tables.records import read
from services.analysis.methods.anomaly_tables.scores import score_rows
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.worker.sdk import Bundle, Outputs, Report


def run(bundle: Bundle, report: Report) -> Outputs:
    parameters = Parameters.read(SCHEMA, bundle.parameters)
    report(0.05, "reading the records")
    records = read(bundle)
    report(0.15, "expecting each column out of fold")
    study = choose(records, parameters, score_rows(records))
    report(0.9, "writing the list")
    tables = make_tables(study)
    return Outputs(
        tables=tables,
        figures=make_figures(tables),
        metrics={"summary": make_metrics(study)},
        restricted_list=list_records(study),
    )
