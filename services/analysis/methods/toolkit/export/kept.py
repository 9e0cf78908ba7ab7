"""Skops files: what ONNX refuses is kept as it was fitted, and opened with a fixed list of types."""

import io
import warnings
import zipfile
from typing import Any, Final

import skops.io

from services.analysis.methods.toolkit.export.refusal import RefusedError
from shared.contracts import MANIFEST_MEMBER, ModelManifest

# Beyond what skops trusts by itself (plain values, numpy, and the estimators of scikit-learn).
TRUSTED: Final = (
    # Boosting with categories of its own holds check_array with its arguments; what a partial calls has to be trusted too.
    "functools.partial",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
)


def pack(estimator: Any, manifest: ModelManifest) -> bytes:
    """The estimator with its manifest beside it; RefusedError if opening it would need another type."""
    kept: bytes = skops.io.dumps(estimator)
    check_types(kept)
    file = io.BytesIO(kept)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(MANIFEST_MEMBER, manifest.model_dump_json())
    return file.getvalue()


def unpack(kept: bytes) -> Any:
    """The fitted estimator; RefusedError if the file is damaged or holds a type that is not on the list."""
    check_types(kept)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another scikit-learn: the digest of the method already says which
            return skops.io.loads(kept, trusted=list(TRUSTED))
    except Exception as fault:
        raise RefusedError("skops-damaged", f"The skops file cannot be opened: {type(fault).__name__}.") from fault


def check_types(kept: bytes) -> None:
    try:
        found = set(skops.io.get_untrusted_types(data=kept))
    except Exception as fault:
        raise RefusedError("skops-damaged", f"The skops file cannot be read: {type(fault).__name__}.") from fault
    if strange := sorted(found - set(TRUSTED)):
        raise RefusedError("untrusted-type", f"It needs {strange[0][:200]}, which is not on the list of trusted types.")
