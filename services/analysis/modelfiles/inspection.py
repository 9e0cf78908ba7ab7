"""One look at a file that says it is a model."""

from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from services.analysis.modelfiles.onnx import LARGEST_MANIFEST, Structure, read_onnx
from services.analysis.modelfiles.refusal import malformed, refused
from services.analysis.modelfiles.skops import read_skops
from shared.contracts import ModelFormat, ModelManifest

LARGEST_FILE: Final = 128 << 20
ZIP: Final = b"PK\x03\x04"
PICKLE: Final = b"\x80"


@dataclass(frozen=True)
class Inspected:
    """A model file that may be kept, and what it says of itself."""

    format: ModelFormat
    manifest: ModelManifest


def inspect_file(path: Path, largest: int = LARGEST_FILE) -> Inspected:
    """RefusedFileError unless the file is a plain ONNX or skops file with a manifest. Blocks: call it in a thread."""
    size = path.stat().st_size
    if size > largest:
        raise refused("too-large", most=largest)
    with path.open("rb") as file:
        start = file.read(4)
        if start == ZIP:
            return inspected(ModelFormat.SKOPS, read_skops(file))
        if not start or start[:1] == PICKLE:
            raise refused("pickle") if start else malformed("it is empty")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            structure = read_onnx(data)
    found = inspected(ModelFormat.ONNX, structure.manifest)
    check_ends(structure, found.manifest)
    return found


def inspected(kind: ModelFormat, manifest: bytes | None) -> Inspected:
    if manifest is None:
        raise refused("manifest-missing")
    if len(manifest) > LARGEST_MANIFEST:
        raise refused("manifest-invalid")
    try:
        told = ModelManifest.model_validate_json(manifest)
    except ValidationError:
        raise refused("manifest-invalid") from None
    if told.format is not kind:
        raise refused("manifest-invalid")
    return Inspected(kind, told)


def check_ends(structure: Structure, manifest: ModelManifest) -> None:
    """The manifest names the inputs and outputs of the graph, so that who reads it alone is not misled."""
    for declared, graph in ((manifest.inputs, structure.inputs), (manifest.outputs, structure.outputs)):
        if [each.name for each in declared] != [end.name for end in graph]:
            raise refused("manifest-invalid")
        for each, end in zip(declared, graph, strict=True):
            if each.datatype != end.datatype:
                raise refused("other-datatype", name=end.name, kind=end.datatype, declared=each.datatype)
            if end.shape is not None and end.shape[:1] not in ((-1,), (1,)):
                raise refused(
                    "fixed-batch", name=end.name, rows=end.shape[0] if end.shape else 0, features=len(manifest.features)
                )
    if manifest.score.output not in [end.name for end in structure.outputs]:
        raise refused("manifest-invalid")
