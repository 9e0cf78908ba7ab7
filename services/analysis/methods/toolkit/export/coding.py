"""Columns to the matrix that a model takes: in its order, categories as its codes; what is absent is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contracts import FeatureKind, ModelFeature

Columns = Mapping[str, NDArray[Any]]


def matrix_of(features: Sequence[ModelFeature], columns: Columns, rows: int) -> NDArray[np.float32]:
    """Shape (rows, features). Columns are float arrays (NaN for missing) or object arrays of str (None for missing)."""
    matrix = np.full((rows, len(features)), np.nan, dtype=np.float32)
    for at, feature in enumerate(features):
        if feature.name in columns:
            values = columns[feature.name]
            matrix[:, at] = codes(feature, values) if feature.kind is FeatureKind.CATEGORY else numbers(values)
    return matrix


def codes(feature: ModelFeature, values: NDArray[Any]) -> NDArray[np.float32]:
    """The place of each category in the feature's own table: codes of another round mean nothing here."""
    known, places = np.unique(np.array([text(value) for value in values.tolist()], dtype=str), return_inverse=True)
    table = {category: float(code) for code, category in enumerate(feature.categories)} | {"": np.nan}
    return np.array([table.get(str(one), feature.unknown) for one in known], dtype=np.float32)[places]


def text(value: Any) -> str:
    """A category as the tables write it; a whole number has no point, and missing is empty."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def numbers(values: NDArray[Any]) -> NDArray[np.float32]:
    """Text among numbers is missing; so is what float32 cannot hold."""
    if values.dtype.kind not in "fiub":
        values = np.array([number(value) for value in values.tolist()], dtype=np.float64)
    with np.errstate(over="ignore"):
        found = values.astype(np.float32)
    return np.where(np.isfinite(found), found, np.float32(np.nan))


def number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
