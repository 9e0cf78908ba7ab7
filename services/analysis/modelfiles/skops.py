"""The structure of a skops file: a plain archive of arrays and one tree of listed types; no pickle anywhere."""

import json
import math
import re
import struct
import zipfile
import zlib
from typing import Any, BinaryIO, Final

from services.analysis.modelfiles.refusal import RefusedFileError, malformed, refused
from shared.contracts import MANIFEST_MEMBER

SCHEMA: Final = "schema.json"
MEMBER: Final = re.compile(r"\d{1,20}\.npy")
LARGEST_SCHEMA: Final = 32 << 20
LARGEST_TOGETHER: Final = 512 << 20
LARGEST_DIRECTORY: Final = 8 << 20
MOST_NODES: Final = 1_000_000
# What others declare of themselves decides how much memory unpacking takes.
# What the library raises of an archive whose numbers lie: a place before its beginning is an OSError.
DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError, OSError,
)  # fmt: skip
COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
END: Final = b"PK\x05\x06"
LOCATOR: Final = b"PK\x06\x07"
LOADERS: Final = frozenset(
    {
        "BoolNode",
        "DictNode",
        "DTypeNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "PartialNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "SetNode",
        "SliceNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)
TYPES: Final[dict[str, frozenset[str]]] = {
    "builtins": frozenset({"bool", "dict", "float", "int", "list", "NoneType", "set", "slice", "str", "tuple"}),
    "numpy": frozenset(
        {
            "bool",
            "bool_",
            "dtype",
            "float32",
            "float64",
            "int16",
            "int32",
            "int64",
            "int8",
            "intp",
            "ndarray",
            "uint16",
            "uint32",
            "uint64",
            "uint8",
        }
    ),
    "functools": frozenset({"partial"}),
    "numpy.random._generator": frozenset({"Generator"}),
    "numpy.random._mt19937": frozenset({"MT19937"}),
    "numpy.random._pcg64": frozenset({"PCG64"}),
    "numpy.random.mtrand": frozenset({"RandomState"}),
}
# Boosting with categories of its own holds this one, with its arguments.
FUNCTIONS: Final = frozenset({("sklearn.utils.validation", "check_array")})
DESCRIPTION: Final = re.compile(
    r"'descr': (?P<descr>'[^']*'|\[[^\]]*\]), 'fortran_order': (?:True|False), 'shape': \((?P<shape>[\d, ]*)\)"
)
OBJECT: Final = re.compile(r"'[<>|=]?O\d*'")
PLAIN: Final = re.compile(r"'[<>|=][biufcSUV](\d{1,4})'")


def read_skops(file: BinaryIO) -> bytes | None:
    """The manifest in it; RefusedFileError if anything in the file is not on the lists."""
    check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            check_members(archive)
            check_schema(read_member(archive, SCHEMA, LARGEST_SCHEMA))
            for member in archive.infolist():
                if MEMBER.fullmatch(member.filename):
                    check_array(archive, member)
            return read_member(archive, MANIFEST_MEMBER, LARGEST_SCHEMA) if MANIFEST_MEMBER in archive.namelist() else None
    except DAMAGED:
        raise malformed("it is no whole archive") from None


def check_directory(file: BinaryIO) -> None:
    """How large the list of members is, asked before it is read into memory."""
    size = file.seek(0, 2)
    file.seek(max(size - 42, 0))
    tail = file.read(42)
    if len(tail) < 22 or tail[-22:-18] != END or tail[-2:] != b"\0\0" or tail[:4] == LOCATOR:
        raise malformed("it does not end as a plain archive does")
    if int.from_bytes(tail[-10:-6], "little") > LARGEST_DIRECTORY:
        raise refused("too-complex", nodes=MOST_NODES, fields=MOST_NODES)


def check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(set(names)) != len(names) or SCHEMA not in names:
        raise malformed("a member of the archive is missing or there twice")
    for name in names:
        if name not in (SCHEMA, MANIFEST_MEMBER) and not MEMBER.fullmatch(name):
            raise refuse_member(name)
    if any(member.compress_type not in COMPRESSIONS for member in members):
        raise malformed("a member is compressed in a way that is not taken")
    if sum(member.file_size for member in members) > LARGEST_TOGETHER:
        raise refused("too-large", most=LARGEST_TOGETHER)


def refuse_member(name: str) -> RefusedFileError:
    if name.startswith(("/", "\\")) or ".." in name or ":" in name:
        return refused("path-traversal")
    if name.casefold().endswith((".pkl", ".pickle", ".joblib", ".dill")):
        return refused("pickle")
    return refused("unknown-member")


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as member:
        found = member.read(most + 1)
    if len(found) > most:
        raise refused("too-large", most=most)
    return found


def check_schema(schema: bytes) -> None:
    """Every node is of a listed type and read by a listed loader; walked without recursion."""
    try:
        waiting: list[Any] = [json.loads(schema)]
    except (ValueError, RecursionError):
        raise malformed("its description is not JSON, or too deep") from None
    seen = 0
    while waiting:
        each = waiting.pop()
        seen += 1
        if seen > MOST_NODES:
            raise refused("too-complex", nodes=MOST_NODES, fields=MOST_NODES)
        if isinstance(each, dict):
            check_node(each)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def check_node(node: dict[str, Any]) -> None:
    if "__loader__" in node and node["__loader__"] not in LOADERS:
        raise refused("untrusted-type")
    if "__class__" in node or "__module__" in node:
        module, name = str(node.get("__module__")), str(node.get("__class__"))
        listed = module.startswith("sklearn.") or name in TYPES.get(module, ())
        if not listed or (node.get("__loader__") == "FunctionNode" and (module, name) not in FUNCTIONS):
            raise refused("untrusted-type")


def check_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """A plain array, as large as its own head says; an array of objects would be a pickle."""
    with archive.open(member) as file:
        start = file.read(10)
        if len(start) < 10 or start[:6] != b"\x93NUMPY":
            raise refused("pickle")
        wide = start[6] > 1
        length = int.from_bytes(start[8:10] + (file.read(2) if wide else b""), "little")
        if length > 20_000:
            raise malformed("the head of an array is too long")
        head = file.read(length).decode("latin-1")
    found = DESCRIPTION.search(head)
    if found is None:
        raise malformed("the head of an array")
    size = math.prod(int(one) for one in found["shape"].replace(" ", "").split(",") if one) * item_size(found["descr"])
    if size != member.file_size - length - (12 if wide else 10):
        raise refused("tensor-size")


def item_size(described: str) -> int:
    """Bytes of one element, of a plain or a structured type."""
    kinds = re.findall(r"'[^']*'", described)
    if any(OBJECT.fullmatch(kind) for kind in kinds):
        raise refused("pickle")
    if described.startswith("["):
        kinds = kinds[1::2]
    sizes = [PLAIN.fullmatch(kind) for kind in kinds]
    if not sizes or not all(sizes):
        raise refused("tensor-type")
    return sum(int(one[1]) * (4 if "U" in one[0] else 1) for one in sizes if one)
