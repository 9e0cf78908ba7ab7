"""The model of a study as a file for the next round, and the released model of the last round beside it."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.champion import Champion, score_champion
from services.analysis.methods.toolkit.drift import SCORE, Drift
from services.analysis.methods.toolkit.encoding import MASK, Encoding
from services.analysis.methods.toolkit.export import RefusedError, export
from services.analysis.methods.toolkit.layout import Text, text
from services.analysis.methods.toolkit.periods import NEVER, iso
from services.analysis.methods.toolkit.psi import Stability
from services.analysis.methods.toolkit.quantities import NumberStudy
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.study import Study
from services.analysis.worker.sdk import Array, Bundle
from shared.contracts import FeatureKind, MethodCard, ModelFeature, TrainedBy, TrainingPeriod

SAMPLE = 20_000
SEED = 0
WHY = {"too-few-rows": "배울 행이 너무 적습니다", "no-features": "배울 것이 없습니다"}


def keep_model(study: Study | NumberStudy, card: MethodCard, name: str, metrics: Mapping[str, float]) -> dict[str, bytes]:
    """The model that learned from all that may be learned from; nothing where no file can be made of it."""
    encoding, rows = study.encoding, study.rows
    learned = study.split.train & rows.known if study.split.cut else rows.known
    places = np.flatnonzero(learned)
    if len(places) > SAMPLE:
        places = np.sort(np.random.default_rng(SEED).choice(places, SAMPLE, replace=False))
    sample = encoding.matrix(rows.at(places))
    try:
        made = model_file(card, study.final.estimator, features_of(encoding), sample, period_of(rows, learned), metrics)
    except RefusedError:
        return {}
    return {name: made}


def model_file(
    card: MethodCard,
    estimator: Any,
    features: Sequence[ModelFeature],
    sample: Matrix,
    training: TrainingPeriod,
    metrics: Mapping[str, float],
) -> bytes:
    """A model of this method, fitted on rows such as the sample: shape (rows, features). RefusedError if no file can be made."""
    by = TrainedBy(name=card.name, version=card.version)
    return export(estimator, features, sample, method=by, training=training, metrics=metrics)


def no_model(refusal: RefusedError) -> Text:
    """Why a round hands in no model, for its notes."""
    why = WHY.get(refusal.code, "파일로 만들 수 없습니다")
    return text(f"모형을 제출하지 않았습니다. {why}.", f"No model is handed in. {refusal.detail}")


def features_of(encoding: Encoding) -> list[ModelFeature]:
    """The columns of the matrix. A category that training never saw is told apart from a missing one by its code."""
    kinds = dict.fromkeys(encoding.codes, FeatureKind.CATEGORY)
    return [
        ModelFeature(name=name, kind=kinds.get(name, FeatureKind.NUMBER), categories=encoding.codes.get(name, ()))
        for name in encoding.columns
    ]


def period_of(rows: Rows, learned: Any) -> TrainingPeriod:
    size = int(learned.sum())
    days = rows.day[learned] if rows.day is not None else np.array([], dtype=np.int64)
    days = days[days != NEVER]
    if not len(days):
        return TrainingPeriod(rows=size)
    first, last = (date.fromisoformat(iso(int(day))) for day in (days.min(), days.max()))
    return TrainingPeriod(first=first, last=last, rows=size)


def champion_of(bundle: Bundle, rows: Rows) -> Champion | None:
    """What the released model says of these rows, if the request names one."""
    if bundle.champion is None:
        return None
    return score_champion(bundle, columns_of(rows), lambda places: columns_of(rows.at(places)))


def columns_of(rows: Rows) -> Mapping[str, Array]:
    """The features, and which of them their owner had on the day of the row."""
    masks: dict[str, Array] = {}
    for name, day in rows.available_from.items():
        masks[MASK + name] = np.ones(len(rows)) if rows.day is None else (rows.day >= day).astype(np.float64)
    return ChainMap(masks, cast(dict[str, Array], rows.features))


def drift_from(champion: Champion, rows: int) -> list[Drift]:
    """Of the score first, then of each feature that both rounds have, the most moved first."""
    before = max(champion.manifest.training.rows, 0)
    moved = [Drift(name, index, before, rows) for name, index in champion.feature_shift.items()]
    score = Drift(SCORE, champion.score_shift or Stability(0.0, 0.0), before, rows)
    return [score, *sorted(moved, key=lambda each: -each.psi)]


def metrics_of(study: Study) -> dict[str, float]:
    quality = study.quality(study.best)
    named: dict[str, Floats | float] = {"roc-auc": quality.roc_auc, "pr-auc": quality.pr_auc, "brier": quality.brier}
    return {name: float(value) for name, value in named.items()}
