"""Calls and answers on the wire: what is written is read back, and no bytes whatever are anything but a call or a problem."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.analysis.scoring.codec import DATATYPES, Call, Layouts, Limits, Signature, TensorSpec, decode, encode
from shared.errors import Problem
from tests.analysis.scoring import FEATURES
from tests.exploring import examples

LINEAR = Signature((TensorSpec("X", "FP32", (-1, 3)),), (TensorSpec("score", "FP32", (-1, 1)),), FEATURES)
LIMITS = Limits(rows=1000, json_bytes=100_000, values=10_000)


def column(datatype: str) -> Signature:
    return Signature((TensorSpec("c", datatype, (-1, 1)),), (TensorSpec("c", datatype, (-1, 1)),))


def body(**given: Any) -> bytes:
    values = {"name": "X", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
    return json.dumps({"inputs": [values | given]}).encode()


def read(data: bytes, header: str | None = None, signature: Signature = LINEAR, limits: Limits = LIMITS) -> Call:
    """The call, and the same once more when its head is known."""
    layouts = Layouts()
    first, again = (decode(data, header, signature, limits, layouts) for _ in range(2))
    assert (first.id, first.rows, first.outputs, first.feeds.keys()) == (again.id, again.rows, again.outputs, again.feeds.keys())
    for name, array in first.feeds.items():
        assert again.feeds[name].dtype == array.dtype
        np.testing.assert_array_equal(again.feeds[name], array)
    return again


def refused(data: bytes, header: str | None = None, signature: Signature = LINEAR, limits: Limits = LIMITS) -> tuple[int, str]:
    """Status, and the code of what is wrong."""
    with pytest.raises(Problem) as caught:
        read(data, header, signature, limits)
    problem = caught.value
    assert 400 <= problem.status < 500
    return problem.status, problem.errors[0].code if problem.errors else problem.slug


# Forth and back

SHAPES = st.integers(1, 5).map(lambda rows: (rows, 1))
VALUES = {
    name: st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    if name == "BYTES"
    else arrays.from_dtype(kind.dtype, allow_nan=False, allow_infinity=False)
    for name, kind in DATATYPES.items()
}


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("binary", [False, True])
def test_what_is_answered_can_be_asked(datatype: str, binary: bool) -> None:
    """The answer of an echo, sent as the next call, is what was sent first."""

    @settings(max_examples=examples(40))
    @given(st.lists(VALUES[datatype], min_size=1, max_size=5))
    def check(values: list[Any]) -> None:
        sent = np.array(values, dtype=DATATYPES[datatype].dtype).reshape(-1, 1)
        answer = encode(Call(None, len(sent), {}, (("c", binary),)), "echo", "1", [datatype], [sent])
        told = orjson.loads(answer.data[: answer.header_length])
        again = orjson.dumps({"inputs": told["outputs"]})
        tail = b"" if answer.header_length is None else answer.data[answer.header_length :]
        call = read(again + tail, str(len(again)) if binary else None, column(datatype))
        assert call.feeds["c"].dtype == sent.dtype
        assert np.array_equal(call.feeds["c"], sent)
        assert call.rows == len(values)

    check()


def test_nested_and_flat_data_are_the_same() -> None:
    rows = [[1, 2.5, 3], [4, 5, 6]]
    flat = read(body(shape=[2, 3], data=[1, 2.5, 3, 4, 5, 6]))
    nested = read(body(shape=[2, 3], data=rows))
    assert flat.feeds["X"].tolist() == nested.feeds["X"].tolist() == rows


def test_features_may_come_one_by_one_in_any_order_and_form() -> None:
    columns = [("owners", [2, 1], [3, 6]), ("rent", [2], [1, 4]), ("age", [2, 1], [[2.5], [5]])]
    inputs = [{"name": name, "shape": shape, "datatype": "FP32", "data": data} for name, shape, data in columns]
    call = read(json.dumps({"inputs": inputs}).encode())
    assert call.feeds["X"].tolist() == [[1, 2.5, 3], [4, 5, 6]]


def test_missing_values_where_the_model_takes_them() -> None:
    takes = Signature(LINEAR.inputs, LINEAR.outputs, FEATURES, missing=True)
    call = read(body(data=[1, None, 3]), None, takes)
    assert np.isnan(call.feeds["X"]).tolist() == [[False, True, False]]
    assert refused(body(data=[1, 1e39, 3]), signature=takes) == (422, "not-finite")
    assert refused(body(data=[1, None, 3])) == (422, "wrong-type")


def test_outputs_are_chosen_in_order() -> None:
    both = Signature(LINEAR.inputs, (*LINEAR.outputs, TensorSpec("flagged", "BOOL", (-1, 1))))
    asked = json.loads(body()) | {"outputs": [{"name": "flagged"}, {"name": "score", "parameters": {"binary_data": True}}]}
    assert read(json.dumps(asked).encode(), None, both).outputs == (("flagged", False), ("score", True))
    whole = json.loads(body()) | {"parameters": {"binary_data_output": True, "priority": 3, "house": "rule"}}
    assert read(json.dumps(whole).encode(), None, both).outputs == (("score", True), ("flagged", True))


# What does not fit

BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "Y"}, "unknown-input"),
    ({"name": None}, "unknown-input"),
    ({"name": ["X"]}, "unknown-input"),
    ({"datatype": "FP64"}, "wrong-datatype"),
    ({"datatype": {}}, "wrong-datatype"),
    ({"shape": [1, 2]}, "wrong-shape"),
    ({"shape": [3]}, "wrong-shape"),
    ({"shape": [1, 3, 1]}, "wrong-shape"),
    ({"shape": [2, 3]}, "wrong-count"),
    ({"shape": [0, 3]}, "empty"),
    ({"shape": [-1, 3]}, "empty"),
    ({"shape": []}, "wrong-type"),
    ({"shape": [1.0, 3]}, "wrong-type"),
    ({"shape": [True, 3]}, "wrong-type"),
    ({"shape": "1,3"}, "wrong-type"),
    ({"shape": [2**62, 3]}, "too-many"),
    ({"shape": [10**30, 3]}, "wrong-type"),
    ({"shape": [1] * 9}, "wrong-type"),
    ({"data": [1, 2]}, "wrong-count"),
    ({"data": []}, "wrong-count"),
    ({"data": "123"}, "not-a-list"),
    ({"data": None}, "not-a-list"),
    ({"data": [[1, 2, 3], [4, 5, 6]]}, "wrong-shape"),
    ({"data": [[1, 2], 3]}, "wrong-shape"),
    ({"data": [[[1], [2], [3]]]}, "wrong-type"),
    ({"data": [1, 2, "3"]}, "wrong-type"),
    ({"data": [1, 2, True]}, "wrong-type"),
    ({"data": [1, 2, None]}, "wrong-type"),
    ({"data": [1, 2, {}]}, "wrong-type"),
    ({"data": [1, 2, 1e300]}, "not-finite"),
    ({"parameters": []}, "wrong-type"),
    ({"parameters": {"shared_memory_region": "a"}}, "not-supported"),
    ({"parameters": {"binary_data_size": 12}}, "given-twice"),
]


@pytest.mark.parametrize(("wrong", "code"), BAD)
def test_an_input_that_does_not_fit_is_named(wrong: dict[str, Any], code: str) -> None:
    assert refused(body(**wrong)) == (422, code)


def test_a_boolean_among_many_numbers_is_found() -> None:
    values: list[Any] = [0.5, 0, 1.0] * 100
    assert read(body(shape=[100, 3], data=values)).rows == 100
    values[150] = False
    assert refused(body(shape=[100, 3], data=values)) == (422, "wrong-type")


@pytest.mark.parametrize(
    ("datatype", "values", "code"),
    [
        ("INT64", [2**63], "out-of-range"), ("INT32", [2**31], "out-of-range"), ("INT64", [1.0], "wrong-type"),
        ("INT64", [True], "wrong-type"), ("UINT8", [-1], "out-of-range"), ("BOOL", [1], "wrong-type"),
        ("BYTES", [1], "wrong-type"), ("BYTES", [None], "wrong-type"), ("FP64", ["NaN"], "wrong-type"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_the_datatype(datatype: str, values: list[Any], code: str) -> None:
    sent = {"inputs": [{"name": "c", "shape": [1, 1], "datatype": datatype, "data": values}]}
    assert refused(json.dumps(sent).encode(), signature=column(datatype)) == (422, code)


def test_a_body_that_is_not_a_call() -> None:
    whole = body()
    unread = [b"", whole[:-1], b"[" * 5000, b"\xff\xfe", whole.replace(b"3]", b"NaN]"), b'{"a":"\xff"}']
    assert [refused(data) for data in unread] == [(400, "not-json")] * len(unread)
    for data in (b"[]", b"{}", b'{"inputs":[]}', b'{"inputs":[1]}', b'{"inputs":{}}'):
        assert refused(data) == (422, "wrong-type"), data
    for rest, code in (
        (b'"id":7', "wrong-type"),
        (b'"outputs":7', "wrong-type"),
        (b'"outputs":[{"name":"y"}]', "unknown-output"),
        (b'"outputs":[{"name":"score"},{"name":"score"}]', "unknown-output"),
        (b'"parameters":{"sequence_id":9}', "not-supported"),
        (b'"parameters":{"binary_data_output":1}', "wrong-type"),
    ):
        assert refused(whole[:-1] + b"," + rest + b"}") == (422, code), rest


def test_inputs_that_do_not_go_together() -> None:
    one = json.loads(body())["inputs"][0]
    rent = {"name": "rent", "shape": [1], "datatype": "FP32", "data": [1]}
    age = rent | {"name": "age", "shape": [2], "data": [1, 2]}
    for inputs, code in (
        ([one, one], "duplicate"),
        ([rent], "inputs-missing"),
        ([rent, age], "rows-differ"),
        ([one, rent], "inputs-missing"),
    ):
        assert refused(json.dumps({"inputs": inputs}).encode()) == (422, code)


def test_limits() -> None:
    assert refused(body(shape=[1001, 3])) == (422, "too-many")
    assert refused(body(), limits=Limits(rows=10, json_bytes=20, values=10)) == (413, "too-large")


# The binary extension


def binary(size: Any, **given: Any) -> bytes:
    return body(parameters={"binary_data_size": size}, **given).replace(b'"data": [1, 2, 3], ', b"")


RAW = np.array([1, 2, 3], dtype="<f4").tobytes()


def test_binary_tensors_follow_one_another() -> None:
    inputs = [
        {"name": name, "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}
        for name in ("age", "rent", "owners")
    ]
    head = json.dumps({"inputs": inputs}).encode()
    tail = np.array([2, 5, 1, 4, 3, 6], dtype="<f4").tobytes()
    assert read(head + tail, str(len(head))).feeds["X"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_head_that_was_read_before_is_judged_by_its_own_bytes() -> None:
    head, layouts = binary(12), Layouts()

    def again(tail: bytes, header: bytes = head) -> Call:
        return decode(header + tail, str(len(header)), LINEAR, LIMITS, layouts)

    again(RAW)
    assert list(layouts.known) == [head]
    assert again(np.array([7, 8, 9], dtype="<f4").tobytes()).feeds["X"].tolist() == [[7, 8, 9]]
    for tail, code in ((RAW + b"x", "bytes-left-over"), (RAW[:-1], "wrong-size"), (b"\xff" * 12, "not-finite")):
        with pytest.raises(Problem) as caught:
            again(tail)
        assert caught.value.errors[0].code == code
    named = head[:-1] + b', "id": "a"}'
    assert [again(RAW, named).id, again(RAW, named).id] == ["a", "a"]
    for spaces in range(1000):
        again(RAW, head + b" " * spaces)
    assert len(layouts.known) <= 256


def test_sizes_that_do_not_fit() -> None:
    head = binary(12)
    assert read(head + RAW, str(len(head))).feeds["X"].tolist() == [[1, 2, 3]]
    for size in (-1, 11, 13, 2**63, 10**25, 1.5, "12", None, True):
        data = binary(size)
        assert refused(data + RAW, str(len(data)))[0] in (400, 422), size
    assert refused(head + RAW + b"x", str(len(head))) == (400, "bytes-left-over")
    assert refused(head + RAW[:-1], str(len(head))) == (422, "wrong-size")
    assert refused(head + RAW) == (400, "not-json")
    data = binary(8)
    assert refused(data + RAW[:8], str(len(data))) == (422, "wrong-size")


def test_a_length_of_the_json_that_is_none() -> None:
    head = binary(12)
    for length in ("", "0", "-1", "+5", "1e3", "٣", " 5", "5 ", "9" * 30, str(len(head) + len(RAW) + 1)):
        assert refused(head + RAW, length) == (400, "wrong-size"), length
    assert refused(head + RAW, str(len(head) - 1)) == (400, "not-json")


def test_values_in_binary_are_checked_too() -> None:
    head = binary(12)
    for value in (np.nan, np.inf, -np.inf):
        data = head + np.array([1, 2, value], dtype="<f4").tobytes()
        assert refused(data, str(len(head))) == (422, "not-finite")
    flag = json.dumps(
        {"inputs": [{"name": "c", "shape": [1], "datatype": "BOOL", "parameters": {"binary_data_size": 1}}]}
    ).encode()
    assert refused(flag + b"\x02", str(len(flag)), column("BOOL")) == (422, "wrong-type")


@pytest.mark.parametrize(
    "raw", [b"\x05\0\0\0ab", b"\xff\xff\xff\xffab", b"\x01\0\0\0\xff", b"\x01\0\0", b"\0\0\0\0\0\0\0\0", b"\x01\0\0\0ax"]
)
def test_texts_that_are_cut_short_or_not_text(raw: bytes) -> None:
    sent = {"name": "c", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [sent]}).encode()
    assert refused(head + raw, str(len(head)), column("BYTES"))[0] == 422


# Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("name", "shape", "datatype", "data", "parameters")


@settings(max_examples=examples(300))
@given(st.data())
def test_anything_is_a_call_or_a_problem(data: st.DataObject) -> None:
    """Calls with some parts replaced by anything, then bytes changed, cut and added."""
    call = json.loads(data.draw(st.sampled_from([body(), binary(12)])))
    for field in data.draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        call["inputs"][0][field] = data.draw(JSON)
    for field in data.draw(st.lists(st.sampled_from(["id", "outputs", "parameters", "inputs"]), max_size=1)):
        call[field] = data.draw(JSON)
    head = json.dumps(call).encode()
    sent = bytearray(head + data.draw(st.sampled_from([b"", RAW])))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(sent)))
        sent[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    header = data.draw(st.none() | st.just(str(len(head))) | st.integers(-5, 400).map(str) | st.text(max_size=5))
    try:
        found = read(bytes(sent), header)
    except Problem as problem:
        assert 400 <= problem.status < 500
    else:
        assert found.feeds["X"].shape == (found.rows, 3)
        assert np.isfinite(found.feeds["X"]).all()
