"""How well the score works in each industry."""

from sklearn.metrics import roc_auc_score

from services.analysis.methods.small_business_crisis.card import OWN_TABLES
from services.analysis.methods.toolkit.arrays import Flags
from services.analysis.methods.toolkit.disclosure import levels, wide
from services.analysis.methods.toolkit.layout import (
    LABELS,
    Cell,
    Table,
    count,
    dimension,
    measured,
    rate_with_interval,
    rounded,
    shares,
    table,
    text,
)
from services.analysis.methods.toolkit.study import Study

COLUMNS = [
    dimension("industry", "업종", "Industry"),
    *LABELS,
    count("rows", "사업체월", "Business months"),
    count("cases", "해당 건", "Cases"),
    *rate_with_interval("rate", "실제 비율", "Realised rate", numerator="cases", of="rows"),
    measured("mean_score", "평균 점수", "Mean score", of="rows"),
    measured("roc_auc", "ROC-AUC", "ROC-AUC", of="cases"),
]
NOTES = text(
    "업종은 KSIC 앞 두 자리이며, 해당 건이 10 미만인 업종은 '그 밖'으로 합쳤습니다.",
    "Industries by the first two digits of KSIC; those with fewer than 10 cases are joined as others.",
)


def industries(study: Study) -> Table | None:
    if "industry" not in study.rows.audit:
        return None
    label, score = study.label, study.probability(study.best)

    def is_wide(member: Flags) -> bool:
        return wide(int(label[member].sum()), int(member.sum()))

    rows: list[list[Cell]] = []
    for level in levels("industry", study.rows.audit["industry"][study.measured], is_wide):
        part, scores = label[level.member], score[level.member]
        size, cases = len(part), int(part.sum())
        auc = round(float(roc_auc_score(part, scores)), 4)
        rows.append([level.code, *level.words, size, cases, *shares(cases, size), rounded(float(scores.mean())), auc])
    return table("industries", OWN_TABLES["industries"], COLUMNS, rows, NOTES) if rows else None
