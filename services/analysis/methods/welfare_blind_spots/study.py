"""One study: who is learned from, who is scored, and who is listed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.analysis.methods.welfare_blind_spots.evaluation import top
from services.analysis.methods.welfare_blind_spots.features import MINIMUM_ROWS, Flags, Floats, Linked, Texts
from services.analysis.methods.welfare_blind_spots.models import Fitted, Scores, fit_boosting, score_all
from services.analysis.methods.welfare_blind_spots.parameters import Parameters, places_at
from services.analysis.worker.sdk import MethodError


@dataclass(frozen=True)
class Study:
    """The households of the test year, scored by models that never saw their year."""

    linked: Linked
    parameters: Parameters
    train: Flags
    test: Flags
    fitted: Fitted
    scores: Scores

    @cached_property
    def label(self) -> Floats:
        return self.linked.receives[self.test]

    @cached_property
    def matrix(self) -> Floats:
        return self.linked.matrix()[self.test]

    @cached_property
    def pseudonym(self) -> Texts:
        return self.linked.pseudonym[self.test]

    @cached_property
    def poor(self) -> Flags:
        """Below the income limit; a household of unknown income is not counted as poor."""
        return np.asarray(self.linked.limit_income < self.parameters.income_limit)[self.test]

    @property
    def places(self) -> int:
        return self.parameters.places(len(self.label))

    def places_at(self, share: float) -> int:
        return places_at(share, len(self.label))

    def order(self, model: str) -> Floats:
        return self.scores.order[model][self.test]

    def probability(self, model: str) -> Floats:
        return self.scores.probability[model][self.test]

    def selected(self, model: str, places: int) -> Flags:
        return top(self.order(model), self.pseudonym, places)

    @cached_property
    def listed(self) -> Flags:
        """Blind spots: poor, without a benefit, scored high enough, and the highest of these up to capacity."""
        score = self.probability("boosting")
        candidate = self.poor & (self.label == 0) & (score >= self.parameters.minimum_score)
        order = np.where(candidate, score, -1.0)
        return np.asarray(top(order, self.pseudonym, self.places) & candidate)


def conduct(linked: Linked, parameters: Parameters) -> Study:
    """Split by time, train on the earlier years, score the later one."""
    label = linked.receives
    known = np.isfinite(label)
    train = known & np.isin(linked.year, parameters.train_years)
    test = known & (linked.year == parameters.test_year)
    for part, words in ((train, "training years"), (test, "test year")):
        _check_enough(label[part], words)
    fitted = fit_boosting(linked.matrix(), label, train)
    scores = score_all(linked, fitted, label, train, parameters.income_limit)
    return Study(linked, parameters, train, test, fitted, scores)


def _check_enough(label: Floats, words: str) -> None:
    if len(label) < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} households of the {words} have a known outcome.")
    if len(np.unique(label)) < 2:
        raise MethodError("one-class", f"All households of the {words} have the same outcome; nothing can be learned.")
