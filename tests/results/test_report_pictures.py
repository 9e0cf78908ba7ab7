"""Figures are drawn on the server, in Korean too; a hostile one costs only itself."""

from pathlib import Path
from typing import Any

import pytest

from services.results.report import draw, localised, with_rows
from services.results.report.words import REASONS, WORDS
from tests.results.build import figure, table

TABLES = {"by_region": table(), "other": table("other")}


def spec(tongue: str = "ko", **more: Any) -> dict[str, Any]:
    return with_rows(figure() | more, TABLES, tongue)


def test_only_the_tables_that_are_drawn_come_with_the_figure() -> None:
    full = spec()
    assert set(full["datasets"]) == {"by_region"}
    assert full["datasets"]["by_region"][0] == {"region": "서울", "households": 400, "blind": 40, "rate": 0.1, "score": 0.71}
    assert full["description"] == "Blind spots by region (한)"
    assert "usermeta" not in full


def test_each_language_has_its_words() -> None:
    assert localised({"a": [{"ko": "가", "en": "A"}], "ko": 1}, "en") == {"a": ["A"], "ko": 1}


async def test_korean_letters_are_drawn_not_boxes() -> None:
    titles = {"ga": "가각간", "na": "난낟날", "ga again": "가각간"}
    drawn = await draw({key: spec(title=title, encoding={}) for key, title in titles.items()})
    assert all(picture.fault is None for picture in drawn.values())
    assert drawn["ga"].png == drawn["ga again"].png
    # Boxes for missing letters would all look the same.
    assert drawn["ga"].png != drawn["na"].png
    assert "가각간" in drawn["ga"].svg
    assert "Dure Hangul" in drawn["ga"].svg


@pytest.mark.parametrize(
    "hostile",
    [
        {"mark": {"type": "bar", "href": "javascript:alert(1)"}},
        {"mark": {"type": "image", "url": "https://elsewhere.example/a.png"}},
        {"width": -1e308, "height": 1e308},
        {"data": {"url": "https://elsewhere.example/rows.csv"}},
        {"mark": "no such mark"},
    ],
)
async def test_what_could_run_or_fetch_is_not_drawn_and_the_others_are(hostile: dict[str, Any]) -> None:
    drawn = await draw({"before": spec(), "hostile": spec() | hostile, "after": spec("en")}, stall=15)
    assert drawn["hostile"].fault == "drawing-failed"
    assert drawn["hostile"].svg == ""
    assert drawn["before"].fault is drawn["after"].fault is None


async def test_a_local_file_is_never_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text('[{"region": "LEAKED", "rate": 0.5}]')
    for url in (file.as_uri(), str(file)):
        drawn = await draw({"reads": spec() | {"data": {"url": url}}})
        assert "LEAKED" not in drawn["reads"].svg


async def test_one_that_hangs_costs_only_itself() -> None:
    ticks = {"x": {"field": "rate", "type": "quantitative", "axis": {"tickCount": 1e9}}}
    drawn = await draw({"hangs": spec(encoding=ticks), "after": spec()}, stall=6)
    assert drawn["hangs"].fault == "drawing-failed"
    assert drawn["after"].fault is None


async def test_with_no_time_left_the_rest_is_named() -> None:
    assert (await draw({"any": spec()}, total=-1))["any"].fault == "drawing-timed-out"


def test_both_languages_have_the_same_words() -> None:
    assert set(WORDS["ko"]) == set(WORDS["en"])
    assert all(set(words) == {"ko", "en"} for words in REASONS.values())
