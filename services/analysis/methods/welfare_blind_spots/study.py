"""One study: who is learned from, who is scored, and who is listed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.analysis.methods.toolkit import study as toolkit
from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix, Texts, Whole
from services.analysis.methods.toolkit.availability import first_days
from services.analysis.methods.toolkit.counting import with_counts
from services.analysis.methods.toolkit.evaluation import top
from services.analysis.methods.toolkit.models import Fitted
from services.analysis.methods.toolkit.splitting import Fold, Split, SplitKind
from services.analysis.methods.welfare_blind_spots.columns import ALL_COLUMNS
from services.analysis.methods.welfare_blind_spots.features import Linked
from services.analysis.methods.welfare_blind_spots.models import count_signs
from services.analysis.methods.welfare_blind_spots.parameters import Parameters, places_at


@dataclass(frozen=True)
class Study:
    """The households of the test year, scored by models that never saw their year."""

    linked: Linked
    parameters: Parameters
    core: toolkit.Study

    @property
    def train(self) -> Flags:
        return self.core.split.train

    @property
    def test(self) -> Flags:
        return self.core.measured

    @property
    def fitted(self) -> Fitted:
        return self.core.final

    @property
    def label(self) -> Floats:
        return self.core.label

    @property
    def matrix(self) -> Matrix:
        return self.core.matrix

    @property
    def pseudonym(self) -> Texts | Whole:
        return self.core.pseudonym

    def names(self, chosen: Flags) -> Texts:
        """The pseudonyms of these households."""
        return self.core.rows.names(np.flatnonzero(self.test)[chosen])

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
        return self.core.order(model)

    def probability(self, model: str) -> Floats:
        return self.core.probability(model)

    def selected(self, model: str, places: int) -> Flags:
        return self.core.selected(model, places)

    @cached_property
    def listed(self) -> Flags:
        """Blind spots: poor, without a benefit, scored high enough, and the highest of these up to capacity."""
        score = self.probability("boosting")
        candidate = self.poor & (self.label == 0) & (score >= self.parameters.minimum_score)
        order = np.where(candidate, score, -1.0)
        return np.asarray(top(order, self.pseudonym, self.places) & candidate)


def conduct(linked: Linked, parameters: Parameters, available_from: dict[str, str] | None = None) -> Study:
    """Split by time, train on the earlier years, score the later one."""
    rows = linked.rows(first_days(available_from or {}, ALL_COLUMNS))
    train = rows.known & np.isin(linked.year, parameters.train_years)
    test = rows.known & (linked.year == parameters.test_year)
    split = Split(SplitKind.TIME, (Fold(train, test),), f"{parameters.test_year}-01-01")
    core = toolkit.conduct(rows, split, capacity=parameters.capacity, audit_share=parameters.audit_share)
    counts = count_signs(linked, parameters.income_limit)
    return Study(linked, parameters, with_counts(core, counts))
