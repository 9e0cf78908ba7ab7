"""The method card: what the search for abnormal emission statements takes, gives, assumes, and must not be used for."""

from services.analysis.methods.deviation.cards import outputs
from services.analysis.methods.ghg_anomalies import titles
from services.analysis.methods.ghg_anomalies.columns import BASE, INPUTS, KEY_DOMAIN
from services.analysis.methods.ghg_anomalies.parameters import SCHEMA
from services.analysis.methods.ghg_anomalies.standards import Source, sources
from shared.contracts import Linkage, LocalText, MethodCard, Resources


def _told(one: Source) -> str:
    if one.checked is None:
        return f"Table of {one.table}: {one.text}; not yet held against its source."
    but = f", but for {', '.join(one.unheld)}" if one.unheld else ""
    return f"Table of {one.table}: {one.text}; held against its source on {one.checked}{but}; again by {one.recheck_by}."


TABLES_USED = tuple(_told(one) for one in sources())

CARD = MethodCard(
    name="ghg_anomalies",
    version="1.0.0",
    title=LocalText(ko="온실가스 이상 패턴 탐지", en="Abnormal patterns in greenhouse-gas statements"),
    purpose=(
        "Point out the statements of emissions that people should look at again first, with the reason and the emissions in "
        "question, so that errors are found before allowances are settled."
    ),
    owner="me",
    inputs=INPUTS,
    linkage=Linkage(key_domain=KEY_DOMAIN, base=BASE, match_floor=0.05),
    parameters=SCHEMA,
    outputs=outputs(titles),
    assumptions=(
        "One row is one source stream of one facility in one period, a month or a year; streams have numbers of their own, so "
        "that one that is stated twice can be seen.",
        "L0 recomputes quantity x heat x factors x oxidation x potentials and holds units and factors against tables; where all "
        "statements of a fuel count otherwise by one factor, that is taken for their convention and not for an error.",
        "L1 compares a stream's intensity with its peers by median and median absolute deviation, and annual statements with the "
        "year before.",
        "L2 compares with billed electricity and gas and with stack measurements where another ministry gives them.",
        "L3 expects activity by gradient boosting over production, weather, season and the facility's other streams, out of fold "
        "by facility, corrected by each stream's own robust level and slopes. An isolation forest is reported beside it.",
        "The expected activity of L3 is handed in as a model of all facilities; a released one is reported beside it, on "
        "the same cells, and changes no finding.",
        "L4 looks for flat lines, copies of the year before, steps without a step of production, shifted years, silent and "
        "doubled streams.",
        "A finding's probability is a rank between 0 and 1 made of how far it is beyond the usual spread; it was not calibrated "
        "on confirmed errors. Findings are ranked by tCO2e in question times probability.",
        "More than 500,000 rows are judged in parts of whole facilities, in the order of the rows, which is as good as a "
        "lot: peers, expectations and conventions are those of the part. Findings are ranked among all.",
        "Layers whose columns nobody gave are left out, and the result says which.",
        "Deterministic: fixed seed; equal weights are ordered by facility and period.",
        *TABLES_USED,
    ),
    must_not_conclude=(
        "A finding is a reason to look again. It proves no error, and nothing of intent.",
        "A facility that is not listed is not thereby correct: an error that is steady, small and consistent is not seen.",
        "The emissions in question are no corrected emissions; only verification gives these.",
        "A stream that always stood still, or was always wrong by the same small factor, has no history to be measured against.",
        "The recall that is told for this method was measured on planted anomalies; no labelled set of real ones was found.",
    ),
    resources=Resources(seconds=7200, memory_mb=2048),
)
