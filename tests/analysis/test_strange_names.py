"""Names and amounts as data have them: two are never shown as one, none is shown as what it is not, and all can be shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analysis.methods import anomaly_tables, cross_tabulation, forecasting
from services.analysis.methods.deviation.layout import grouped
from services.analysis.methods.ghg_anomalies.standards import find_unit
from services.analysis.methods.record_linkage.fields import as_text
from services.analysis.methods.toolkit.arrays import called, texts
from services.analysis.methods.toolkit.disclosure import MARGINS
from services.analysis.methods.toolkit.encoding import frequent
from services.analysis.methods.toolkit.layout import figure, shares, text
from services.analysis.worker.sdk import Outputs
from tests.analysis.linked import RULES, check_passes, records, silent, write
from tests.analysis.months import by_months

pytestmark = pytest.mark.fit

LONG = "Manufacture of electronic components and "


def crossed(folder: Path, table: dict[str, Any], **parameters: Any) -> Outputs:
    outputs = cross_tabulation.run(write(folder, table, parameters=parameters), silent)
    check_passes(outputs)
    return outputs


def halves(one: object, other: object, size: int = 200) -> Any:
    return np.array([one if at < 80 else other for at in range(size)], dtype=object if isinstance(one, str) else None)


def sizes(outputs: Outputs, table: str = "groups") -> dict[str, int]:
    return {row["level"]: row["subjects"] for row in records(outputs.tables[table])}


@pytest.mark.parametrize(
    ("one", "other"),
    [(20240101, 20240102), (0.1234567, 0.1234568), (LONG + "boards", LONG + "parts"), ("a\x07b", "b"), ("x" * 400, "x" * 399)],
)
def test_two_names_are_never_one_and_can_be_shown(tmp_path: Path, one: object, other: object) -> None:
    assert sorted(sizes(crossed(tmp_path, {"kind": halves(one, other)}, rows="kind")).values()) == [80, 120]


def test_a_whole_number_is_named_in_full() -> None:
    assert texts(np.array([1e6, 2.0**52 + 1, 0.5, np.nan, 1e300]), 5).tolist() == [
        "1000000",
        "4503599627370497",
        "0.5",
        "unknown",
        "1e+300",
    ]


def test_names_that_are_alike_are_numbered_and_the_short_one_keeps_its_own() -> None:
    alike = [LONG[:40], LONG[:40] + "1", LONG[:40] + "2", LONG[:31] + "… (2)"]
    shown = called(alike)
    assert shown[LONG[:40]] == LONG[:40]
    assert len(set(shown.values())) == len(alike)
    assert max(map(len, shown.values())) <= 41


def test_what_the_data_call_a_sum_is_a_group_like_any_other(tmp_path: Path) -> None:
    assert RULES.margin_labels == MARGINS
    kind = np.array(["Total"] * 103 + ["가"] * 50 + ["나"] * 50, dtype=object)
    assert sizes(crossed(tmp_path, {"kind": kind}, rows="kind")) == {"‘Total’": 103, "가": 50, "나": 50}


def test_means_of_very_small_and_very_large_amounts(tmp_path: Path) -> None:
    columns = {"kind": halves("a", "b"), "small": np.full(200, 3.21e-6), "large": np.where(np.arange(200) % 2, 1.7e308, 5.0)}
    small = records(crossed(tmp_path / "a", dict(columns), rows="kind", measure="small").tables["groups"])
    assert [row["mean"] for row in small] == [3.21e-6, 3.21e-6]
    large = records(crossed(tmp_path / "b", dict(columns), rows="kind", measure="large").tables["groups"])
    assert [row["mean"] for row in large] == [5.0, 5.0], "what no sum can hold is unknown"
    assert shares(12, 1_200_000)[0] == 1e-5
    assert figure("mae", text("", ""), 2.43e-8, 10)["value"] == 2.43e-8
    assert figure("mae", text("", ""), 0.12345, 10)["value"] == 0.1235


def test_a_text_too_long_for_the_manifest_of_a_model_is_no_category() -> None:
    assert frequent(np.array(["x" * 201] * 30 + ["y" * 200] * 20, dtype=object)) == ("y" * 200,)


def test_long_numbers_agree_only_where_they_are_equal() -> None:
    assert as_text(4111111111111111.0) != as_text(4111111111111112.0)
    assert as_text(-0.0) == as_text(0.0) == "0"


def test_groups_with_the_names_of_our_own(tmp_path: Path) -> None:
    outputs = forecasting.run(write(tmp_path, by_months(40, ["every", "other"]), "series"), silent)
    check_passes(outputs)
    first = [row for row in records(outputs.tables["forecast"]) if row["period"] == "2020-01-01"]
    assert {row["group"]: row["subjects"] for row in first} == {"every": 40, "‘every’": 20, "‘other’": 20}
    assert first[0]["value"] == first[1]["value"] + first[2]["value"] == sum(range(40))


def test_a_column_called_total_is_a_column(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    columns = {name: np.where(random.random(1500) < 0.03, 1e6, random.normal(size=1500)) for name in ("total", "other", "b")}
    columns["peer_group"] = np.array(["x" * 60 + "1", "x" * 60 + "2", "a\x07"], dtype=object)[np.arange(1500) % 3]
    outputs = anomaly_tables.run(write(tmp_path, columns, "records", parameters={"review_budget": 0.2}), silent)
    check_passes(outputs)
    assert {row["column"] for row in records(outputs.tables["findings_by_column"])} == {"‘total’", "other", "b"}
    assert len({row["group"] for row in records(outputs.tables["findings_by_group"])}) == 3


def test_a_row_called_other_is_not_lost_among_the_others() -> None:
    assert grouped({"other": 40, "a": 6, "b": 5, "c": 30}) == {"c": ["c"], "other": ["other", "a", "b"]}


def test_a_title_with_signs_that_no_table_may_hold_is_shown_without_them(tmp_path: Path) -> None:
    titles = {"kind": {"ko": "종류\x07", "en": "<b>kind</b>\r"}}
    outputs = crossed(tmp_path, {"kind": halves("a", "b")}, rows="kind", titles=titles)
    assert records(outputs.tables["groups"])[0]["grouping_en"] == "<b>kind</b> "


UNITS = {"㎏": "kg", "kℓ": "kL", "㎿h": "MWh", "㎾h": "kWh", "ＴＪ": "TJ", "천㎥": "천m3", "Nm³": "Nm3"}


@pytest.mark.parametrize(("written", "plain"), UNITS.items())
def test_a_unit_in_signs_of_its_own_is_that_unit(written: str, plain: str) -> None:
    assert find_unit(written) == find_unit(plain) is not None
