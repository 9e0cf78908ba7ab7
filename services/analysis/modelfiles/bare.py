"""An ONNX file whose manifest stands beside it: judged by its structure alone."""

from mmap import ACCESS_READ, mmap
from pathlib import Path

from services.analysis.modelfiles.onnx import Structure, read_onnx
from services.analysis.modelfiles.refusal import malformed


def onnx_structure(path: Path) -> Structure:
    """RefusedFileError unless it is a plain ONNX file. What it costs a worker measures before it announces the method.

    Blocks: call it in a thread."""
    if path.stat().st_size < 4:
        raise malformed("it is empty")
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return read_onnx(data, bounded=False)
