"""One study: every score out of fold, the model that is kept, and who is at the top."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix, Texts, Whole, sortable
from services.analysis.methods.toolkit.encoding import Encoding, fit_encoding
from services.analysis.methods.toolkit.evaluation import Quality, measure, places_at, top
from services.analysis.methods.toolkit.models import Fitted, Make, Models, fit_models
from services.analysis.methods.toolkit.rows import Rows, once
from services.analysis.methods.toolkit.scoring import score_rows
from services.analysis.methods.toolkit.splitting import Split, SplitKind, check_enough
from services.analysis.worker.sdk import MethodError

BASELINES = ("prior", "logistic")


@dataclass(frozen=True)
class Study:
    """Rows with the scores of models that never saw them; NaN where a row was only learned from."""

    rows: Rows
    split: Split
    models: Models
    """Fitted on all that may be learned from: what is exported, explains cases and scores the next round."""
    scores: dict[str, Floats]
    best: str
    capacity: float
    audit_share: float
    orders: dict[str, Floats]
    """Where a model orders rows otherwise than by its probability, as counting signs does; the base rate orders none, though it
    differs a little from fold to fold."""

    @property
    def final(self) -> Fitted:
        return self.models.by_name[self.best]

    @property
    def encoding(self) -> Encoding:
        return self.final.encoding

    @cached_property
    def measured(self) -> Flags:
        """Scored rows whose outcome is known."""
        return self.split.scored & self.rows.known

    @cached_property
    def label(self) -> Floats:
        return self.rows.label[self.measured]

    @cached_property
    def pseudonym(self) -> Texts | Whole:
        return self.rows.pseudonym[self.measured]

    @cached_property
    def matrix(self) -> Matrix:
        """Of the scored rows."""
        return self.encoding.matrix(self.rows.at(np.flatnonzero(self.split.scored)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.scores)

    @property
    def places(self) -> int:
        """The field capacity, as a number of measured rows."""
        return places_at(self.capacity, len(self.label))

    def probability(self, model: str) -> Floats:
        return self.scores[model][self.measured]

    def said(self, matrix: Matrix) -> Floats:
        """What the kept model says of these rows, as `scores` holds it."""
        return self.final.probability(matrix)

    def order(self, model: str) -> Floats:
        return self.orders.get(model, self.scores[model])[self.measured]

    def selected(self, model: str, places: int) -> Flags:
        return top(self.order(model), self.pseudonym, places)

    def quality(self, model: str) -> Quality:
        return measure(self.label, self.order(model), self.probability(model))

    @cached_property
    def candidates(self) -> Flags:
        """Who may be listed: the newest rows whose outcome nobody knows yet; if there are none, all scored rows."""
        waiting = self.split.scored & ~self.rows.known
        if self.rows.ended is not None:
            waiting &= ~self.rows.ended
        if self.rows.day is not None and waiting.any():
            waiting &= self.rows.day == self.rows.day[waiting].max()
        return waiting if waiting.any() else self.split.scored

    def listed(self, minimum: float = 0.0) -> NDArray[np.intp]:
        """Places of the highest scores among the candidates, up to capacity, the highest first; each subject once."""
        places = np.flatnonzero(self.candidates & (np.nan_to_num(self.scores[self.best], nan=-1.0) >= minimum))
        score = self.scores[self.best][places]
        ranked = places[np.lexsort((sortable(self.rows.pseudonym[places]), -score))]
        return once(self.rows.pseudonym, ranked)[: places_at(self.capacity, int(self.candidates.sum()))]


def conduct(
    rows: Rows,
    split: Split,
    *,
    capacity: float = 0.05,
    audit_share: float = 0.25,
    extra: Mapping[str, Make] | None = None,
) -> Study:
    """Learn on each fold, score the others, and keep the model that learned from all that may be learned from."""
    check_binary(rows)
    check_enough(rows, split)
    scores: dict[str, Floats] = {}
    models: list[Models] = []
    for fold in split.folds:
        encoding = fit_encoding(rows, fold.train)
        models.append(fit_models(rows, encoding, fold.train, extra))
        by_name = {name: fitted.probability for name, fitted in models[-1].by_name.items()}
        for name, found in score_rows(encoding, rows, fold.test, by_name).items():
            scores.setdefault(name, np.full(len(rows), np.nan))[fold.test] = found
    best = most_often([each.best for each in models])
    kept = models[0] if split.kind is SplitKind.TIME else fit_models(rows, fit_encoding(rows, rows.known), rows.known, extra)
    return Study(rows, split, kept, scores, best, capacity, audit_share, {"prior": np.zeros(len(rows))})


def check_binary(rows: Rows) -> None:
    known = rows.label[rows.known]
    if not len(known):
        raise MethodError("no-label", "No row has a known outcome.")
    if not np.isin(known, (0.0, 1.0)).all():
        raise MethodError("label-not-binary", "The outcome must be 0 or 1, or unknown.")


def most_often(names: list[str]) -> str:
    return max(sorted(set(names)), key=names.count)
