"""Small fitted estimators and the files made of them."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from services.analysis.methods.toolkit.export import export
from services.analysis.methods.toolkit.export.parity import LARGEST_DIFFERENCE
from services.analysis.modelfiles.inspection import inspect_file
from shared.contracts import (
    FeatureKind,
    MethodCard,
    ModelFeature,
    ModelFormat,
    ModelLineage,
    ModelManifest,
    TrainedBy,
    TrainingPeriod,
)

DISTRICTS = ("강남구", "노원구", "마포구", "송파구", "은평구")
FEATURES = (
    *(ModelFeature(name=f"household__{name}") for name in ("income", "age", "arrears", "members", "years")),
    ModelFeature(name="household__district", kind=FeatureKind.CATEGORY, categories=DISTRICTS),
)
METHOD = TrainedBy(name="risk_scoring", version="1.2.0", digest="5f2a" * 16)
TRAINING = TrainingPeriod(first=date(2021, 1, 1), last=date(2023, 12, 31), rows=1500)
LINEAGE = ModelLineage(dataset_ids=(UUID(int=7),))
METRICS = {"roc_auc": 0.81, "brier": 0.12}


def registrable(model: bytes, card: MethodCard, folder: Path) -> ModelManifest:
    """What a file says of itself that the service would take from this method, as it answers like its estimator."""
    (folder / "handed-in").write_bytes(model)
    manifest = inspect_file(folder / "handed-in").manifest
    assert (manifest.format, manifest.method.name, manifest.method.version) == (ModelFormat.ONNX, card.name, card.version)
    assert manifest.parity is not None
    assert manifest.parity.largest_difference <= LARGEST_DIFFERENCE
    return manifest


@cache
def table(rows: int = 1500) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]]:
    """Features with amounts to 10^9, rounded values and missing cells; an amount; a label."""
    random = np.random.default_rng(11)
    matrix = random.normal(size=(rows, 6))
    matrix[:, 0] = np.round(np.exp(matrix[:, 0] * 2 + 14), -3)
    matrix[:, 1] = random.integers(18, 95, rows)
    matrix[:, 5] = random.integers(0, 5, rows)
    amount = np.exp(0.3 * matrix[:, 2] - 0.2 * matrix[:, 3]) * (1 + matrix[:, 5]) + random.gamma(1.0, size=rows)
    label = (amount + matrix[:, 1] / 40 > 5.5).astype(np.int64)
    matrix[random.random(matrix.shape) < 0.06] = np.nan
    return matrix.astype(np.float32), amount, label


def fitted(estimator: Any, *, amounts: bool = False, **how: Any) -> Any:
    matrix, amount, label = table()
    return estimator.fit(matrix, amount if amounts else label, **how)


def exported(estimator: Any, **changes: Any) -> bytes:
    return export(estimator, FEATURES, table()[0], **{"method": METHOD, "training": TRAINING, "metrics": METRICS, **changes})


@cache
def onnx_file() -> bytes:
    """A model that passes the gate."""
    return exported(fitted(HistGradientBoostingClassifier(max_iter=20, random_state=0)), lineage=LINEAGE)


@cache
def skops_file() -> bytes:
    """A model that is kept as it was fitted."""
    return exported(
        fitted(HistGradientBoostingClassifier(max_iter=20, random_state=0, categorical_features=[5])), lineage=LINEAGE
    )
