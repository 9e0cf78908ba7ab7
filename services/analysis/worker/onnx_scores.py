"""An ONNX model asked for one number a row. Runs inside the child."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.worker.manifests import HostedManifest
from services.analysis.worker.sdk import MethodError

# Rows that a model sees at once. What it costs is measured with as many before its method is
# announced, so a run costs no more; every block of a table is whole steps of these.
STEP: Final = 4096
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


class AnswerError(MethodError):
    """A model's answer is not one number a row; `shape` is what it is."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__("bad-model", "The model's output is not one number for each row.")
        self.shape = shape


def open_session(path: Path) -> Any:
    import onnxruntime  # it starts threads, so not before the sandbox is shut

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def scorable(manifest: HostedManifest, rows: Floats) -> Flags:
    """Which rows of a matrix [rows, features] are scored: of a model that takes no missing values those that lack none."""
    if manifest.missing_values:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(np.isfinite(rows).all(axis=1))


def scores(session: Any, manifest: HostedManifest, rows: Floats) -> Floats:
    """A score for each row of a matrix [rows, features], NaN for those that are not scored. MethodError if there is none."""
    found, chosen = np.full(len(rows), np.nan, dtype=np.float32), np.flatnonzero(scorable(manifest, rows))
    for at in range(0, len(chosen), STEP):
        step = chosen[at : at + STEP]
        found[step] = answered(session, manifest, rows[step])
    return found


def answered(session: Any, manifest: HostedManifest, rows: Floats) -> Floats:
    names = [one.name for one in session.get_outputs()]
    if manifest.output not in names:
        raise MethodError("bad-model", "The model has no output of the name that its manifest gives.")
    found = np.asarray(session.run([manifest.output], fed(session, manifest, rows))[0])
    if found.ndim == 2 and found.shape[1] > manifest.position:
        found = found[:, manifest.position]
    if found.shape != (len(rows),) or found.dtype.kind not in "fiub":
        raise AnswerError(found.shape)
    return found.astype(np.float32)


def fed(session: Any, manifest: HostedManifest, rows: Floats) -> dict[str, Floats]:
    """The matrix as the model's one input, or a column for each."""
    inputs = [one.name for one in session.get_inputs()]
    if len(inputs) == 1:
        return {inputs[0]: rows}
    if inputs != [feature.name for feature in manifest.features]:
        raise MethodError("bad-model", "The model's inputs are not the features that its manifest names.")
    return {name: np.ascontiguousarray(rows[:, [at]]) for at, name in enumerate(inputs)}
