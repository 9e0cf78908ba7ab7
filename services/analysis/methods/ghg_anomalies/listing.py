"""The restricted list: a line for each facility, its findings as reasons in words, the weightiest facility first."""

import re

import numpy as np

from services.analysis.methods.deviation.robust import Codes
from services.analysis.methods.ghg_anomalies.ledger import Findings
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.reasons import LAYER_WORDS, LAYERS, REASONS, WORDS, Reason
from services.analysis.methods.ghg_anomalies.study import Study

MOST = 10
SUREST = 0.999
LONG_NUMBER = re.compile(r"[0-9a-fA-F\-]{12,}")


def list_facilities(study: Study) -> list[dict[str, object]]:
    """Pseudonym, the highest probability, and the findings with stream, period, expected tCO2e and difference."""
    within, panel = study.within, study.panel
    facility = panel.facility[within.stream]
    named, place = np.unique(facility, return_inverse=True)
    weight = np.bincount(place, within.weight, len(named))
    own = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place, minlength=len(named)))[:-1])
    return [_line(study, int(named[at]), own[at]) for at in np.argsort(-weight, kind="stable")]


def _line(study: Study, facility: int, places: Codes) -> dict[str, object]:
    within = study.within
    reasons = [_reason(study.panel, within, int(at)) for at in places[:MOST]]
    if (more := len(places) - MOST) > 0:
        reasons[-1]["ko"] += f" 그 밖 {more}건."
        reasons[-1]["en"] += f" And {more} more."
    score = round(min(float(within.probability[places].max()), SUREST), 4)
    return {"pseudonym": str(study.panel.pseudonyms[facility]), "score": score, "reasons": reasons}


def _reason(panel: Panel, findings: Findings, at: int) -> dict[str, str]:
    reason, layer = REASONS[findings.reason[at]], LAYERS[findings.layer[at]]
    stream = stream_name(panel, int(findings.stream[at]))
    times = "?" if reason is Reason.PERIOD_IMPLAUSIBLE and not findings.reported[at] else _times(panel, findings, at)
    expected, difference = amount(findings.expected[at]), amount(findings.difference[at], sign=True)
    (ko, en), (layer_ko, layer_en) = WORDS[reason], LAYER_WORDS[layer]
    return {
        "code": reason.value,
        "ko": f"{ko}: 배출원 {stream}, {times}. {_told(reason, expected, difference, korean=True)} {layer.value} {layer_ko}.",
        "en": f"{en}: stream {stream}, {times}. {_told(reason, expected, difference, korean=False)} {layer.value} {layer_en}.",
    }


def _told(reason: Reason, expected: str, difference: str, *, korean: bool) -> str:
    if reason in (Reason.UNIT_UNKNOWN, Reason.PERIOD_IMPLAUSIBLE):
        return "기대 배출량을 알 수 없음." if korean else "No expectation is possible."
    return f"기대 {expected} tCO2e, 차이 {difference}." if korean else f"Expected {expected} tCO2e, difference {difference}."


def stream_name(panel: Panel, stream: int) -> str:
    """As the operator calls it; a name that could be anybody's number is replaced by its place in the facility."""
    name = str(panel.names[stream])
    if LONG_NUMBER.search(name):
        return f"#{int((panel.facility[:stream] == panel.facility[stream]).sum()) + 1}"
    return name


def _times(panel: Panel, findings: Findings, at: int) -> str:
    first, last = panel.periods.label(int(findings.first[at])), panel.periods.label(int(findings.last[at]))
    return first if first == last else f"{first} – {last}"


def amount(value: float, *, sign: bool = False) -> str:
    """Three significant digits, thousands apart: nobody needs more, and no number can be taken for a person's."""
    rounded = float(f"{float(value):.3g}")
    if abs(rounded) >= 1e15:
        return f"{rounded:.2e}"
    digits = 0 if abs(rounded) >= 100 else 1 if abs(rounded) >= 1 else 3
    return f"{rounded:{'+' if sign else ''},.{digits}f}"
