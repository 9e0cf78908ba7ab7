"""The method card of anomaly detection on series."""

from services.analysis.methods.anomaly_series import titles
from services.analysis.methods.anomaly_series.columns import BASE, SERIES
from services.analysis.methods.anomaly_series.parameters import SCHEMA
from services.analysis.methods.deviation.cards import KEY_DOMAIN, outputs
from shared.contracts import Linkage, LocalText, MethodCard, Resources

CARD = MethodCard(
    name="anomaly_series",
    version="1.0.0",
    title=LocalText(ko="시계열 이상 탐지", en="Anomalies in series"),
    purpose="Point out stretches of measured series that people should look at again first, with the reason in words.",
    owner="mois",
    inputs=(SERIES,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base=BASE),
    parameters=SCHEMA,
    outputs=outputs(titles),
    assumptions=(
        "Times are ISO 8601; the commonest distance of two times is the step, and every row stands on the grid of that step.",
        "Each value is expected by gradient boosting from the calendar, the same time of the days and weeks before and after, "
        "and the further columns, out of fold: by series where there are thirty or more, else by stretches of time.",
        "What the first fit was far off, and what stands still, teaches nothing in the second.",
        "A residual is measured by the usual spread at such a level; scores are evened out over a sixth of a day.",
        "A value stands still if a run of it is too long for chance in that series. Zero never stands still.",
        "An isolation forest on the raw columns is reported beside it where known anomalies are given; none learns from these.",
        "Of more than two million points, whole series drawn by a seed teach what all are judged by; the list ends at 200,000 "
        "lines, and further columns of names are left out.",
        "Deterministic: fixed seed.",
    ),
    must_not_conclude=(
        "A stretch that is listed is no proof of an error or of intent.",
        "A series that is not listed may still be wrong: an error that is there all the time is what is expected.",
    ),
    resources=Resources(seconds=1800, memory_mb=2048),
)
