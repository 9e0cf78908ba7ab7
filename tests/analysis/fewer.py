"""Models of a few small trees, for tests of all that a method does except how well it learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from services.analysis.methods.deviation import forest, residuals
from services.analysis.methods.toolkit import models

TREES = 8
KEPT = "careful"
SHAPE = {"max_iter": TREES, "learning_rate": 0.3, "max_leaf_nodes": 8, "min_samples_leaf": 20}


@contextmanager
def one_shape() -> Iterator[None]:
    """Inside, boosting of full size has no other shape to be chosen from: a third of the fits."""
    with pytest.MonkeyPatch.context() as patch:
        for shape in set(models.SHAPES) - {KEPT}:
            patch.delitem(models.SHAPES, shape)
        yield


@contextmanager
def fewer_trees() -> Iterator[None]:
    """Inside, every method fits the estimators that it always fits, with fewer trees."""
    boosting, large = residuals.boosting, models.forest

    def small_boosting(**settings: Any) -> HistGradientBoostingRegressor:
        return boosting(**settings | {"rounds": TREES})

    def small_forest() -> Pipeline:
        return large().set_params(model__n_estimators=TREES)

    with one_shape(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.SHAPES, KEPT, SHAPE)
        patch.setattr(models, "forest", small_forest)
        # Some callers hold the function itself and take its default.
        assert boosting.__kwdefaults__ is not None
        patch.setitem(boosting.__kwdefaults__, "rounds", TREES)
        patch.setattr(residuals, "boosting", small_boosting)
        patch.setattr(forest, "TREES", TREES)
        yield
