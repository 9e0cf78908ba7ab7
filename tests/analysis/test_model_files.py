"""Every hostile or broken model file is refused with a reason, without being opened, in bounded time and memory."""

import io
import json
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from services.analysis.methods.toolkit.export import read_manifest
from services.analysis.modelfiles import Inspected, RefusedFileError, hosting_faults, inspect_file, onnx_structure
from services.analysis.modelfiles.inspection import LARGEST_FILE
from services.analysis.modelfiles.wire import MOST_NODES
from shared.contracts import MANIFEST_KEY, HostingManifest, ModelFormat
from tests.analysis import models, onnx_models
from tests.exploring import examples


@pytest.fixture
def look(tmp_path: Path) -> Callable[[bytes], Inspected]:
    def written(data: bytes) -> Inspected:
        path = tmp_path / "model"
        path.write_bytes(data)
        return inspect_file(path)

    return written


@pytest.fixture
def refusal(look: Callable[[bytes], Inspected]) -> Callable[[bytes], str]:
    def code(data: bytes) -> str:
        with pytest.raises(RefusedFileError) as refused:
            look(data)
        assert refused.value.detail.endswith(".")
        return refused.value.code

    return code


# What is taken


def test_an_onnx_file_is_taken_with_its_manifest(look: Callable[[bytes], Inspected]) -> None:
    found = look(models.onnx_file())
    assert found.format is ModelFormat.ONNX
    assert found.manifest == read_manifest(models.onnx_file())


KEPT: dict[str, Callable[[], Any]] = {
    "boosting with categories": lambda: HistGradientBoostingClassifier(max_iter=5, categorical_features=[5]),
    "isotonic": lambda: CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), method="isotonic", cv=2),
    "temperature": lambda: CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), method="temperature", cv=2),
    "forest": lambda: RandomForestClassifier(5),
    "support vectors": lambda: make_pipeline(SimpleImputer(), SVC(max_iter=5)),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", KEPT)
def test_a_skops_file_is_taken_with_its_manifest(name: str, look: Callable[[bytes], Inspected]) -> None:
    kept = models.exported(models.fitted(KEPT[name]()))
    found = look(kept)
    assert found.format is ModelFormat.SKOPS
    assert found.manifest == read_manifest(kept)


# ONNX: each change makes it one that is not taken


def bare() -> onnx.ModelProto:
    return onnx.load_model_from_string(models.onnx_file())


def add_node(model: onnx.ModelProto, kind: str, **attributes: Any) -> onnx.NodeProto:
    model.graph.node.append(helper.make_node(kind, ["features"], ["more"], **attributes))
    return model.graph.node[-1]


def outside(model: onnx.ModelProto, location: str) -> None:
    tensor = TensorProto(name="w", dims=[4], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    model.graph.initializer.append(tensor)


def declared(model: onnx.ModelProto, *dims: int, data: bytes = b"") -> None:
    model.graph.initializer.append(TensorProto(name="w", dims=dims, data_type=TensorProto.FLOAT, raw_data=data))


def declared_in_node(model: onnx.ModelProto, *dims: int) -> None:
    tensor = TensorProto(name="w", dims=dims, data_type=TensorProto.FLOAT)
    add_node(model, "Constant", value=tensor)


def sparse(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [5])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))


def opset(model: onnx.ModelProto, domain: str, version: int) -> None:
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid(domain, version))


def nested(model: onnx.ModelProto, depth: int) -> None:
    graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", [], [])
    for _ in range(depth):
        graph = helper.make_graph([helper.make_node("Later", [], ["b"], body=graph)], "g", [], [])
    add_node(model, "Later", body=graph)


def without_manifest(model: onnx.ModelProto, text: str | None = None) -> None:
    del model.metadata_props[:]
    if text is not None:
        helper.set_model_props(model, {MANIFEST_KEY: text})


def changed_manifest(model: onnx.ModelProto, **changes: Any) -> None:
    told = json.loads(read_manifest(models.onnx_file()).model_dump_json())
    without_manifest(model, json.dumps(told | changes))


HOSTILE: dict[str, tuple[Callable[[onnx.ModelProto], Any], str]] = {
    "values outside": (lambda model: outside(model, "weights.bin"), "external-data"),
    "values at a path upward": (lambda model: outside(model, "../../etc/passwd"), "path-traversal"),
    "values at an absolute path": (lambda model: outside(model, "/etc/passwd"), "path-traversal"),
    "values at an address": (lambda model: outside(model, "https://example.org/w"), "path-traversal"),
    "own operators": (lambda model: opset(model, "org.example", 1), "custom-operator"),
    "own operator in a node": (lambda model: setattr(add_node(model, "Mine"), "domain", "org.example"), "custom-operator"),
    "own functions": (
        lambda model: model.functions.append(helper.make_function("", "F", [], [], [], [helper.make_opsetid("", 21)])),
        "own-function",
    ),
    "training steps": (lambda model: model.training_info.add(), "own-function"),
    "opset of tomorrow": (lambda model: opset(model, "", 99), "wrong-opset"),
    "opset of long ago": (lambda model: opset(model, "", 1), "wrong-opset"),
    "machine learning opset of tomorrow": (lambda model: opset(model, "ai.onnx.ml", 9), "wrong-opset"),
    "no opset": (lambda model: model.ClearField("opset_import"), "wrong-opset"),
    "format of tomorrow": (lambda model: setattr(model, "ir_version", 99), "wrong-opset"),
    "two gigabytes declared": (lambda model: declared(model, 1 << 29), "tensor-too-large"),
    "sizes that overflow": (lambda model: declared(model, 1 << 39, 1 << 39), "tensor-too-large"),
    "a size below nothing": (lambda model: declared(model, -1), "tensor-too-large"),
    "more declared than there is": (lambda model: declared(model, 1000, data=b"abcd"), "tensor-size"),
    "less declared than there is": (lambda model: declared(model, 1, data=b"abcdefgh"), "tensor-size"),
    "nothing of what is declared": (lambda model: declared(model, 1000), "tensor-size"),
    "two gigabytes declared in a node": (lambda model: declared_in_node(model, 1 << 29), "tensor-too-large"),
    "a sparse initialiser": (sparse, "sparse-tensor"),
    "a subgraph": (lambda model: nested(model, 0), "subgraph"),
    "subgraphs in subgraphs": (lambda model: nested(model, 20), "subgraph"),
    "a loop": (lambda model: add_node(model, "Loop"), "unbounded-operator"),
    "as large as the data say": (lambda model: add_node(model, "ConstantOfShape"), "unbounded-operator"),
    "too many nodes": (
        lambda model: model.graph.node.extend([helper.make_node("Identity", ["a"], ["b"])] * (MOST_NODES + 1)),
        "too-complex",
    ),
    "no nodes": (lambda model: model.graph.ClearField("node"), "malformed"),
    "no manifest": (without_manifest, "manifest-missing"),
    "a manifest that is no JSON": (lambda model: without_manifest(model, "{"), "manifest-invalid"),
    "a manifest too deep": (lambda model: without_manifest(model, "[" * 100_000), "manifest-invalid"),
    "a manifest of another kind": (lambda model: without_manifest(model, '{"dure": 2}'), "manifest-invalid"),
    "a manifest of another format": (lambda model: changed_manifest(model, format="skops"), "manifest-invalid"),
    "16-bit floats, whatever the manifest says": (
        lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT16),
        "other-datatype",
    ),
    "a batch of 32": (
        lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 32),
        "fixed-batch",
    ),
    "a map of classes": (
        lambda model: model.graph.output[-1].type.CopyFrom(
            helper.make_sequence_type_proto(
                helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
            )
        ),
        "other-datatype",
    ),
    "a manifest of another graph": (lambda model: changed_manifest(model, outputs=[]), "manifest-invalid"),
    "a manifest with a number that is none": (lambda model: changed_manifest(model, metrics={"auc": "NaN"}), "manifest-invalid"),
    "a manifest as large as a file": (lambda model: without_manifest(model, " " * (5 << 20)), "manifest-invalid"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_onnx_file_is_refused(name: str, refusal: Callable[[bytes], str]) -> None:
    change, code = HOSTILE[name]
    model = bare()
    change(model)
    assert refusal(model.SerializeToString()) == code


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"not a model at all",
        b"\xff" * 64,
        b"\x3a\xff\xff\xff\xff\x0f" + b"\x00" * 20,
        b"\x3a" + b"\x80" * 20,
        b"\x0b\x0c" * 50,
        models.onnx_file()[:-7],
        models.onnx_file() * 2,
    ],
)
def test_a_malformed_file_is_refused(data: bytes, refusal: Callable[[bytes], str]) -> None:
    assert refusal(data) in ("malformed", "manifest-missing")


def test_a_pickle_is_refused(refusal: Callable[[bytes], str]) -> None:
    assert refusal(pickle.dumps(models.fitted(HistGradientBoostingClassifier(max_iter=1)))) == "pickle"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(RefusedFileError) as refused:
        inspect_file(path)
    assert refused.value.code == "too-large"


def test_a_swarm_of_tiny_fields_is_refused(refusal: Callable[[bytes], str]) -> None:
    """A valid file of nothing but empty properties would take minutes to walk; the budget ends it."""
    assert refusal(models.onnx_file() + b"\x72\x00" * 2_000_000) == "too-complex"


def test_a_large_ensemble_is_taken_at_little_cost(tmp_path: Path) -> None:
    """Millions of split values are passed over, not built: the memory stays far below the size of the file."""
    model = bare()
    attribute = next(each for each in model.graph.node[0].attribute if each.name == "nodes_values")
    attribute.floats.extend([0.5] * 4_000_000)
    path = tmp_path / "model"
    path.write_bytes(model.SerializeToString())
    tracemalloc.start()
    try:
        found = inspect_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.format is ModelFormat.ONNX
    assert path.stat().st_size > 20_000_000 > 10 * peak


def pressed() -> bytes:
    """The skops file with members that are compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in opened().items():
            packed.writestr(name, content)
    return file.getvalue()


HOSTED = HostingManifest.model_validate(onnx_models.manifest())
WHOLE: dict[str, Callable[[], bytes]] = {"onnx": models.onnx_file, "skops": models.skops_file, "pressed": cache(pressed)}


@settings(max_examples=examples(300))
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans(), name=st.sampled_from(sorted(WHOLE)))
@example(at=0.99999, byte=1, cut=False, name="skops")
def test_a_damaged_file_is_refused_or_taken_and_nothing_else(
    at: float, byte: int, cut: bool, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = WHOLE[name]()
    place = int(at * len(whole))
    damaged = whole[:place] if cut else whole[:place] + bytes([byte]) + whole[place + 1 :]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged)
    for judge in (inspect_file, lambda file: hosting_faults(onnx_structure(file), HOSTED)):
        try:
            judge(path)
        except RefusedFileError as refused:
            assert refused.code and refused.ko


@pytest.mark.fit
@pytest.mark.parametrize("name", ["skops", "pressed"])
def test_an_archive_is_damaged_in_any_of_its_last_bytes(name: str, tmp_path: Path) -> None:
    """Its directory stands there, with the places and sizes of everything."""
    whole = WHOLE[name]()
    for place in range(max(len(whole) - 400, 0), len(whole)):
        for byte in (0, 1, 0x7F, 0xFF):
            (tmp_path / "damaged").write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            with suppress(RefusedFileError):
                inspect_file(tmp_path / "damaged")


# skops


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def opened() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(models.skops_file())) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def npy(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def lying() -> bytes:
    return npy(np.zeros(4)).replace(b"'shape': (4,), }            ", b"'shape': (400000000000,), } ")


def node(module: str, name: str, loader: str = "ObjectNode") -> bytes:
    return json.dumps({"__module__": module, "__class__": name, "__loader__": loader, "content": []}).encode()


STRANGE: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "a pickle among the members": (lambda: {"model.pkl": pickle.dumps([1])}, "pickle"),
    "a pickle called an array": (lambda: {"1.npy": pickle.dumps([1])}, "pickle"),
    "an array that ends in its head": (lambda: {"1.npy": b"\x93NUMPY"}, "pickle"),
    "an array of objects": (lambda: {"1.npy": npy(np.array([{}, []], dtype=object))}, "pickle"),
    "an array of records with objects": (lambda: {"1.npy": npy(np.zeros(2, dtype=[("a", "f8"), ("b", "O")]))}, "pickle"),
    "an array of records that hide objects": (
        lambda: {"1.npy": npy(np.zeros(2, dtype=[(("a", "<f8"), "O")]))},
        "pickle",
    ),
    "an array that declares more": (lambda: {"1.npy": lying()}, "tensor-size"),
    "a member at a path upward": (lambda: {"../../etc/cron.d/x": b""}, "path-traversal"),
    "a member at an absolute path": (lambda: {"/etc/cron.d/x": b""}, "path-traversal"),
    "a member of another kind": (lambda: {"run.py": b""}, "unknown-member"),
    "a type of the system": (lambda: {"schema.json": node("os", "system", "FunctionNode")}, "untrusted-type"),
    "a builtin function": (lambda: {"schema.json": node("builtins", "eval", "TypeNode")}, "untrusted-type"),
    "a method call": (lambda: {"schema.json": node("sklearn.svm", "SVC", "MethodNode")}, "untrusted-type"),
    "a function of the library": (lambda: {"schema.json": node("sklearn.utils", "resample", "FunctionNode")}, "untrusted-type"),
    "a type of a stranger": (lambda: {"schema.json": node("evil", "Model")}, "untrusted-type"),
    "a type deep inside": (lambda: {"schema.json": b'{"a": [[{"b": ' + node("evil", "Model") + b"}]]}"}, "untrusted-type"),
    "a description that is no JSON": (lambda: {"schema.json": b"{"}, "malformed"),
    "a description too deep": (lambda: {"schema.json": b"[" * 200_000}, "malformed"),
    "no manifest": (lambda: {"dure.json": b"null"}, "manifest-invalid"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_hostile_skops_file_is_refused(name: str, refusal: Callable[[bytes], str]) -> None:
    change, code = STRANGE[name]
    assert refusal(archive(opened() | change())) == code


def test_a_skops_file_without_a_manifest_is_refused(refusal: Callable[[bytes], str]) -> None:
    assert refusal(archive({name: content for name, content in opened().items() if name != "dure.json"})) == "manifest-missing"


def test_an_archive_that_unpacks_to_a_bomb_is_refused(refusal: Callable[[bytes], str]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("schema.json", b"{}")
        packed.writestr("1.npy", bytes(1 << 20))
        packed.filelist[-1].file_size = 600 << 20
    assert refusal(file.getvalue()) == "too-large"


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_that_is_compressed_otherwise_is_refused(compression: int, refusal: Callable[[bytes], str]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name, content in opened().items():
            packed.writestr(name, content)
    assert refusal(file.getvalue()) == "malformed"


def test_a_compressed_archive_is_taken(look: Callable[[bytes], Inspected]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in opened().items():
            packed.writestr(name, content)
    assert look(file.getvalue()).format is ModelFormat.SKOPS


@pytest.mark.parametrize("tail", [b"", b"and more", b"PK\x05\x06" + b"\x00" * 16 + b"\x05\x00abcde"])
def test_an_archive_that_does_not_end_is_refused(tail: bytes, refusal: Callable[[bytes], str]) -> None:
    assert refusal(models.skops_file()[:-5] + tail) == "malformed"
