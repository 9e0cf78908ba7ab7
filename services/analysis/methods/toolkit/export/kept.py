"""Skops files: what ONNX refuses is kept as it was fitted, and opened with a fixed list of types."""

import io
import json
import warnings
import zipfile
from pathlib import Path
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
SCHEMA: Final = "schema.json"


def pack(estimator: Any, manifest: ModelManifest) -> bytes:
    """The estimator with its manifest beside it; RefusedError if opening it would need another type."""
    kept: bytes = skops.io.dumps(estimator)
    check_types(kept)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in (*steady(kept).items(), (MANIFEST_MEMBER, manifest.model_dump_json().encode())):
            archive.writestr(zipfile.ZipInfo(name), body)
    return file.getvalue()


def steady(kept: bytes) -> dict[str, bytes]:
    """The members of the archive, the same for the same estimator: skops names objects by their place in memory."""
    with zipfile.ZipFile(io.BytesIO(kept)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(each) for each in node]
        if not isinstance(node, dict):
            return node
        made = {key: renamed(each) for key, each in node.items()}
        if isinstance(place := node.get("__id__"), int):
            made["__id__"] = numbers.setdefault(place, len(numbers) + 1)
        if (name := node.get("file")) in members:
            made["file"] = names.setdefault(name, f"{len(names) + 1}{Path(name).suffix}")
        return made

    schema = json.dumps(renamed(json.loads(members[SCHEMA])))
    return {own: members[name] for name, own in names.items()} | {SCHEMA: schema.encode()}


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
