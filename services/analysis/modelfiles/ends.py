"""What a graph takes and gives, as it declares it: names, element types, shapes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from services.analysis.modelfiles.wire import Message

# TensorProto.DataType of onnx.proto
FLOAT, INT64, STRING, FLOAT16, DOUBLE, BFLOAT16 = 1, 7, 8, 10, 11, 16
KINDS: Final = {
    FLOAT: "FP32", 2: "UINT8", 3: "INT8", 4: "UINT16", 5: "INT16", 6: "INT32", INT64: "INT64", STRING: "BYTES", 9: "BOOL",
    FLOAT16: "FP16", DOUBLE: "FP64", 12: "UINT32", 13: "UINT64", BFLOAT16: "BF16",
}  # fmt: skip
MOST_DIMENSIONS: Final = 8
# More than a manifest may write of a name, so that none of these is taken for one that was cut.
LONGEST_NAME: Final = 300


@dataclass(frozen=True)
class End:
    """One input or output. `kind`: of its elements, None if it is no tensor. `shape`: -1 for what is open, None if not said."""

    name: str
    kind: int | None = None
    shape: tuple[int, ...] | None = None

    @property
    def datatype(self) -> str:
        """In the words of the Open Inference Protocol."""
        return KINDS.get(self.kind or 0, "another type")


def read_end(value: Message) -> End:
    """A ValueInfoProto."""
    name, kind, shape = "", None, None
    for number, _, part in value.fields():
        if number == 1:
            name = part.text(LONGEST_NAME)
        if number == 2:
            kind, shape = read_type(part)
    return End(name, kind, shape)


def read_type(kind: Message) -> tuple[int | None, tuple[int, ...] | None]:
    """Of a TypeProto that is a tensor; of sequences, maps and whatever else there is, nothing."""
    element, shape = None, None
    for number, _, tensor in kind.fields():
        if number == 1:
            for inner, value, part in tensor.fields():
                element = value if inner == 1 else element
                shape = tuple(islice(sizes(part), MOST_DIMENSIONS + 1)) if inner == 2 else shape
    return element, shape


def sizes(shape: Message) -> Iterator[int]:
    for number, _, dimension in shape.fields():
        if number == 1:
            numbers = [value for inner, value, _ in dimension.fields() if inner == 1 and value is not None]
            # Below zero, which is written as above 2**63, some converters say what is open.
            yield numbers[-1] if numbers and numbers[-1] < 1 << 63 else -1
