"""The study of a number: the mean, a ridge and boosting compared on rows that they did not learn from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_poisson_deviance, mean_squared_error, r2_score
from sklearn.pipeline import Pipeline

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix, sortable
from services.analysis.methods.toolkit.encoding import LARGEST, Encoding, fit_encoding
from services.analysis.methods.toolkit.evaluation import places_at
from services.analysis.methods.toolkit.models import LARGE, SHAPES, fit, inner_folds, sample, standardised, typical_of
from services.analysis.methods.toolkit.rows import Rows, once
from services.analysis.methods.toolkit.scoring import score_rows
from services.analysis.methods.toolkit.splitting import MINIMUM_CASES, SEED, Split, SplitKind, check_enough
from services.analysis.worker.sdk import MethodError

MODELS = {"mean": ("평균", "mean"), "ridge": ("능형 회귀", "ridge regression"), "boosting": ("부스팅", "boosting")}
SMALLEST = 1e-100
LOSSES = ("squared_error", "poisson", "quantile")


@dataclass(frozen=True)
class Quality:
    mae: float
    rmse: float
    r2: float
    loss: float
    """What the run asked to make small: squared error, Poisson deviance or pinball loss."""


@dataclass(frozen=True)
class FittedNumber:
    estimator: Any
    encoding: Encoding
    typical: Floats
    scale: float = 1.0
    """The spread of the target in training: reasons are measured by it."""

    def raw(self, matrix: Matrix) -> Floats:
        return np.asarray(self.estimator.predict(matrix), dtype=np.float64)


@dataclass(frozen=True)
class Aim:
    """What the number is predicted for: its mean, its mean as a count, or a quantile."""

    loss: str = "squared_error"
    quantile: float = 0.5

    def measured(self, label: Floats, predicted: Floats) -> float:
        if self.loss == "poisson":
            return float(mean_poisson_deviance(label, np.maximum(predicted, 1e-9)))
        if self.loss == "quantile":
            return float(mean_pinball_loss(label, predicted, alpha=self.quantile))
        return float(mean_squared_error(label, predicted))

    def quality(self, label: Floats, predicted: Floats) -> Quality:
        squared = float(mean_squared_error(label, predicted))
        return Quality(
            mae=float(mean_absolute_error(label, predicted)),
            rmse=float(np.sqrt(squared)),
            r2=float(r2_score(label, predicted)),
            loss=self.measured(label, predicted),
        )

    def check(self, label: Floats) -> None:
        if np.abs(label).max() > LARGEST:
            raise MethodError("label-too-large", "The target holds numbers that are too large to be squared and added up.")
        if 0 < np.ptp(label) < SMALLEST:
            raise MethodError("label-too-small", "The target differs by less than what can be squared and added up.")
        if self.loss == "poisson" and (label < 0).any():
            raise MethodError("label-negative", "A Poisson regression needs a target that is nowhere negative.")
        if self.loss == "poisson" and (label > 0).sum() < MINIMUM_CASES:
            raise MethodError("too-few-cases", f"Fewer than {MINIMUM_CASES} of the rows to learn from have a target above zero.")

    def boosting(self, signs: list[int], shape: str) -> HistGradientBoostingRegressor:
        more = {"quantile": self.quantile} if self.loss == "quantile" else {}
        options = {**SHAPES[shape], **more}
        return HistGradientBoostingRegressor(
            loss=self.loss, early_stopping=False, monotonic_cst=signs, random_state=SEED, **options
        )

    def mean(self) -> DummyRegressor:
        return DummyRegressor(strategy="quantile", quantile=self.quantile) if self.loss == "quantile" else DummyRegressor()


@dataclass(frozen=True)
class NumberStudy:
    """Rows with the predictions of models that never saw them; NaN where a row was only learned from."""

    rows: Rows
    split: Split
    models: dict[str, FittedNumber]
    scores: dict[str, Floats]
    best: str
    aim: Aim
    capacity: float

    @property
    def final(self) -> FittedNumber:
        return self.models[self.best]

    @property
    def encoding(self) -> Encoding:
        return self.final.encoding

    @cached_property
    def measured(self) -> Flags:
        return self.split.scored & self.rows.known

    @cached_property
    def label(self) -> Floats:
        return self.rows.label[self.measured]

    @cached_property
    def matrix(self) -> Matrix:
        """Of the scored rows."""
        return self.encoding.matrix(self.rows.at(np.flatnonzero(self.split.scored)))

    def predicted(self, model: str) -> Floats:
        return self.scores[model][self.measured]

    def quality(self, model: str) -> Quality:
        return self.aim.quality(self.label, self.predicted(model))

    def said(self, matrix: Matrix) -> Floats:
        """What the kept model says of these rows, as `scores` holds it."""
        return self.final.raw(matrix)

    def listed(self) -> NDArray[np.intp]:
        """Places of the highest predictions, up to capacity: of rows whose number nobody knows yet, if there are any; each
        subject once."""
        waiting = self.split.scored & ~self.rows.known
        places = np.flatnonzero(waiting if waiting.any() else self.split.scored)
        score = self.scores[self.best][places]
        ranked = places[np.lexsort((sortable(self.rows.pseudonym[places]), -score))]
        return once(self.rows.pseudonym, ranked)[: places_at(self.capacity, len(places))]


def conduct(rows: Rows, split: Split, aim: Aim, *, capacity: float = 0.05) -> NumberStudy:
    known = rows.label[rows.known]
    if not len(known):
        raise MethodError("no-label", "No row has a known target.")
    check_enough(rows, split, classes=False)
    for part in (rows.known, *(fold.train for fold in split.folds)):
        aim.check(rows.label[part])
    scores: dict[str, Floats] = {}
    chosen: list[str] = []
    models: dict[str, FittedNumber] = {}
    for fold in split.folds:
        models, best = fit_numbers(rows, fold.train, aim)
        chosen.append(best)
        by_name = {name: fitted.raw for name, fitted in models.items()}
        for name, found in score_rows(models["mean"].encoding, rows, fold.test, by_name).items():
            scores.setdefault(name, np.full(len(rows), np.nan))[fold.test] = found
    kept = models if split.kind is SplitKind.TIME else fit_numbers(rows, rows.known, aim)[0]
    return NumberStudy(rows, split, kept, scores, max(sorted(set(chosen)), key=chosen.count), aim, capacity)


def fit_numbers(rows: Rows, train: Flags, aim: Aim) -> tuple[dict[str, FittedNumber], str]:
    """The models of one fold, and which of them did best on folds of its training rows."""
    encoding, part = fit_encoding(rows, train), rows.at(sample(train))
    matrix, label, signs = encoding.matrix(part), part.label, encoding.signs(rows)
    inner = inner_folds(label, part.entity)
    inner = inner[:1] if len(label) > LARGE else inner

    def loss(estimator: Any) -> float:
        found = [aim.measured(label[test], fit(estimator, matrix[on], label[on]).predict(matrix[test])) for on, test in inner]
        return float(np.mean(found))

    plain = Pipeline([("columns", standardised(encoding)), ("model", Ridge())])
    tried = {shape: loss(aim.boosting(signs, shape)) for shape in SHAPES}
    shape = min(tried, key=lambda each: tried[each])
    best = "ridge" if not any(signs) and aim.loss == "squared_error" and loss(plain) < tried[shape] else "boosting"
    made = {"mean": aim.mean(), "ridge": plain, "boosting": aim.boosting(signs, shape)}
    typical = typical_of(matrix, encoding)
    scale = float(label.std()) or 1.0
    return {name: FittedNumber(fit(each, matrix, label), encoding, typical, scale) for name, each in made.items()}, best
