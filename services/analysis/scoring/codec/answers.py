"""The answer to a call: a JSON object, with the bytes of the outputs that were asked for as binary behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from services.analysis.scoring.codec.calls import Call
from services.analysis.scoring.codec.tensors import DATATYPES, Array

JSON, BINARY = b"application/json", b"application/octet-stream"


@dataclass(slots=True)
class Body:
    """The bytes of an answer; `header_length` is where the JSON ends, None if it is all of it."""

    data: bytes
    header_length: int | None

    @property
    def media_type(self) -> bytes:
        return JSON if self.header_length is None else BINARY


def encode(call: Call, name: str, version: str, datatypes: Iterable[str], arrays: Iterable[Array]) -> Body:
    """The answer with these arrays, in the order of the outputs that were asked for."""
    outputs: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for (output, binary), datatype, found in zip(call.outputs, datatypes, arrays, strict=True):
        told: dict[str, Any] = {"name": output, "datatype": datatype, "shape": found.shape}
        if binary:
            raw = as_bytes(found, datatype)
            told["parameters"] = {"binary_data_size": len(raw)}
            tail.append(raw)
        else:
            told["data"] = found.ravel().tolist() if datatype == "BYTES" else np.ascontiguousarray(found).ravel()
        outputs.append(told)
    answer: dict[str, Any] = {"model_name": name, "model_version": version, "outputs": outputs}
    if call.id is not None:
        answer["id"] = call.id
    head = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return Body(b"".join((head, *tail)), len(head)) if tail else Body(head, None)


def as_bytes(found: Array, datatype: str) -> bytes:
    if datatype != "BYTES":
        return found.astype(DATATYPES[datatype].dtype, copy=False).tobytes()
    raw = [str(text).encode() for text in found.ravel()]
    return b"".join(part for text in raw for part in (len(text).to_bytes(4, "little"), text))
