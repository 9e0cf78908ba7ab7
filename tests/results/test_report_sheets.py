"""A CSV that leaves can be opened by any spreadsheet without harm, and read back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sheets import csv_cell, csv_line, csv_table


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=cmd|' /C calc'!A0", "＝1+1", "\ufeff=1", "-서울"],
)
def test_a_formula_in_a_text_cell_becomes_text(text: str) -> None:
    (cell,) = next(csv.reader(io.StringIO(csv_line([text]), newline="")))
    assert cell == "'" + text


def test_numbers_stay_numbers() -> None:
    assert csv_line([-5, 1.5, 0, None, True]) == "-5,1.5,0,,true\r\n"


def test_quoting_follows_rfc_4180() -> None:
    assert csv_table(["a", "b"], [['say "hi"', "x,y"], ["two\nlines", "plain"]]) == (
        'a,b\r\n"say ""hi""","x,y"\r\n"two\nlines",plain\r\n'
    )


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_every_text_comes_back_but_for_the_apostrophe(texts: list[str]) -> None:
    row = next(csv.reader(io.StringIO(csv_line(texts), newline=""), strict=True))
    assert [cell.removeprefix("'") for cell in row] == [text.removeprefix("'") for text in texts]
    assert not any(csv_cell(text).lstrip('"')[:1] in tuple("=+-@\t\r") for text in texts)
