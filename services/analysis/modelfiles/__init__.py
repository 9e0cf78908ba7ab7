"""What comes in as a model: judged by the structure of its bytes alone, never opened, in bounded time and memory."""

from services.analysis.modelfiles.bare import onnx_structure
from services.analysis.modelfiles.hosting import hosting_faults
from services.analysis.modelfiles.inspection import Inspected, inspect_file
from services.analysis.modelfiles.refusal import RefusedFileError

__all__ = ["Inspected", "RefusedFileError", "hosting_faults", "inspect_file", "onnx_structure"]
