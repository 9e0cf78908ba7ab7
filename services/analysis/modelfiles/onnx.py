"""The structure of an ONNX file: nothing outside it, nothing of anybody's own in it, nothing larger than it says."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from services.analysis.modelfiles.refusal import RefusedFileError, malformed
from services.analysis.modelfiles.wire import RUN, Budget, Data, Message, varint
from shared.contracts import MANIFEST_KEY

OPSETS: Final = {"": (7, 21), "ai.onnx.ml": (1, 3)}
IR_VERSIONS: Final = (3, 11)
MOST_NODES: Final = 50_000
LARGEST_TENSOR: Final = 128 << 20
LARGEST_MANIFEST: Final = 4 << 20
# Their output is as large as a number in the data says, or they repeat as often.
UNBOUNDED: Final = frozenset(
    {
        "Bernoulli",
        "ConstantOfShape",
        "Expand",
        "EyeLike",
        "If",
        "Loop",
        "Multinomial",
        "OneHot",
        "Pad",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Range",
        "Resize",
        "Scan",
        "SequenceMap",
        "Tile",
        "Upsample",
    }
)
SIZES: Final = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 8: 1, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2}


@dataclass
class Structure:
    """What was found on the way."""

    ir_version: int | None = None
    opsets: dict[str, int] = field(default_factory=dict)
    graphs: int = 0
    nodes: int = 0
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    manifest: bytes | None = None


def read_onnx(data: Data) -> Structure:
    """RefusedFileError, or what the file holds. Time and memory are bounded by the count of fields."""
    found = Structure()
    model = Message(data, 0, len(data), Budget())
    for number, value, part in model.fields():
        match number:
            case 1:
                found.ir_version = value
            case 7:
                found.graphs += 1
                read_graph(part, found)
            case 8:
                read_opset(part, found)
            case 14:
                read_property(part, found)
            case 20 | 25:
                raise RefusedFileError("own-function", "The model brings functions or training steps of its own.")
    check_versions(found)
    return found


def check_versions(found: Structure) -> None:
    if found.graphs != 1 or not found.nodes:
        raise malformed("it holds no graph, or two")
    low, high = IR_VERSIONS
    if found.ir_version is None or not low <= found.ir_version <= high:
        raise RefusedFileError("wrong-opset", f"The format version of ONNX is between {low} and {high}.")
    if "" not in found.opsets and "ai.onnx.ml" not in found.opsets:
        raise RefusedFileError("wrong-opset", "The model does not say which operator sets it uses.")


def read_opset(part: Message, found: Structure) -> None:
    domain, version = "", 0
    for number, value, inner in part.fields():
        if number == 1:
            domain = plain(inner.text())
        if number == 2:
            version = value or 0
    check_domain(domain)
    low, high = OPSETS[domain]
    if not low <= version <= high:
        raise RefusedFileError("wrong-opset", f"Of the operator set {domain or 'ai.onnx'} versions {low} to {high} are taken.")
    found.opsets[domain] = version


def plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def check_domain(domain: str) -> None:
    if domain not in OPSETS:
        raise RefusedFileError("custom-operator", "The model uses operators outside ai.onnx and ai.onnx.ml.")


def read_property(part: Message, found: Structure) -> None:
    key, content = "", b""
    for number, _, inner in part.fields():
        if number == 1:
            key = inner.text()
        if number == 2:
            content = inner.content(LARGEST_MANIFEST)
    if key == MANIFEST_KEY:
        if found.manifest is not None:
            raise malformed("it holds two manifests")
        found.manifest = content


def read_graph(graph: Message, found: Structure) -> None:
    for number, _, part in graph.fields():
        match number:
            case 1:
                found.nodes += 1
                if found.nodes > MOST_NODES:
                    raise RefusedFileError("too-complex", f"The model has more than {MOST_NODES:,} nodes.")
                read_node(part)
            case 5:
                read_tensor(part)
            case 11:
                found.inputs += names(part)
            case 12:
                found.outputs += names(part)
            case 15:
                raise RefusedFileError("sparse-tensor", "Sparse initialisers are not taken: their full size is not in the file.")


def names(part: Message) -> Iterator[str]:
    return (inner.text() for number, _, inner in part.fields() if number == 1)


def read_node(node: Message) -> None:
    for number, _, part in node.fields():
        if number == 4 and (operator := part.text(100)) in UNBOUNDED:
            raise RefusedFileError("unbounded-operator", f"{operator} can take any time or memory: not in a model.")
        if number == 7:
            check_domain(plain(part.text()))
        if number == 5:
            read_attribute(part)


def read_attribute(attribute: Message) -> None:
    tensors = 0
    for number, _, part in attribute.fields(RUN):
        match number:
            case 5 | 10:
                tensors += number == 5
                read_tensor(part)
            case 6 | 11:
                raise RefusedFileError("subgraph", "The model holds a graph inside a node.")
            case 22 | 23:
                raise RefusedFileError("sparse-tensor", "Sparse values are not taken: their full size is not in the file.")
    if tensors > 1:
        raise malformed("one attribute holds two tensors")


def read_tensor(tensor: Message) -> None:
    """Its declared size is the size of what is there, and all of it is in the file."""
    dims, kind, raw = [], 0, None
    for number, value, part in tensor.fields():
        match number:
            case 1:
                dims += packed(part) if value is None else [value]
            case 2:
                kind = value or 0
            case 9:
                raw = len(part)
            case 13:
                refuse_external(part)
            case 14 if value:
                raise RefusedFileError("external-data", "The values of a tensor are outside the file.")
    if kind not in SIZES:
        raise RefusedFileError("tensor-type", "A tensor has a type that is not taken.")
    if len(dims) > 8 or any(size >= 1 << 40 for size in dims):
        raise RefusedFileError("tensor-too-large", "A tensor is declared larger than any model is.")
    declared = math.prod(dims) * SIZES[kind]
    if declared > LARGEST_TENSOR:
        raise RefusedFileError("tensor-too-large", f"A tensor is declared larger than {LARGEST_TENSOR >> 20} MiB.")
    if (raw is not None and raw != declared) or math.prod(dims) > len(tensor):
        raise RefusedFileError("tensor-size", "A tensor is declared larger or smaller than what the file holds of it.")


def packed(part: Message) -> list[int]:
    """Sizes in one stretch: a number each."""
    sizes, at = [], part.start
    while at < part.end:
        part.budget.spend()
        size, at = varint(part.data, at, part.end)
        sizes.append(size)
    return sizes


def refuse_external(entry: Message) -> None:
    told = {number: inner.text() for number, _, inner in entry.fields()}
    location = told.get(2, "")
    if told.get(1) == "location" and (location.startswith(("/", "\\")) or ".." in location or ":" in location):
        raise RefusedFileError(
            "path-traversal", "The values of a tensor are outside the file, at a path that leads away from it."
        )
    raise RefusedFileError("external-data", "The values of a tensor are outside the file.")
