"""Models as files that anybody can use: ONNX where it answers exactly as the estimator does, else skops; never a pickle."""

from services.analysis.methods.toolkit.export.coding import matrix_of
from services.analysis.methods.toolkit.export.conversion import open_session
from services.analysis.methods.toolkit.export.kept import unpack
from services.analysis.methods.toolkit.export.making import export
from services.analysis.methods.toolkit.export.reading import read_manifest
from services.analysis.methods.toolkit.export.refusal import RefusedError

__all__ = ["RefusedError", "export", "matrix_of", "open_session", "read_manifest", "unpack"]
