"""A fitted estimator to ONNX bytes, and ONNX bytes to scores; float32 in, float32 out."""

import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from services.analysis.methods.toolkit.export.refusal import RefusedError
from shared.contracts import MANIFEST_KEY, ModelManifest, ModelTensor

INPUT: Final = "features"
TARGET_OPSET: Final[Mapping[str, int]] = {"": 21, "ai.onnx.ml": 3}
KINDS: Final = {"tensor(float)": "FP32", "tensor(int64)": "INT64", "tensor(string)": "BYTES"}
Floats = NDArray[np.float32]


def convert(
    estimator: Any, width: int, *, opset: Mapping[str, int] | None = TARGET_OPSET, kind: type[Any] = FloatTensorType
) -> bytes:
    """RefusedError if the conversion fails. What it gives still has to be compared with the estimator."""
    # The map of class names is a sequence of dictionaries: no server takes it.
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    shape = [(INPUT, kind([None, width]))]
    target = dict(opset) if opset is not None else None
    try:
        with warnings.catch_warnings():
            # The converter gives booleans where protobuf, from version 7 on only, wants integers.
            warnings.simplefilter("ignore", DeprecationWarning)
            return bytes(to_onnx(estimator, initial_types=shape, target_opset=target, options=options).SerializeToString())
    except Exception as fault:
        # The converter raises whatever it stumbles over; the words may hold values, the type does not.
        raise RefusedError("conversion-failed", f"The converter stopped with {type(fault).__name__}.") from fault


def open_session(model: bytes) -> ort.InferenceSession:
    """One thread, no file of its own; RefusedError if onnxruntime does not load it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as fault:
        raise RefusedError("session-failed", f"onnxruntime does not load it: {type(fault).__name__}.") from fault


def tensors(session: ort.InferenceSession) -> tuple[tuple[ModelTensor, ...], tuple[ModelTensor, ...]]:
    return tuple(map(tensor, session.get_inputs())), tuple(map(tensor, session.get_outputs()))


def tensor(told: Any) -> ModelTensor:
    if told.type not in KINDS:
        raise RefusedError("output-type", "The model takes or gives something else than float32, int64 or text.")
    return ModelTensor(
        name=told.name, datatype=KINDS[told.type], shape=tuple(n if isinstance(n, int) else -1 for n in told.shape)
    )


def embed(model: bytes, manifest: ModelManifest) -> bytes:
    """The model with its manifest among its metadata."""
    parsed = onnx.load_model_from_string(model)
    onnx.helper.set_model_props(parsed, {MANIFEST_KEY: manifest.model_dump_json()})
    return bytes(parsed.SerializeToString())
