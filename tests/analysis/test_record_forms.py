"""Record linkage compares telephone numbers, numbers and days by what they say, however each register writes them."""

from pathlib import Path

import numpy as np
import pytest

from services.analysis.methods import record_linkage
from services.analysis.methods.record_linkage.fields import plain
from tests.analysis.linked import silent, value, write


@pytest.mark.parametrize(
    "spelled",
    [
        ("010-1234-5678", "01012345678", "010.1234.5678", "010 1234 5678", "０１０－１２３４－５６７８"),
        ("010-1234-5678", "010ㅡ1234ㅡ5678", "+82 10-1234-5678", "(010)1234-5678"),
        ("1990-01-01", "19900101", "1990.1.1", "1990. 1. 1.", "1990/01/01", "1990년 1월 1일"),
        ("123-45-67891", "1234567891", "123–45–67891"),
        ("Kim", " kim", "KIM\u00a0", "ｋｉｍ"),
        ("김철수", "\u1100\u1175\u11b7철수", "김철수\u200b"),
    ],
)
def test_every_spelling_of_a_field_is_one_value(spelled: tuple[str, ...]) -> None:
    assert len({plain(text) for text in spelled}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("01012345678", "1012345678"), ("1.5", "15"), ("-5", "5"), ("1990-01-01", "1990-01-10"), ("A-1", "A1"), ("12-3", "12-4")],
)
def test_other_values_stay_apart(one: str, other: str) -> None:
    assert plain(one) != plain(other)


def test_forty_pairs_are_found_although_the_registers_write_otherwise(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    days = np.datetime64("1950-01-01") + random.choice(20_000, 80, replace=False)
    phones = [f"010{number:08d}" for number in random.choice(10**8, 80, replace=False)]
    here, there = range(60), [*range(40), *range(60, 80)]  # twenty of each register are in that one alone
    rows = {
        "birth": [*(str(days[at]) for at in here), *(str(days[at]).replace("-", "") for at in there)],
        "phone": [*(f"{phones[at][:3]}-{phones[at][3:7]}-{phones[at][7:]}" for at in here), *(phones[at] for at in there)],
        "name": [f"name {at % 30}" for at in [*here, *there]],
        "source": ["구청"] * 60 + ["시청"] * 60,
    }
    columns = {name: np.array(values, dtype=object) for name, values in rows.items()}
    outputs = record_linkage.run(write(tmp_path, columns), silent)
    assert value(outputs, "likely_pairs") == 40
