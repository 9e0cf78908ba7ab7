"""Whether a graph takes what the platform gives and gives what its manifest names."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.analysis.modelfiles.ends import DOUBLE, FLOAT, FLOAT16, STRING, End
from services.analysis.modelfiles.onnx import Structure
from shared.contracts import HostingManifest, ModelFault, model_fault

OTHER_INPUTS: Final = {DOUBLE: "float64-input", FLOAT16: "float16-input", STRING: "text-input"}


def hosting_faults(structure: Structure, manifest: HostingManifest) -> list[ModelFault]:
    """All that the graph's own declaration tells; the trial tells the rest."""
    return [*input_faults(structure.inputs, manifest), *output_faults(structure.outputs, manifest)]


def input_faults(inputs: Sequence[End], manifest: HostingManifest) -> Iterator[ModelFault]:
    features = [feature.name for feature in manifest.features]
    if len(inputs) != 1 and [end.name for end in inputs] != features:
        yield model_fault("other-inputs")
        return
    width = 1 if len(inputs) > 1 else len(features)
    for end in inputs:
        if end.kind != FLOAT:
            yield model_fault(OTHER_INPUTS.get(end.kind or 0, "input-type"), name=end.name, kind=end.datatype)
        elif end.shape and end.shape[0] != -1:
            yield model_fault("fixed-batch", name=end.name, rows=end.shape[0], features=width)
        elif end.shape is not None and (len(end.shape) != 2 or end.shape[1] not in (-1, width)):
            yield model_fault("input-shape", name=end.name, shape=shown(end.shape), features=len(features))


def output_faults(outputs: Sequence[End], manifest: HostingManifest) -> Iterator[ModelFault]:
    found = next((end for end in outputs if end.name == manifest.output), None)
    if found is None:
        names = ", ".join(end.name for end in outputs)[:500]
        yield model_fault("missing-output", name=manifest.output, names=names)
    elif found.kind is None:
        yield model_fault("zipmap", name=found.name)
    elif found.kind == STRING:
        yield model_fault("output-type", name=found.name, kind=found.datatype)
    elif found.shape is not None and not column_there(found.shape, manifest.position):
        yield model_fault("output-shape", name=found.name, shape=shown(found.shape), position=manifest.position)


def column_there(shape: Sequence[int], position: int) -> bool:
    return len(shape) == 1 or (len(shape) == 2 and (shape[1] == -1 or position < shape[1]))


def shown(shape: Sequence[int]) -> str:
    """As the converters write it: an open dimension is None."""
    return f"[{', '.join('None' if size == -1 else str(size) for size in shape)}]"
