"""Models in memory: read from the storage by their digest, opened once, the least used given up first."""

import asyncio
import json
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
import onnxruntime as ort

from services.analysis import messages
from services.analysis.scoring.codec import DATATYPES, Array, Call, Layouts, Signature, TensorSpec
from shared.canonical import canonical_text
from shared.contracts import ModelFormat
from shared.contracts.wording import Sentence
from shared.errors import Conflict, FieldError, Unavailable, Unprocessable
from shared.storage import Corrupt, MissingObject, Storage

log = logging.getLogger(__name__)
MANIFEST: Final = "dure"
ONNX_TYPES: Final = {
    "tensor(float)": "FP32", "tensor(double)": "FP64", "tensor(int8)": "INT8", "tensor(int16)": "INT16", "tensor(int32)": "INT32",
    "tensor(int64)": "INT64", "tensor(uint8)": "UINT8", "tensor(uint16)": "UINT16", "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64", "tensor(bool)": "BOOL", "tensor(string)": "BYTES",
}  # fmt: skip


@dataclass(frozen=True)
class Terms:
    """How models are held and run."""

    models: int = 16
    model_bytes: int = 256 * 1024 * 1024
    big_rows: int = 1000
    big_threads: int = 2
    non_finite: bool = False
    """Whether NaN and infinities may be answered."""


def unusable(detail: Sentence, reason: str) -> Conflict:
    """The file of a released model cannot be asked here."""
    return Conflict(detail, reason=reason)


def check_format(found: ModelFormat) -> None:
    if found is not ModelFormat.ONNX:
        raise unusable(messages.FORM_OF_WORKERS, "format")


def specs(found: list[Any]) -> tuple[TensorSpec, ...]:
    """Tensors as the model declares them; a dimension without a number is -1."""
    told = []
    for each in found:
        if each.type not in ONNX_TYPES:
            names = ", ".join(ONNX_TYPES.values())
            raise unusable(messages.NOT_A_TENSOR_TYPE(kind=each.type, kinds=names), "datatype")
        shape = tuple(size if isinstance(size, int) and size > 0 else -1 for size in each.shape)
        if not shape or shape[0] not in (-1, 1):
            raise unusable(messages.ROWS_NOT_FIRST, "shape")
        told.append(TensorSpec(each.name, ONNX_TYPES[each.type], shape))
    return tuple(told)


def read_manifest(metadata: dict[str, str]) -> tuple[tuple[str, ...], bool]:
    """What the export wrote into the file: the names of the features in order, and whether they may be missing."""
    try:
        manifest = json.loads(metadata.get(MANIFEST, "{}"))
        features = manifest.get("features", [])
        names = [str(each["name"] if isinstance(each, dict) else each) for each in features]
        parity = manifest.get("parity") or {}  # an export that was compared with rows that lack values takes them
        missing = manifest.get("missing_values", parity.get("rows_with_missing", 0) > 0)
    except (ValueError, AttributeError, KeyError, TypeError):
        raise unusable(messages.MANIFEST_UNREADABLE, "manifest") from None
    return tuple(names) if len(set(names)) == len(names) else (), missing is True


@dataclass
class Model:
    """A model that can be asked: with one thread for a few rows, with more for many."""

    data: bytes
    terms: Terms
    small: ort.InferenceSession = field(init=False)
    signature: Signature = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    big: ort.InferenceSession | None = None
    layouts: Layouts = field(default_factory=Layouts)

    def __post_init__(self) -> None:
        self.small = open_session(self.data, 1)
        features, missing = read_manifest(self.small.get_modelmeta().custom_metadata_map)
        inputs, outputs = specs(self.small.get_inputs()), specs(self.small.get_outputs())
        if len(inputs) != 1 or len(inputs[0].shape) != 2 or inputs[0].shape[1] not in (-1, len(features)):
            features = ()
        self.signature = Signature(inputs, outputs, features, missing)

    def score(self, call: Call) -> list[Array]:
        """The outputs asked for, in that order. Runs here and now: a few microseconds a row."""
        session = self.session(call.rows)
        try:
            found = session.run([name for name, _ in call.outputs], {name: trained(put) for name, put in call.feeds.items()})
        except Exception as error:
            # What the runtime says may hold values; what kind of error it is does not.
            log.warning("a model refused its input", extra={"error": type(error).__name__})
            raise Unprocessable(messages.MODEL_REFUSED, reason="model-refused") from None
        if not all(isinstance(each, np.ndarray) for each in found):
            raise unusable(messages.NO_TENSOR, "datatype")
        if not self.terms.non_finite:
            check_finite([name for name, _ in call.outputs], found)
        return cast(list[Array], found)

    def session(self, rows: int) -> ort.InferenceSession:
        if rows < self.terms.big_rows or self.terms.big_threads == 1:
            return self.small
        with self.lock:
            if self.big is None:
                self.big = open_session(self.data, self.terms.big_threads)
        return self.big


def trained(put: Array) -> Array:
    """Texts in the form in which every model was trained on them; numbers as they are."""
    if put.dtype.kind != "O":
        return put
    return np.array([canonical_text(text) for text in put.ravel()], dtype=object).reshape(put.shape)


def check_finite(names: list[str], found: list[Array]) -> None:
    """JSON has neither NaN nor infinity, and in both forms they are no score."""
    for name, values in zip(names, found, strict=True):
        if values.dtype.kind == "f" and not np.logical_and.reduce(np.isfinite(values), axis=None):
            detail = messages.NOT_FINITE(name=name)
            raise Unprocessable(detail, errors=[FieldError("#/outputs", "not-finite", detail)], reason="not-finite")


def open_session(data: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads do not take a processor
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        log.warning("a model could not be opened", extra={"error": type(error).__name__})
        raise unusable(messages.NOT_LOADABLE, "not-loadable") from None


class Shelf:
    """The models at hand, by the digest of their file."""

    def __init__(self, storage: Storage, terms: Terms) -> None:
        self.storage, self.terms = storage, terms
        self.models: OrderedDict[str, Model] = OrderedDict()
        self.loading: dict[str, asyncio.Task[Model]] = {}

    def at_hand(self, sha256: str) -> Model | None:
        if (model := self.models.get(sha256)) is not None:
            self.models.move_to_end(sha256)
        return model

    async def get(self, sha256: str) -> Model:
        """The model of this digest, read once however many ask. Conflict, Unavailable."""
        if (model := self.at_hand(sha256)) is not None:
            return model
        if (task := self.loading.get(sha256)) is None:
            task = self.loading[sha256] = asyncio.create_task(self.load(sha256))
            task.add_done_callback(lambda _: self.loading.pop(sha256, None))
        return await asyncio.shield(task)

    async def load(self, sha256: str) -> Model:
        try:
            data = await self.storage.read(sha256, self.terms.model_bytes)
        except (MissingObject, Corrupt) as error:
            log.error("a released model is not what it should be", extra={"error": type(error).__name__, "sha256": sha256})
            raise Unavailable(messages.MODEL_FILE_DAMAGED, retry_after=60) from None
        model = await asyncio.to_thread(Model, data, self.terms)
        self.models[sha256] = model
        while len(self.models) > self.terms.models:
            self.models.popitem(last=False)
        return model


assert set(ONNX_TYPES.values()) <= set(DATATYPES)
