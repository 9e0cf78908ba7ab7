"""Texts and parameters from outside: bounded, and only what a database can keep."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.requests.schemas import DEEPEST, RequestIn, plain_json
from tests.requests.examples import asked

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=3))
def test_ordinary_parameters_pass_unchanged(parameters: dict[str, object]) -> None:
    try:
        assert plain_json(parameters) == parameters
    except ValueError as error:
        assert "nested" in str(error) and json.dumps(parameters).count("[") + json.dumps(parameters).count("{") > DEEPEST - 2


@pytest.mark.parametrize("spoilt", [{"a": "\ud800"}, {"\udfff": 1}, {"a": [{"b": "x\udc00"}]}])
def test_half_characters_are_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="half a Unicode character"):
        RequestIn(**asked(parameters=spoilt))


def test_nesting_is_bounded() -> None:
    nested: object = 1
    for _ in range(DEEPEST - 1):
        nested = [nested]
    with pytest.raises(ValueError, match="nested"):
        plain_json({"a": [nested]})


@pytest.mark.parametrize("field", ["title", "purpose", "legal_basis"])
@pytest.mark.parametrize("text", ["", "   ", "bell\x07", "nul\x00", "del\x7f", "x" * 4001])
def test_bad_texts_are_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        RequestIn(**asked(**{field: text}))
