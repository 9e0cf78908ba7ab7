"""Expected activity as a model for the next round, and the released model of an earlier round beside this one's."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from services.analysis.methods.deviation.layout import MINIMUM_CELL, Table, Words
from services.analysis.methods.deviation.residuals import FEWEST, MOST_LEARNED, boosting, varied
from services.analysis.methods.ghg_anomalies.card import CARD
from services.analysis.methods.ghg_anomalies.lessons import SEASON, SEED, TEXTS, Lessons
from services.analysis.methods.toolkit.beside import errors_beside, notes
from services.analysis.methods.toolkit.champion import score_champion
from services.analysis.methods.toolkit.export import RefusedError, matrix_of
from services.analysis.methods.toolkit.keeping import drift_from, model_file
from services.analysis.methods.toolkit.previous import CHAMPION
from services.analysis.methods.toolkit.quantities import Aim
from services.analysis.methods.toolkit.tables import drift_table
from services.analysis.worker.sdk import Bundle, MethodError
from shared.contracts import FeatureKind, ModelFeature, ModelManifest, TrainingPeriod

MODEL = "expected_model"
MONTHS = 12


def keep_model(lessons: Lessons) -> bytes:
    """Boosting on cells of all facilities, as a file; of very many cells a seeded sample teaches. RefusedError if there are too
    few, or if they say nothing."""
    taught = lessons.drawn(MOST_LEARNED)
    if len(taught) < FEWEST or taught.facilities < MINIMUM_CELL:
        needed = f"{FEWEST} known statements of {MINIMUM_CELL} facilities are needed that nothing else explains."
        raise RefusedError("too-few-rows", needed)
    features = features_of(taught)
    matrix = matrix_of(features, taught.columns, len(taught))
    used = varied(matrix)
    named = [feature for feature, one in zip(features, used, strict=True) if one]
    if not named or np.ptp(taught.target) == 0 or is_monthly(named) != (taught.periods.a_year == MONTHS):
        raise RefusedError("no-features", "What is known of the statements does not tell them apart, or not over the year.")
    quality = Aim().quality(lessons.target, lessons.expected)
    metrics = {"mae": quality.mae, "rmse": quality.rmse, "r2": quality.r2}
    model = boosting(seed=SEED).fit(matrix[:, used], taught.target)
    return model_file(CARD, model, named, matrix[:, used], period_of(taught), metrics)


def features_of(lessons: Lessons) -> list[ModelFeature]:
    """Numbers, and categories by name: those of at least ten facilities; any other is one that the model does not know."""
    made = []
    for name, values in lessons.columns.items():
        if name in TEXTS:
            facilities = Counter(value for value, _ in set(zip(values.tolist(), lessons.facility.tolist(), strict=True)))
            kept = sorted(value for value, many in facilities.items() if value is not None and many >= MINIMUM_CELL)
            made.append(ModelFeature(name=name, kind=FeatureKind.CATEGORY, categories=tuple(kept)))
        else:
            made.append(ModelFeature(name=name))
    return made


def is_monthly(features: Iterable[ModelFeature]) -> bool:
    """A model of annual statements has no season."""
    return SEASON in {feature.name for feature in features}


def period_of(lessons: Lessons) -> TrainingPeriod:
    first, after = (lessons.periods.starts(int(at)) for at in (lessons.period.min(), lessons.period.max() + 1))
    return TrainingPeriod(first=first, last=after - timedelta(days=1), rows=len(lessons))


def beside(lessons: Lessons, bundle: Bundle, released: ModelManifest) -> list[Table]:
    """What the released model expects of this round's cells, held against what they show: its errors and this round's, and how
    far the features have moved. None if the cells are of fewer than ten facilities. MethodError if it expects other periods."""
    if is_monthly(released.features) != (lessons.periods.a_year == MONTHS):
        raise MethodError("champion-other-frequency", "Of the released model and the statements, one is monthly and one annual.")
    if lessons.facilities < MINIMUM_CELL:
        return []
    champion = score_champion(bundle, lessons.given)
    compared = errors_beside(lessons.target, champion.scores, lessons.expected, notes(champion, told(released.training)))
    return [compared, drift_table(lessons, drift_from(champion, len(lessons)), CHAMPION)]


def told(training: TrainingPeriod) -> Words:
    last = f"{training.last or '?'}"
    return (
        f" 오차는 활동량의 로그 편차이며, 다른 검사로 설명된 칸은 뺐습니다. 새 모형은 해당 사업장을 보지 않았고, "
        f"공개된 모형은 {last}까지의 명세서를 보았을 수 있습니다.",
        f", in logarithms of activity; what another test explains is left out. The new model never saw the facility; "
        f"the released one may have seen statements up to {last}",
    )
