"""A call as it comes in: a JSON object, with the bytes of its binary tensors behind it, read into what the model takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from services.analysis import messages
from services.analysis.scoring.codec.layouts import Layout, Layouts, Slot, ranked
from services.analysis.scoring.codec.tensors import (
    DATATYPES,
    Array,
    Signature,
    TensorSpec,
    check_values,
    from_json,
    refuse,
)
from shared.errors import BadRequest, FieldError, TooLarge

TENSORS: Final = 2000
SHAPE_LIMIT: Final = 8
ID_LIMIT: Final = 200
# Parameters that would change the answer and that we do not carry out; others say nothing to a model of ours.
REFUSED: Final = frozenset({"classification", "shared_memory_region", "sequence_id", "sequence_start", "sequence_end"})


@dataclass(frozen=True)
class Limits:
    """How large a call may be."""

    rows: int = 1_000_000
    json_bytes: int = 8 * 1024 * 1024
    values: int = 16 * 1024 * 1024


@dataclass(slots=True)
class Call:
    """A call that fits its model: what it is given, and which outputs (name, as binary) are asked for."""

    id: str | None
    rows: int
    feeds: dict[str, Array]
    outputs: tuple[tuple[str, bool], ...]


@dataclass(slots=True)
class Tail:
    """The bytes behind the JSON object, taken in the order of the tensors."""

    body: memoryview
    at: int
    slots: list[Slot] = field(default_factory=list)

    def take(self, size: Any, pointer: str) -> memoryview:
        if type(size) is not int or not 0 <= size <= len(self.body) - self.at:
            refuse(f"{pointer}/parameters/binary_data_size", "wrong-size", messages.TENSOR_BYTES)
        self.at += size
        return self.body[self.at - size : self.at]

    def check_empty(self) -> None:
        if self.at != len(self.body):
            raise BadRequest(messages.BYTES_LEFT(count=len(self.body) - self.at), errors=[
                FieldError("#", "bytes-left-over", messages.SIZES_DIFFER)
            ])  # fmt: skip


def decode(body: bytes, header: str | None, signature: Signature, limits: Limits, layouts: Layouts) -> Call:
    """A call from its bytes; `header` is the value of Inference-Header-Content-Length. BadRequest, Unprocessable, TooLarge."""
    length = header_length(header, len(body))
    if length > limits.json_bytes:
        raise TooLarge(messages.JSON_TOO_LARGE(limit=limits.json_bytes), limit_bytes=limits.json_bytes)
    view = memoryview(body)
    head = view[:length]
    if header is not None and (layout := layouts.find(head)) is not None:
        known = layout.feeds(view[length:], missing=signature.missing)
        if known is not None:
            return Call(None, layout.rows, known, layout.outputs)
    asked = parsed(head)
    tail = Tail(view, length)
    tensors = read_tensors(asked.get("inputs"), tail, signature, limits)
    tail.check_empty()
    feeds, rows = fitted(tensors, signature, limits)
    call = Call(identifier(asked), rows, feeds, wanted(asked.get("outputs"), parameters_of(asked, "#"), signature))
    if call.id is None and len(tail.slots) == len(tensors) and feeds.keys() == tensors.keys():
        layouts.keep(head, Layout(tuple(tail.slots), len(body) - length, rows, call.outputs))
    return call


def identifier(asked: Mapping[str, Any]) -> str | None:
    found = asked.get("id")
    if found is not None and (not isinstance(found, str) or len(found) > ID_LIMIT):
        refuse("#/id", "wrong-type", messages.ID_FORM(most=ID_LIMIT))
    return found or None


def header_length(header: str | None, size: int) -> int:
    if header is None:
        return size
    # isdigit() alone also takes digits of other scripts.
    if not (header.isascii() and header.isdigit() and len(header) < 20) or not 0 < int(header) <= size:
        error = FieldError("header/inference-header-content-length", "wrong-size", messages.JSON_LENGTH)
        raise BadRequest(messages.HEADER_LENGTH, errors=[error])
    return int(header)


def parsed(head: memoryview) -> dict[str, Any]:
    try:
        asked = orjson.loads(head)
    except ValueError:
        error = FieldError("#", "not-json", messages.NO_NAN)
        raise BadRequest(messages.NOT_JSON_UTF8, errors=[error]) from None
    if not isinstance(asked, dict):
        refuse("#", "wrong-type", messages.BODY_OBJECT)
    return asked


def parameters_of(asked: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """The parameters of a request, an input or an output; what we would have to carry out and do not is refused."""
    parameters = asked.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        refuse(f"{pointer}/parameters", "wrong-type", messages.PARAMETERS_FORM)
    if unfit := REFUSED & parameters.keys():
        name = min(unfit)
        refuse(f"{pointer}/parameters/{name}", "not-supported", messages.NOT_SUPPORTED(name=name))
    return parameters


def read_tensors(inputs: Any, tail: Tail, signature: Signature, limits: Limits) -> dict[str, tuple[str, Array]]:
    """Every input by its name: where it stands, and its array."""
    if not isinstance(inputs, list) or not 0 < len(inputs) <= TENSORS:
        refuse("#/inputs", "wrong-type", messages.INPUTS_FORM(most=TENSORS))
    known = signature.taken
    tensors: dict[str, tuple[str, Array]] = {}
    for number, given in enumerate(inputs):
        pointer = f"#/inputs/{number}"
        if not isinstance(given, dict):
            refuse(pointer, "wrong-type", messages.INPUT_FORM)
        name = given.get("name")
        if not isinstance(name, str) or name not in known:
            refuse(f"{pointer}/name", "unknown-input", messages.INPUT_UNKNOWN)
        if name in tensors:
            refuse(f"{pointer}/name", "duplicate", messages.INPUT_TWICE)
        tensors[name] = pointer, read_tensor(given, known[name], pointer, tail, limits, missing=signature.missing)
    return tensors


def read_tensor(given: dict[str, Any], spec: TensorSpec, pointer: str, tail: Tail, limits: Limits, *, missing: bool) -> Array:
    if given.get("datatype") != spec.datatype:
        refuse(f"{pointer}/datatype", "wrong-datatype", messages.DATATYPE(datatype=spec.datatype))
    shape, kind = read_shape(given.get("shape"), spec, pointer, limits), DATATYPES[spec.datatype]
    size, rank = parameters_of(given, pointer).get("binary_data_size"), len(spec.shape)
    if size is None:
        found = from_json(given.get("data"), shape, kind, f"{pointer}/data", missing=missing)
        check_values(found, pointer, missing=missing)
        return ranked(found, rank)
    if "data" in given:
        refuse(f"{pointer}/data", "given-twice", messages.DATA_TWICE)
    raw = tail.take(size, pointer)
    tail.slots.append(Slot(spec.name, shape, rank, kind, size, pointer))
    return tail.slots[-1].read(raw, missing=missing)


def read_shape(shape: Any, spec: TensorSpec, pointer: str, limits: Limits) -> tuple[int, ...]:
    """The shape as given. [n] and [n, 1] are the same to a column."""
    if not isinstance(shape, list) or not 0 < len(shape) <= SHAPE_LIMIT or any(type(each) is not int for each in shape):
        refuse(f"{pointer}/shape", "wrong-type", messages.SHAPE_FORM)
    if min(shape) < 1:
        refuse(f"{pointer}/shape", "empty", messages.SHAPE_EMPTY)
    compared = shape
    if len(shape) != len(spec.shape) and column(shape) and column(spec.shape):
        compared = [shape[0], *[1] * (len(spec.shape) - 1)]
    if len(compared) != len(spec.shape) or any(want not in (-1, got) for want, got in zip(spec.shape, compared, strict=True)):
        refuse(f"{pointer}/shape", "wrong-shape", messages.SHAPE_OTHER(shape=list(spec.shape)))
    if shape[0] > limits.rows or size_of(shape) > limits.values:
        refuse(f"{pointer}/shape", "too-many", messages.BATCH_TOO_LARGE(rows=limits.rows, values=limits.values))
    return tuple(shape)


def column(shape: Any) -> bool:
    return all(each == 1 for each in shape[1:])


def size_of(shape: list[int]) -> int:
    size = 1
    for each in shape:
        size *= each
    return size


def fitted(tensors: dict[str, tuple[str, Array]], signature: Signature, limits: Limits) -> tuple[dict[str, Array], int]:
    """What the model is fed, and the number of rows, the same in every tensor."""
    rows = {len(found) for _, found in tensors.values()}
    if len(rows) > 1:
        refuse("#/inputs", "rows-differ", messages.ROWS_DIFFER)
    names = signature.names
    if tensors.keys() == names:
        return {name: found for name, (_, found) in tensors.items()}, rows.pop()
    if len(names) == 1 and tensors.keys() == set(signature.features):
        whole = np.hstack([tensors[name][1] for name in signature.features])
        if whole.size > limits.values:
            refuse("#/inputs", "too-many", messages.VALUES_TOO_MANY(values=limits.values))
        return {signature.inputs[0].name: whole}, rows.pop()
    missing = sorted((set(signature.features) if tensors.keys() & set(signature.features) else names) - tensors.keys())
    return refuse("#/inputs", "inputs-missing", messages.INPUTS_MISSING(names=", ".join(missing)[:500]))


def wanted(outputs: Any, parameters: Mapping[str, Any], signature: Signature) -> tuple[tuple[str, bool], ...]:
    """Which outputs, in the order asked for, and which of them as binary."""
    binary = flag(parameters, "binary_data_output", "#")
    if outputs is None or outputs == []:
        return tuple((name, binary) for name in signature.given)
    if not isinstance(outputs, list):
        refuse("#/outputs", "wrong-type", messages.OUTPUTS_FORM)
    chosen: dict[str, bool] = {}
    for number, asked in enumerate(outputs[:TENSORS]):
        pointer = f"#/outputs/{number}"
        name = asked.get("name") if isinstance(asked, dict) else None
        if not isinstance(name, str) or name not in signature.given or name in chosen:
            refuse(f"{pointer}/name", "unknown-output", messages.OUTPUT_UNKNOWN)
        own = parameters_of(asked, pointer)
        chosen[name] = flag(own, "binary_data", pointer) if "binary_data" in own else binary
    return tuple(chosen.items())


def flag(parameters: Mapping[str, Any], name: str, pointer: str) -> bool:
    found = parameters.get(name, False)
    if not isinstance(found, bool):
        refuse(f"{pointer}/parameters/{name}", "wrong-type", messages.TRUE_OR_FALSE_HERE(name=name))
    return found
