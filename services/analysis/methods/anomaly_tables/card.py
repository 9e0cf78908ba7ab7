"""The method card of anomaly detection on tables."""

from services.analysis.methods.anomaly_tables import titles
from services.analysis.methods.anomaly_tables.columns import BASE, RECORDS
from services.analysis.methods.anomaly_tables.parameters import SCHEMA
from services.analysis.methods.deviation.cards import KEY_DOMAIN, outputs
from shared.contracts import Linkage, LocalText, MethodCard, Resources

CARD = MethodCard(
    name="anomaly_tables",
    version="1.0.0",
    title=LocalText(ko="표 이상 탐지", en="Anomalies in tables"),
    purpose="Point out rows of any table that people should look at again first, with the columns that make them strange.",
    owner="mois",
    inputs=(RECORDS,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base=BASE),
    parameters=SCHEMA,
    outputs=outputs(titles),
    assumptions=(
        "One row is one record; its columns are whatever the request adds, numbers, flags and texts.",
        "Numbers are evened out around their median by their usual spread, large ones by their logarithm.",
        "Each number column is expected from the row's other columns by gradient boosting, out of fold by rows; a residual "
        "counts in usual spreads, and a column whose residuals often lie far out is drawn in.",
        "A row's score is that of its three strangest columns together; a rare text and a gap where hardly any is count too.",
        "Robust z within the peer group and an isolation forest are reported beside it and list nobody.",
        "Of very large tables the list ends at 200,000 rows, and columns of names are left out.",
        "Known anomalies are only measured against, never learned from.",
        "Deterministic: fixed seed; equal scores stand in the order of the rows.",
    ),
    must_not_conclude=(
        "A record that is listed is strange, not wrong.",
        "An error that the other columns share, or that is everywhere, is not strange and is not listed.",
    ),
    resources=Resources(seconds=1800, memory_mb=2048),
)
