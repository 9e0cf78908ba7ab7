"""Which ONNX files are taken as methods: what converters write today, tried and equal to the estimator, or refused truly."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import HuberRegressor, LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from services.analysis.modelfiles import RefusedFileError, hosting_faults
from services.analysis.modelfiles.onnx import IR_VERSIONS, OPSETS, read_onnx
from services.analysis.worker import onnx_method, onnx_scores, trial
from services.analysis.worker.trial import TrialError
from shared.contracts import HostingManifest, model_fault
from shared.contracts.model_faults import SENTENCES
from tests.analysis import onnx_models
from tests.analysis.weighted_models import above_its_block, weighted

FEATURES: Final = [{"name": "wages", "column": "income__wages"}, {"name": "region", "column": "income__region"}]
Logistic = LogisticRegression
# Classifiers by the probability of the second class; the converter writes them as maps unless it is asked not to.
CLASSIFIERS: Final[dict[str, Callable[[], Any]]] = {
    "logistic regression": Logistic,
    "standard scaler": lambda: make_pipeline(StandardScaler(), Logistic()),
    "minimum and maximum": lambda: make_pipeline(MinMaxScaler(), Logistic()),
    "polynomial features": lambda: make_pipeline(PolynomialFeatures(2), Logistic()),
    "power transformer": lambda: make_pipeline(PowerTransformer(), Logistic()),
    "quantile transformer": lambda: make_pipeline(QuantileTransformer(n_quantiles=10), Logistic()),
    "principal components": lambda: make_pipeline(PCA(1), Logistic()),
    "imputer": lambda: make_pipeline(SimpleImputer(), Logistic()),
    "imputer by neighbours": lambda: make_pipeline(KNNImputer(), Logistic()),
    "best features": lambda: make_pipeline(SelectKBest(k=1), Logistic()),
    "stochastic gradient descent": lambda: SGDClassifier(loss="log_loss", random_state=0),
    "decision tree": lambda: DecisionTreeClassifier(random_state=0),
    "random forest": lambda: RandomForestClassifier(5, random_state=0),
    "extra trees": lambda: ExtraTreesClassifier(5, random_state=0),
    "gradient boosting": lambda: GradientBoostingClassifier(n_estimators=5),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=5),
    "adaptive boosting": lambda: AdaBoostClassifier(n_estimators=5),
    "bagging": lambda: BaggingClassifier(n_estimators=3, random_state=0),
    "stacking": lambda: StackingClassifier([("one", Logistic()), ("other", GaussianNB())]),
    "one against the rest": lambda: OneVsRestClassifier(Logistic()),
    "calibrated": lambda: CalibratedClassifierCV(Logistic(), cv=2),
    "neighbours": KNeighborsClassifier,
    "neighbours within a radius": lambda: RadiusNeighborsClassifier(0.4),
    "naive Bayes": GaussianNB,
    "naive Bayes of flags": BernoulliNB,
    "support vectors": lambda: CalibratedClassifierCV(SVC(), cv=2),
    "network": lambda: MLPClassifier((4,), max_iter=50, random_state=0),
    "linear discriminant": LinearDiscriminantAnalysis,
    "quadratic discriminant": QuadraticDiscriminantAnalysis,
    "Gaussian process": GaussianProcessClassifier,
}
REGRESSORS: Final[dict[str, Callable[[], Any]]] = {
    "least squares": LinearRegression,
    "ridge": lambda: make_pipeline(PolynomialFeatures(3), Ridge()),
    "Huber": HuberRegressor,
    "Poisson": PoissonRegressor,
    "support vectors": SVR,
    "neighbours": KNeighborsRegressor,
    "tree": DecisionTreeRegressor,
    "random forest": lambda: RandomForestRegressor(5, random_state=0),
    "gradient boosting": lambda: GradientBoostingRegressor(n_estimators=5),
    "histogram boosting": lambda: HistGradientBoostingRegressor(max_iter=5),
    "adaptive boosting": lambda: AdaBoostRegressor(n_estimators=5, random_state=0),
}
# What is refused although it was converted as asked, each for a reason that is looked up below.
REFUSED: Final = {
    "best features": "cannot-open",
    "neighbours within a radius": "cannot-score",
    "linear discriminant": "other-scores",
    "Gaussian process": "custom-operator",
}


def rows() -> Any:
    return np.random.default_rng(0).normal(size=(120, 2)).astype(np.float32)


def manifest(output: str, position: int, **more: Any) -> HostingManifest:
    return HostingManifest.model_validate(onnx_models.manifest(features=FEATURES, output=output, position=position, **more))


def examples(estimator: Any, score: Callable[[Any], Any]) -> list[dict[str, Any]]:
    given = rows()[:40]
    return [{"values": row.tolist(), "score": float(one)} for row, one in zip(given, score(given), strict=True)]


def tried(folder: Path, body: bytes, of: HostingManifest) -> onnx_method.OnnxMethod | str:
    """The method; or the code of what is wrong with it, as the service or the worker's child says it."""
    try:
        if faults := hosting_faults(read_onnx(body, bounded=False), of):
            return faults[0].code
        onnx_models.write(folder, of.model_dump(mode="json"), body)
        method = onnx_method.load(folder)
        trial.try_out(method, lambda *_: None)
    except RefusedFileError as refused:
        return refused.code
    except TrialError as wrong:
        assert model_fault(wrong.code, **wrong.values, memory_mb=1, seconds=1)
        return wrong.code
    return method


def converted(estimator: Any, **options: Any) -> bytes:
    with warnings.catch_warnings():
        # The converter gives booleans where protobuf, from version 7 on only, wants integers.
        warnings.simplefilter("ignore", DeprecationWarning)
        given = {id(estimator): options} if options else None
        return bytes(to_onnx(estimator, rows()[:1], options=given).SerializeToString())


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits on a few rows
        yield


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_as_it_is_converted_by_default(name: str, tmp_path: Path) -> None:
    given = rows()
    estimator = CLASSIFIERS[name]().fit(given, (given[:, 0] + given[::-1, 1] > 0).astype(int))
    shown = examples(estimator, lambda of: estimator.predict_proba(of)[:, 1])
    whole = converted(estimator)
    of = manifest("output_probability", 1, examples=shown)
    maps = any(node.op_type == "ZipMap" for node in onnx.load_model_from_string(whole).graph.node)
    if maps and name not in REFUSED:
        assert tried(tmp_path / "maps", whole, of) == "zipmap"
    body = converted(estimator, zipmap=False)
    found = tried(tmp_path / "plain", body, manifest("probabilities", 1, examples=shown))
    if isinstance(found, str):
        assert found == REFUSED[name]
        check_reason(found, body, given, estimator)
    else:
        scores = found.block(found.session(), given)
        np.testing.assert_allclose(scores, estimator.predict_proba(given)[:, 1], atol=1e-5)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_as_it_is_converted_by_default(name: str, tmp_path: Path) -> None:
    given = rows()
    estimator = REGRESSORS[name]().fit(given, np.abs(given[:, 0] * 3 + given[:, 1] ** 2))
    body = converted(estimator)
    output = onnx.load_model_from_string(body).graph.output[0].name
    shown = examples(estimator, lambda of: estimator.predict(of).ravel())
    found = tried(tmp_path / "plain", body, manifest(output, 0, examples=shown))
    assert not isinstance(found, str), found
    np.testing.assert_allclose(found.block(found.session(), given), estimator.predict(given).ravel(), rtol=1e-4, atol=1e-4)


def check_reason(code: str, body: bytes, given: Any, estimator: Any) -> None:
    """The pinned runtime itself says so."""
    if code in ("cannot-open", "custom-operator"):
        with pytest.raises(Exception, match="invalid|not a registered"):
            runtime(body)
        return
    session = runtime(body)
    if code == "cannot-score":
        with pytest.raises(Exception, match="index is out of range"):
            session.run(["probabilities"], {"X": given})
    else:
        assert np.abs(session.run(["probabilities"], {"X": given})[0][:, 1] - estimator.predict_proba(given)[:, 1]).max() > 0.01


def runtime(body: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(body, options, providers=["CPUExecutionProvider"])


def graph(
    nodes: list[Any], kind: int = TensorProto.FLOAT, rows: Any = None, width: Any = 2, out: Any = (None, 1),
    gives: int = TensorProto.FLOAT, opset: int = 21, ir: int = 10, ml: int = 3, constants: list[Any] | None = None,
    name: str = "X",
) -> bytes:  # fmt: skip
    """`X` [rows, width] -> `score`."""
    x = helper.make_tensor_value_info(name, kind, [rows, width])
    score = helper.make_tensor_value_info("score", gives, list(out))
    made = helper.make_graph(nodes, "made", [x], [score], constants or [])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)]
    return bytes(helper.make_model(made, opset_imports=opsets, ir_version=ir).SerializeToString())


def number(name: str, *values: int) -> Any:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


node = helper.make_node
LAST = [node("ReduceSum", ["X", "axis"], ["score"], keepdims=1)]
AXIS = [number("axis", 1)]
STRINGS = TensorProto.STRING
WRONG: Final[dict[str, tuple[bytes, str]]] = {
    "64-bit floats": (graph(LAST, TensorProto.DOUBLE, gives=TensorProto.DOUBLE, constants=AXIS), "float64-input"),
    "16-bit floats": (graph(LAST, TensorProto.FLOAT16, gives=TensorProto.FLOAT16, constants=AXIS), "float16-input"),
    "brain floats": (graph(LAST, TensorProto.BFLOAT16, gives=TensorProto.BFLOAT16, constants=AXIS), "input-type"),
    "whole numbers": (graph(LAST, TensorProto.INT64, gives=TensorProto.INT64, constants=AXIS), "input-type"),
    "texts": (graph([node("Identity", ["X"], ["score"])], STRINGS, gives=STRINGS), "text-input"),
    "a batch of one": (graph(LAST, rows=1, out=(1, 1), constants=AXIS), "fixed-batch"),
    "a batch of 32": (graph(LAST, rows=32, out=(32, 1), constants=AXIS), "fixed-batch"),
    "a batch of none": (graph(LAST, rows=0, constants=AXIS), "fixed-batch"),
    "a batch that is fixed inside": (
        graph([node("Reshape", ["X", "one"], ["score"])], constants=[number("one", 1, 2)], out=(None, None)),
        "cannot-score",
    ),
    "more columns": (graph(LAST, width=3, constants=AXIS), "input-shape"),
    "more weights": (weighted([1, 2, 3]).replace(b"features", b"featureX"), "input-shape"),
    "weights that nobody declares": (
        graph(
            [node("MatMul", ["X", "w"], ["score"])], width=None,
            constants=[numpy_helper.from_array(np.ones((3, 1), np.float32), "w")],
        ),
        "cannot-score",
    ),
    "a column that is not there": (graph(LAST, out=(None, 1), constants=AXIS), "output-shape"),
    "texts as scores": (graph([node("Cast", ["X"], ["score"], to=STRINGS)], gives=STRINGS, out=(None, 2)), "output-type"),
    "three dimensions": (graph([node("Unsqueeze", ["X", "axis"], ["score"])], out=(None, 1, 2), constants=AXIS), "output-shape"),
    "one number in all": (graph([node("ReduceSum", ["X"], ["score"], keepdims=0)], out=()), "output-shape"),
    "one number in all, not declared": (graph([node("ReduceSum", ["X"], ["score"])], out=(None, None)), "other-answer"),
    "a name without end": (graph(LAST, TensorProto.DOUBLE, constants=AXIS, name="X" * 9000), "float64-input"),
    "dimensions without end": (graph(LAST, out=[2] * 3000, constants=AXIS), "output-shape"),
    "chance": (graph([node("RandomNormalLike", ["X"], ["score"])], out=(None, 2)), "random-operator"),
    "chance in a branch": (
        graph(
            [node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
             node("If", ["yes"], ["score"], **{
                 branch: helper.make_graph(
                     [node("RandomNormalLike", ["X"], ["b"])], branch, [],
                     [helper.make_tensor_value_info("b", TensorProto.FLOAT, [None, 2])],
                 )
                 for branch in ("then_branch", "else_branch")
             })],
            out=(None, 2),
        ),
        "random-operator",
    ),
    "operators of tomorrow": (graph(LAST, opset=29, constants=AXIS), "wrong-opset"),
    "another's operators": (graph([node("Solve", ["X"], ["score"], domain="com.microsoft")]), "custom-operator"),
    "no such operator": (graph([node("Smooth", ["X"], ["score"])]), "cannot-open"),
    "the mean of the batch": (above_its_block(2).replace(b"features", b"featureX"), "rows-mixed"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_a_method_is_refused_in_both_languages(name: str, tmp_path: Path) -> None:
    body, code = WRONG[name]
    position = 1 if name in ("a column that is not there", "texts as scores") else 0
    assert tried(tmp_path / "wrong", body, manifest("score", position)) == code


def dense(opset: int = 21, ir: int = 10) -> bytes:
    return graph(LAST, opset=opset, ir=ir, constants=AXIS)


@pytest.mark.parametrize("domain", OPSETS)
def test_versions_are_those_that_the_pinned_runtime_opens(domain: str) -> None:
    """The service, which has no runtime, names them; where the runtime is another one these numbers are too."""

    def opens(version: int, ir: int = 10) -> bool:
        opset, ml = (version, 3) if not domain else (21, version)
        try:
            runtime(graph([node("Identity", ["X"], ["score"])], opset=opset, ml=ml, ir=ir, out=(None, 2)))
        except Exception:
            return False
        return True

    highest = OPSETS[domain][1]
    assert opens(highest)
    assert not opens(highest + 1) or not domain and highest == onnx.defs.onnx_opset_version()
    assert opens(21 if not domain else 3, IR_VERSIONS[1])
    assert not opens(21 if not domain else 3, IR_VERSIONS[1] + 1)


TODAY: Final = [
    # What torch.onnx.export writes of masks, padding and broadcasting, and what onnx.helper writes by itself.
    dense(opset=22), dense(ir=12), dense(ir=13),
    graph(
        [
            node("Shape", ["X"], ["shape"]),
            node("ConstantOfShape", ["shape"], ["zeros"]),
            node("Expand", ["one", "shape"], ["ones"]),
            node("Add", ["zeros", "ones"], ["more"]),
            node("Add", ["X", "more"], ["raised"]),
            node("Pad", ["raised", "pads"], ["padded"]),
            node("ReduceSum", ["padded", "axis"], ["score"], keepdims=1),
        ],
        opset=23,
        constants=[*AXIS, number("pads", 0, 1, 0, 1), numpy_helper.from_array(np.ones(1, np.float32), "one")],
    ),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(TODAY)))
def test_what_converters_write_today_is_taken(at: int, tmp_path: Path) -> None:
    method = tried(tmp_path / "today", TODAY[at], manifest("score", 0))
    assert not isinstance(method, str), method
    more = 2.0 if at == 3 else 0.0
    np.testing.assert_allclose(method.block(method.session(), rows()), rows().sum(axis=1) + more, atol=1e-5)


# Written by other programs by default, with the scores that the estimators give these rows, some of which lack a value.
CONVERTED: Final = Path(__file__).with_name("converted")


@pytest.mark.parametrize(
    ("file", "output", "position"),
    [
        ("xgboost-classifier", "probabilities", 1),
        ("xgboost-regressor", "variable", 0),
        ("lightgbm-classifier", "probabilities", 1),
        ("lightgbm-regressor", "variable", 0),
    ],
)
def test_what_other_programs_write_is_taken_and_equal(file: str, output: str, position: int, tmp_path: Path) -> None:
    told = json.loads((CONVERTED / f"{file}.json").read_text())
    shown = [{"values": row, "score": score} for row, score in zip(told["rows"], told["scores"], strict=True)]
    of = manifest(output, position, missing_values=True, examples=shown)
    body = (CONVERTED / f"{file}.onnx").read_bytes()
    if (plain := CONVERTED / f"{file}-plain.onnx").exists():
        assert tried(tmp_path / "maps", body, of) == "zipmap"
        body = plain.read_bytes()
    method = tried(tmp_path / "plain", body, of)
    assert not isinstance(method, str), method
    given = np.array([example.values for example in of.examples], dtype=np.float32)
    np.testing.assert_allclose(method.block(method.session(), given), told["scores"], atol=1e-5)


@pytest.mark.parametrize(
    ("file", "output", "code"),
    [
        ("dynamic", "sigmoid", None), ("script", "score", None), ("default", "sigmoid", "fixed-batch"),
        ("double", "sigmoid", "float64-input"), ("half", "sigmoid", "float16-input"), ("train", "score", "rows-mixed"),
    ],
)  # fmt: skip
def test_what_torch_writes_is_taken_and_equal_or_told_how_to_export(
    file: str, output: str, code: str | None, tmp_path: Path
) -> None:
    """One network: with open rows by both exporters; by default, for the rows that it was shown; in other types; in training."""
    told = json.loads((CONVERTED / "torch.json").read_text())
    shown = [{"values": row, "score": score} for row, score in zip(told["rows"], told["scores"], strict=True)]
    of = manifest(output, 0, examples=shown)
    found = tried(tmp_path / "torch", (CONVERTED / f"torch-{file}.onnx").read_bytes(), of)
    assert found == code if isinstance(found, str) else code is None


def test_a_domain_that_no_node_uses_is_nothing(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(dense())
    model.opset_import.append(helper.make_opsetid("pkg.onnxscript.torch_lib", 1))
    assert not isinstance(tried(tmp_path / "unused", model.SerializeToString(), manifest("score", 0)), str)


def test_constants_among_the_inputs_are_constants(tmp_path: Path) -> None:
    """As converters wrote them before version 4 of the format."""
    model = onnx.load_model_from_string(dense(opset=13, ir=3))
    model.graph.input.append(helper.make_tensor_value_info("axis", TensorProto.INT64, [1]))
    assert not isinstance(tried(tmp_path / "old", model.SerializeToString(), manifest("score", 0)), str)


def test_a_model_that_takes_missing_values_scores_them(tmp_path: Path) -> None:
    assert tried(tmp_path / "none", dense(), manifest("score", 0, missing_values=True)) == "missing-not-scored"
    takes = weighted([1, 1])
    assert not isinstance(tried(tmp_path / "some", takes, manifest("score", 0, missing_values=True)), str)
    shown = [{"values": [1.0, None], "score": 1.0}, {"values": [1.0, 2.0], "score": 3.0}]
    assert not isinstance(tried(tmp_path / "shown", takes, manifest("score", 0, missing_values=True, examples=shown)), str)
    wrong = [shown[1], shown[0] | {"score": 1.1}]
    assert tried(tmp_path / "wrong", takes, manifest("score", 0, missing_values=True, examples=wrong)) == "other-scores"


def test_models_of_certain_values_are_tried_on_examples(tmp_path: Path) -> None:
    """A table that is looked up knows no other codes."""
    lookup = graph(
        [
            node("Cast", ["X"], ["whole"], to=TensorProto.INT64),
            node("Gather", ["table", "whole"], ["found"]),
            node("ReduceSum", ["found", "axis"], ["score"], keepdims=1),
        ],
        constants=[*AXIS, numpy_helper.from_array(np.array([5, 7, 11], np.float32), "table")],
    )  # fmt: skip
    assert tried(tmp_path / "made", lookup, manifest("score", 0)) == "cannot-score"
    shown = [{"values": [0, 2], "score": 16}, {"values": [1, 1], "score": 14}]
    assert not isinstance(tried(tmp_path / "shown", lookup, manifest("score", 0, examples=shown)), str)


def test_the_sentences_are_said_in_both_languages() -> None:
    for code, (en, ko) in SENTENCES.items():
        assert en.endswith(".") and ko.endswith("."), code
        assert any("가" <= letter <= "힣" for letter in ko), code
        assert not any("가" <= letter <= "힣" for letter in en), code


def test_steps_are_whole_parts_of_a_block() -> None:
    assert onnx_method.BLOCK % onnx_scores.STEP == 0
