"""Read the manifest of a model file without opening the model."""

import io
import struct
import zipfile
import zlib
from typing import Final

import onnx
from pydantic import ValidationError

from services.analysis.methods.toolkit.export.refusal import RefusedError
from shared.contracts import MANIFEST_KEY, MANIFEST_MEMBER, ModelFormat, ModelManifest

LARGEST_FILE: Final = 128 << 20
LARGEST_MANIFEST: Final = 4 << 20
ZIP: Final = b"PK\x03\x04"


def read_manifest(model: bytes) -> ModelManifest:
    """What the file says of itself; RefusedError if it is no model file of ours."""
    if len(model) > LARGEST_FILE:
        raise RefusedError("too-large", f"A model file has at most {LARGEST_FILE >> 20} MiB.")
    kept = model.startswith(ZIP)
    try:
        manifest = ModelManifest.model_validate_json(in_archive(model) if kept else in_metadata(model))
    except ValidationError:
        raise RefusedError("manifest-invalid", "The manifest in the file has not the shape that it must have.") from None
    if (manifest.format is ModelFormat.SKOPS) != kept:
        raise RefusedError("manifest-invalid", "The manifest speaks of another format than the file has.")
    return manifest


def in_archive(model: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive, archive.open(MANIFEST_MEMBER) as member:
            found = member.read(LARGEST_MANIFEST + 1)
    except KeyError:
        raise RefusedError("manifest-missing", "The file holds no manifest.") from None
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        raise RefusedError("malformed", "The file is neither ONNX nor skops.") from None
    return bounded(found)


def in_metadata(model: bytes) -> bytes:
    parsed = onnx.ModelProto()
    try:
        parsed.ParseFromString(model)
    except Exception:
        # The class that protobuf raises is of an implementation that is chosen at run time.
        raise RefusedError("malformed", "The file is neither ONNX nor skops.") from None
    found = next((each.value for each in parsed.metadata_props if each.key == MANIFEST_KEY), None)
    if found is None:
        raise RefusedError("manifest-missing", "The file holds no manifest.")
    return bounded(found.encode())


def bounded(found: bytes) -> bytes:
    if len(found) > LARGEST_MANIFEST:
        raise RefusedError("manifest-invalid", "The manifest is larger than any manifest is.")
    return found
