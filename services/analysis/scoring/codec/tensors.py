"""Tensors: the datatypes of the protocol, what a model takes and gives, and values read into arrays, checked by hand."""

import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.analysis import messages
from shared.contracts.wording import Sentence
from shared.errors import FieldError, Unprocessable

Array: TypeAlias = NDArray[Any]
FEW: Final = 64


@dataclass(frozen=True)
class Datatype:
    """A datatype of the protocol: its NumPy type (little-endian), and the type code of `array` that checks JSON values."""

    name: str
    dtype: np.dtype[Any]
    code: str

    @property
    def floating(self) -> bool:
        return self.dtype.kind == "f"


def numeric(name: str, dtype: str, code: str) -> Datatype:
    return Datatype(name, np.dtype(dtype), code)


DATATYPES: Final[dict[str, Datatype]] = {
    one.name: one
    for one in (
        numeric("FP32", "<f4", "f"), numeric("FP64", "<f8", "d"), numeric("INT8", "<i1", "b"), numeric("INT16", "<i2", "h"),
        numeric("INT32", "<i4", "i"), numeric("INT64", "<i8", "q"), numeric("UINT8", "<u1", "B"), numeric("UINT16", "<u2", "H"),
        numeric("UINT32", "<u4", "I"), numeric("UINT64", "<u8", "Q"), numeric("BOOL", "|b1", ""), numeric("BYTES", "|O", ""),
    )
}  # fmt: skip


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a model; -1 stands for a dimension that the call chooses, the first of which is the rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives. `features` names the columns of a single input; `missing`: NaN stands for no value.

    `taken`: by name what may be sent, the inputs themselves and the features one by one."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    features: tuple[str, ...] = ()
    missing: bool = False
    names: frozenset[str] = field(init=False)
    taken: dict[str, TensorSpec] = field(init=False)
    given: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        taken = {spec.name: spec for spec in self.inputs}
        if len(self.inputs) == 1:
            only, rows = self.inputs[0].datatype, self.inputs[0].shape[0]
            taken = {name: TensorSpec(name, only, (rows, 1)) for name in self.features} | taken
        object.__setattr__(self, "names", frozenset(spec.name for spec in self.inputs))
        object.__setattr__(self, "taken", taken)
        object.__setattr__(self, "given", {spec.name: spec.datatype for spec in self.outputs})


def refuse(pointer: str, code: str, detail: Sentence) -> NoReturn:
    """A tensor that does not fit: names the place, never a value."""
    raise Unprocessable(detail, errors=[FieldError(pointer, code, detail)])


def from_json(data: Any, shape: tuple[int, ...], kind: Datatype, pointer: str, *, missing: bool) -> Array:
    """Row-major values, nested as deep as the shape or flat."""
    if not isinstance(data, list):
        refuse(pointer, "not-a-list", messages.NOT_A_LIST)
    values = flattened(data, shape, pointer)
    if len(values) != prod(shape):
        refuse(pointer, "wrong-count", messages.VALUE_COUNT(wanted=prod(shape), count=len(values)))
    if kind.name == "BYTES":
        check_types(values, frozenset({str}), kind, pointer)
        return np.array(values, dtype=object).reshape(shape)
    if kind.name == "BOOL":
        check_types(values, frozenset({bool}), kind, pointer)
        return np.array(values, dtype=bool).reshape(shape)
    if missing and kind.floating and None in values:
        values = [np.nan if value is None else value for value in values]
    return packed(values, kind, pointer).reshape(shape)


def packed(values: Sequence[Any], kind: Datatype, pointer: str) -> Array:
    """Machine numbers; unlike NumPy, `array` turns neither text nor null into a number."""
    try:
        found = np.frombuffer(machine(values, kind), kind.dtype)
        if bool not in map(type, suspects(found, values)):
            return found
        raise TypeError
    except TypeError:
        refuse(pointer, "wrong-type", messages.VALUE_TYPE(datatype=kind.name, fitting=what_fits(kind)))
    except OverflowError:
        refuse(pointer, "out-of-range", messages.OUT_OF_RANGE(datatype=kind.name))


def machine(values: Sequence[Any], kind: Datatype) -> bytes:
    """Packed by `struct`, which is three times as fast; what it does not take is judged by `array`."""
    try:
        return struct.pack(f"{len(values)}{kind.code}", *values)
    except (struct.error, OverflowError):
        return array(kind.code, values).tobytes()


def suspects(found: Array, values: Sequence[Any]) -> Sequence[Any]:
    """Those that may be booleans, which Python takes for numbers. To look at the type of each would double the time."""
    if len(values) < FEW:
        return values
    return [values[at] for at in (found.astype(bool) == found).nonzero()[0].tolist()]


def what_fits(kind: Datatype) -> Sentence:
    words = {"BYTES": messages.A_TEXT, "BOOL": messages.TRUE_OR_FALSE}
    return words.get(kind.name, messages.A_NUMBER if kind.floating else messages.A_WHOLE_NUMBER)


def check_types(values: Iterable[Any], allowed: frozenset[type], kind: Datatype, pointer: str) -> None:
    if not allowed.issuperset(map(type, values)):
        refuse(pointer, "wrong-type", messages.VALUE_TYPE(datatype=kind.name, fitting=what_fits(kind)))


def flattened(data: list[Any], shape: tuple[int, ...], pointer: str) -> list[Any]:
    """The values in one list; lists inside are as many and as long as the shape says."""
    if not data or type(data[0]) is not list:
        return data
    count = 1
    for depth, length in enumerate(shape):
        count *= length
        if len(data) != count:
            refuse(pointer, "wrong-shape", messages.LIST_LENGTHS)
        if depth + 1 == len(shape):
            break
        width = shape[depth + 1]
        if any(type(row) is not list or len(row) != width for row in data):
            refuse(pointer, "wrong-shape", messages.LIST_NESTING)
        data = list(chain.from_iterable(data))
    return data


def from_binary(raw: memoryview, shape: tuple[int, ...], kind: Datatype, pointer: str) -> Array:
    """The bytes of a tensor: little-endian numbers, or texts each behind its length (four bytes)."""
    if kind.name == "BYTES":
        return np.array(texts(raw, prod(shape), pointer), dtype=object).reshape(shape)
    if len(raw) != prod(shape) * kind.dtype.itemsize:
        refuse(pointer, "wrong-size", messages.BYTE_COUNT(wanted=prod(shape) * kind.dtype.itemsize, count=len(raw)))
    if kind.name == "BOOL":
        bits = np.frombuffer(raw, np.uint8)
        if (bits > 1).any():
            refuse(pointer, "wrong-type", messages.BOOLEAN_BYTE)
        return bits.astype(bool).reshape(shape)
    found = np.frombuffer(raw, kind.dtype).reshape(shape)
    return found if found.flags.aligned else found.copy()


def texts(raw: memoryview, count: int, pointer: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(raw) and len(found) < count:
        size = int.from_bytes(raw[at : at + 4], "little")
        at += 4
        if at > len(raw) or size > len(raw) - at:
            refuse(pointer, "wrong-size", messages.TEXT_TOO_LONG)
        try:
            found.append(str(raw[at : at + size], "utf-8"))
        except UnicodeDecodeError:
            refuse(pointer, "not-utf-8", messages.NOT_UTF8)
        at += size
    if at != len(raw) or len(found) != count:
        refuse(pointer, "wrong-count", messages.TEXT_COUNT(count=count))
    return found


def check_values(found: Array, pointer: str, *, missing: bool) -> None:
    """Neither infinity nor, unless the model takes missing values, NaN."""
    if found.dtype.kind != "f":
        return
    if missing:
        if np.logical_or.reduce(np.isinf(found), axis=None):
            refuse(pointer, "not-finite", messages.INFINITE)
    elif not np.logical_and.reduce(np.isfinite(found), axis=None):  # all() without a detour through Python
        refuse(pointer, "not-finite", messages.INFINITE_OR_MISSING)
