"""One look at a file that says it is a model."""

from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from services.analysis.modelfiles.onnx import LARGEST_MANIFEST, Structure, read_onnx
from services.analysis.modelfiles.refusal import RefusedFileError
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
        raise RefusedFileError("too-large", f"A model file has at most {largest:,} bytes.")
    with path.open("rb") as file:
        start = file.read(4)
        if start == ZIP:
            return inspected(ModelFormat.SKOPS, read_skops(file))
        if not start or start[:1] == PICKLE:
            raise RefusedFileError("pickle" if start else "malformed", "The file is a pickle or empty, and no model file.")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            structure = read_onnx(data)
    found = inspected(ModelFormat.ONNX, structure.manifest)
    check_ends(structure, found.manifest)
    return found


def inspected(kind: ModelFormat, manifest: bytes | None) -> Inspected:
    if manifest is None:
        raise RefusedFileError("manifest-missing", "The file says nothing of itself: there is no manifest in it.")
    if len(manifest) > LARGEST_MANIFEST:
        raise RefusedFileError("manifest-invalid", "The manifest is larger than any manifest is.")
    try:
        told = ModelManifest.model_validate_json(manifest)
    except ValidationError:
        raise RefusedFileError("manifest-invalid", "The manifest in the file has not the shape that it must have.") from None
    if told.format is not kind:
        raise RefusedFileError("manifest-invalid", "The manifest speaks of another format than the file has.")
    return Inspected(kind, told)


def check_ends(structure: Structure, manifest: ModelManifest) -> None:
    """The manifest names the inputs and outputs of the graph, so that who reads it alone is not misled."""
    if [each.name for each in manifest.inputs] != structure.inputs or [
        each.name for each in manifest.outputs
    ] != structure.outputs:
        raise RefusedFileError("manifest-invalid", "The manifest names other inputs or outputs than the model has.")
    if manifest.score.output not in structure.outputs:
        raise RefusedFileError("manifest-invalid", "The manifest finds the score in an output that the model does not have.")
