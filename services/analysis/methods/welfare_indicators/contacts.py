"""What came of the contacts: not reached apart from reached without support."""

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags
from services.analysis.methods.toolkit.disclosure import levels, wide
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import LABELS, Cell, Table, count, dimension, measured, table, text
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.welfare_indicators.card import CONTACTS
from services.analysis.methods.welfare_indicators.reading import Round

WORDS: dict[str, Words] = {
    "visited": ("방문 완료", "visited"),
    "phoned": ("전화 상담", "phoned"),
    "not_located": ("소재 불명", "not located"),
    "refused": ("상담 거부", "refused"),
    "not_contacted": ("미접촉", "not contacted"),
    "unknown": ("접촉 기록 없음", "no record of a contact"),
}
COLUMNS = [
    dimension("contact", "접촉 결과", "Contact"),
    *LABELS,
    dimension("outcome", "결과의 뜻", "What the outcome means"),
    count("rows", "가구월", "Household months"),
    measured("supported", "지원 비율", "Share supported", of="rows"),
    measured("not_eligible", "만났으나 지원 대상 아님", "Share reached without support", of="rows"),
]
NOTES = text(
    "만나지 못한 가구는 지원 대상이 아닌 것이 아니라 알 수 없는 것이므로 비율을 비워 둡니다. 10 미만에 근거한 값도 비워 둡니다.",
    "A household that was not reached is unknown, not ineligible: its shares are left empty, as are those on fewer than 10.",
)


def contact_outcomes(found: Round) -> Table | None:
    rows: list[list[Cell]] = []
    for level in levels("contact", found.contact, _enough, WORDS):
        reached = bool(found.reached[level.member].all())
        label = found.told[level.member & np.isfinite(found.told)]
        cases, known = int(label.sum()), len(label)
        told = reached and wide(cases, known)
        share = [round(cases / known, 4), round(1 - cases / known, 4)] if told else [None, None]
        rows.append([level.code, *level.words, "known" if reached else "unknown", int(level.member.sum()), *share])
    return table("contact_outcomes", CONTACTS["contact_outcomes"], COLUMNS, rows, NOTES) if rows else None


def _enough(member: Flags) -> bool:
    return int(member.sum()) >= MINIMUM_CELL
