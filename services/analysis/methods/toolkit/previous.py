"""What the present round is compared with: the released model's own round, or else the rows that were learned from."""

from services.analysis.methods.toolkit.champion import Champion
from services.analysis.methods.toolkit.drift import Drift, find_drift
from services.analysis.methods.toolkit.keeping import drift_from
from services.analysis.methods.toolkit.quantities import NumberStudy
from services.analysis.methods.toolkit.reference import reference_of
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.toolkit.splitting import SplitKind
from services.analysis.methods.toolkit.study import Study

CHAMPION: Words = ("공개된 모형의 회차", "the round of the released model")
LEARNED: Words = ("학습에 쓴 기간", "the rows learned from")


def drift_of(study: Study | NumberStudy, champion: Champion | None) -> tuple[list[Drift], Words]:
    """Drift and what it is against; none without a released model where nothing was split by time."""
    if champion is not None:
        return drift_from(champion, len(study.rows)), CHAMPION
    if study.split.kind is not SplitKind.TIME:
        return [], LEARNED
    before = reference_of(study.encoding, study.rows, study.split.train, study.said)
    return find_drift(before, study.encoding, study.matrix, study.scores[study.best][study.split.scored]), LEARNED
