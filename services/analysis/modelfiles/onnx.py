"""The structure of an ONNX file: nothing outside it, nothing of anybody's own in it, nothing larger than it says."""

import math
from dataclasses import dataclass, field
from typing import Final

from services.analysis.modelfiles.ends import MOST_DIMENSIONS, End, read_end
from services.analysis.modelfiles.refusal import malformed, refused
from services.analysis.modelfiles.wire import MOST_FIELDS, MOST_NODES, RUN, Budget, Data, Message, varint
from shared.contracts import MANIFEST_KEY

# What the pinned onnxruntime opens; test_onnx_taken.py asks it.
OPSETS: Final = {"": (7, 28), "ai.onnx.ml": (1, 5)}
IR_VERSIONS: Final = (3, 14)
DEEPEST: Final = 8
LARGEST_TENSOR: Final = 128 << 20
LARGEST_MANIFEST: Final = 4 << 20
RANDOM: Final = frozenset({"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"})
# Their output is as large as a number in the data says, or they repeat as often. Refused where no trial was made.
UNBOUNDED: Final = frozenset(
    {
        "ConstantOfShape",
        "Expand",
        "EyeLike",
        "If",
        "Loop",
        "OneHot",
        "Pad",
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
    taken: list[End] = field(default_factory=list)
    outputs: list[End] = field(default_factory=list)
    constants: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    manifest: bytes | None = None
    bounded: bool = True

    @property
    def inputs(self) -> list[End]:
        """Those that a call has to give: older converters name the constants among the inputs."""
        return [end for end in self.taken if end.name not in self.constants]


def read_onnx(data: Data, *, bounded: bool = True) -> Structure:
    """RefusedFileError, or what the file holds. Time and memory are bounded by the count of fields.

    `bounded`: what may take any time or memory is refused by its name, since nobody tries the model before it is asked."""
    found = Structure(bounded=bounded)
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
            case 20:
                raise refused("own-function")
            case 25:
                read_function(part, found)
    check_versions(found)
    if found.used - OPSETS.keys() - found.functions:
        raise refused("custom-operator")
    return found


def read_function(function: Message, found: Structure) -> None:
    """Nodes under a name, such as skl2onnx writes for an imputer by neighbours; they are the graph's own."""
    if found.bounded:
        raise refused("own-function")
    for number, _, part in function.fields():
        if number == 7:
            read_node(part, found, depth=0)
        if number == 9:
            read_opset(part, found)
        if number == 10:
            found.functions.add(part.text())


def check_versions(found: Structure) -> None:
    if found.graphs != 1 or not found.nodes:
        raise malformed("it holds no graph, or two")
    low, high = IR_VERSIONS
    version = found.ir_version or 0
    if not low <= version <= high:
        raise refused("wrong-opset", what="the ONNX format (IR)", version=version, low=low, high=high)
    if not found.opsets:
        if found.domains:
            raise refused("custom-operator")
        low, high = OPSETS[""]
        raise refused("wrong-opset", what="ai.onnx", version=0, low=low, high=high)


def read_opset(part: Message, found: Structure) -> None:
    """Of a set that no node uses nothing is asked: exporters name theirs beside the standard ones."""
    domain, version = "", 0
    for number, value, inner in part.fields():
        if number == 1:
            domain = plain(inner.text())
        if number == 2:
            version = value or 0
    if domain not in OPSETS:
        found.domains.add(domain)
        return
    low, high = OPSETS[domain]
    if not low <= version <= high:
        raise refused("wrong-opset", what=domain or "ai.onnx", version=version, low=low, high=high)
    found.opsets[domain] = version


def plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


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


def read_graph(graph: Message, found: Structure, depth: int = 0) -> None:
    """The model's own graph, and those inside of its nodes."""
    if depth > (0 if found.bounded else DEEPEST):
        raise refused("subgraph")
    for number, _, part in graph.fields():
        match number:
            case 1:
                read_node(part, found, depth)
            case 5:
                name = read_tensor(part)
                if depth == 0:
                    found.constants.add(name)
            case 11 | 12 if depth == 0:
                ends = found.taken if number == 11 else found.outputs
                ends.append(read_end(part))
                if len(ends) > MOST_NODES:
                    raise refused("too-complex", nodes=MOST_NODES, fields=MOST_FIELDS)
            case 15:
                raise refused("sparse-tensor")


def read_node(node: Message, found: Structure, depth: int) -> None:
    found.nodes += 1
    if found.nodes > MOST_NODES:
        raise refused("too-complex", nodes=MOST_NODES, fields=MOST_FIELDS)
    for number, _, part in node.fields():
        if number == 4:
            check_operator(part.text(100), found)
        if number == 7:
            found.used.add(plain(part.text()))
        if number == 5:
            read_attribute(part, found, depth)


def check_operator(operator: str, found: Structure) -> None:
    if operator in RANDOM:
        raise refused("random-operator", operator=operator)
    if found.bounded and operator in UNBOUNDED:
        raise refused("unbounded-operator", operator=operator)


def read_attribute(attribute: Message, found: Structure, depth: int) -> None:
    tensors = 0
    for number, _, part in attribute.fields(RUN):
        match number:
            case 5 | 10:
                tensors += number == 5
                read_tensor(part)
            case 6 | 11:
                read_graph(part, found, depth + 1)
            case 22 | 23:
                raise refused("sparse-tensor")
    if tensors > 1:
        raise malformed("one attribute holds two tensors")


def read_tensor(tensor: Message) -> str:
    """Its name. Its declared size is the size of what is there, and all of it is in the file."""
    dims, kind, raw, name = [], 0, None, ""
    for number, value, part in tensor.fields():
        match number:
            case 1:
                dims += packed(part) if value is None else [value]
            case 2:
                kind = value or 0
            case 8:
                name = part.text()
            case 9:
                raw = len(part)
            case 13:
                refuse_external(part)
            case 14 if value:
                raise refused("external-data")
    if kind not in SIZES:
        raise refused("tensor-type")
    # Sizes that long overflow before they are multiplied.
    declared = math.prod(dims) * SIZES[kind] if all(size < 1 << 40 for size in dims) else LARGEST_TENSOR + 1
    if len(dims) > MOST_DIMENSIONS or declared > LARGEST_TENSOR:
        raise refused("tensor-too-large", mib=LARGEST_TENSOR >> 20)
    if (raw is not None and raw != declared) or math.prod(dims) > len(tensor):
        raise refused("tensor-size")
    return name


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
        raise refused("path-traversal")
    raise refused("external-data")
