"""The ridge of a forecast as a model: handed in by one round, and one period ahead beside the way that the next one chose."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from services.analysis.methods.forecasting import CARD, run
from services.analysis.methods.forecasting.card import SEASONS
from services.analysis.methods.forecasting.keeping import MODEL, beside, columns_of, keep_model, learn, names_of, spreads_of
from services.analysis.methods.forecasting.series import Series, day_of
from services.analysis.methods.forecasting.ways import WAYS, records, shortest
from services.analysis.methods.toolkit.champion import score_champion
from services.analysis.methods.toolkit.export import read_manifest
from services.analysis.worker.sdk import CHAMPION_FILE, Bundle, MethodError, Outputs
from shared.contracts import OutputKind
from tests.analysis import models
from tests.analysis.linked import check_passes, silent, write
from tests.analysis.linked import records as rows_of

pytestmark = pytest.mark.fit

FIRST = 2018 * 12
SUBJECTS = 20


def truth(size: int, *, skipped: int = 0, scale: float = 1.0, seed: int = 4) -> Any:
    """A season of twelve months that changes slowly, and what each month carries over of the one before."""
    random = np.random.default_rng(seed)
    drawn, carried = random.normal(0, 4, 200), np.zeros(200)
    for month in range(1, 200):
        carried[month] = 0.8 * carried[month - 1] + drawn[month]
    at = np.arange(200)
    whole = 300 + 0.5 * at + (30 + 0.1 * at) * np.sin(2 * np.pi * at / 12) + carried
    return scale * whole[skipped : skipped + size]


def months(size: int = 72, *, skipped: int = 0, scale: float = 1.0, **columns: Any) -> dict[str, Any]:
    """So many months from January 2018 on, without the first few; the same of each of twenty people."""
    days = [day_of(FIRST + skipped + at, "month") for at in range(size)]
    return {
        "pseudonym": np.array([f"{person:064x}" for _ in days for person in range(SUBJECTS)], dtype=object),
        "period": np.array([day for day in days for _ in range(SUBJECTS)], dtype=object),
        "value": np.repeat(truth(size, skipped=skipped, scale=scale), SUBJECTS),
    } | columns


def bundle_of(folder: Path, columns: dict[str, Any], model: bytes | None = None, **parameters: Any) -> Bundle:
    bundle = write(folder, dict(columns), "series", parameters={"statistic": "mean", **parameters})
    if model is not None:
        (bundle.folder / CHAMPION_FILE).write_bytes(model)
    return bundle


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    return run(bundle_of(tmp_path_factory.mktemp("first"), months()), silent)


@pytest.fixture(scope="module")
def model(first: Outputs) -> bytes:
    return first.models[MODEL]


def test_a_round_hands_in_a_model_that_may_be_registered(first: Outputs, model: bytes, tmp_path: Path) -> None:
    assert {each.name for each in CARD.outputs if each.kind is OutputKind.MODEL} == set(first.models)
    manifest = models.registrable(model, CARD, tmp_path)
    assert [each.name for each in manifest.features] == names_of("month")
    assert (str(manifest.training.first), str(manifest.training.last)) == ("2018-01-01", "2023-12-31")
    assert manifest.training.rows == 72 - 24
    assert 0 < (manifest.metrics["mase"] or 0) < 1
    assert first.metrics["summary"]["notes"] is None


def test_the_file_answers_as_the_estimator_does_in_any_unit_and_from_any_month(tmp_path: Path) -> None:
    path = tmp_path / CHAMPION_FILE
    whole = Series("every", FIRST, truth(72), np.full(72, 20.0))
    path.write_bytes(keep_model(whole, records(whole.values, 6, 12), "month"))
    estimator, matrix = learn(whole, "month")
    at = np.arange(40, 72)
    columns = columns_of(whole, at, spreads_of(whole, at, 12), "month")
    scores = score_champion(Bundle(tmp_path), columns).scores
    np.testing.assert_allclose(scores, estimator.predict(np.column_stack(list(columns.values())).astype(np.float32)), atol=1e-5)
    dearer = replace(whole, values=whole.values * 1300.0)
    later = replace(whole, start=FIRST + 5, values=whole.values[5:], subjects=whole.subjects[5:])
    assert len(matrix) == 48
    for other, moved in ((dearer, at), (later, at - 5)):
        spread = spreads_of(whole, at, 12) * (1300 if other is dearer else 1)
        np.testing.assert_allclose(
            score_champion(Bundle(tmp_path), columns_of(other, moved, spread, "month")).scores, scores, atol=1e-5
        )


def test_what_a_period_is_told_was_known_before_it() -> None:
    whole = Series("every", FIRST, truth(72), np.full(72, 20.0))
    at = np.arange(40, 60)
    blind = replace(whole, values=np.where(np.arange(72) < 60, whole.values, 1e9))
    for each in at:
        cut = replace(whole, values=np.where(np.arange(72) < each, whole.values, -1e6))
        place = np.array([each])
        told, known = (columns_of(one, place, spreads_of(one, place, 12), "month") for one in (cut, whole))
        assert told == known
    assert columns_of(blind, at, spreads_of(blind, at, 12), "month").keys() == set(names_of("month"))


def test_the_next_round_stands_beside_the_released_model(model: bytes, tmp_path: Path) -> None:
    values = truth(84)
    outputs = run(bundle_of(tmp_path, months(84), model, horizon=3), silent)
    check_passes(outputs)
    told = {row["model"]: row for row in rows_of(outputs.tables["champion"])}
    assert {(row["first"], row["last"], row["periods"], row["subjects"]) for row in told.values()} == {
        ("2024-01-01", "2024-12-01", 12, 20)
    }
    way = outputs.metrics["summary"]["split"]["way"]
    at = np.arange(72, 84)
    blind = np.array([WAYS[way](values[:each], 3, 12)[0] for each in at])
    naive = np.abs(values[at] - values[at - 12]).mean()
    assert told["challenger"]["mae"] == pytest.approx(np.abs(values[at] - blind).mean(), rel=1e-5)
    assert told["challenger"]["mase"] == pytest.approx(np.abs(values[at] - blind).mean() / naive, abs=1e-4)
    assert told["champion"]["mase"] == pytest.approx(told["champion"]["mae"] / naive, abs=1e-3)
    assert told["champion"]["mase"] < 1
    assert f"({way})" in outputs.tables["champion"]["notes"]["en"]


def by_hand(model: bytes, values: Any, at: int) -> float:
    """What the file says of one month, from the values before it alone."""
    change = values[12:at] - values[: at - 12]
    spread, angle = np.std(change), 2 * np.pi * (at % 12) / 12
    row = np.array([[change[-1] / spread, change[-2] / spread, change[-12] / spread, np.sin(angle), np.cos(angle)]], np.float32)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return float(values[at - 12] + session.run(None, {"features": row})[0][0, 0] * spread)


def test_anybody_can_ask_the_file_by_what_its_names_say(model: bytes, tmp_path: Path) -> None:
    values = truth(78)
    outputs = run(bundle_of(tmp_path, months(78), model), silent)
    told = {row["model"]: row for row in rows_of(outputs.tables["champion"])}
    errors = [abs(values[at] - by_hand(model, values, at)) for at in range(72, 78)]
    assert told["champion"]["mae"] == pytest.approx(np.mean(errors), rel=1e-4)


@pytest.mark.parametrize(("skipped", "scale"), [(7, 1.0), (0, 1e6), (19, 1e-3)])
def test_a_series_that_begins_later_or_counts_in_another_unit_is_compared_as_well(
    model: bytes, tmp_path: Path, skipped: int, scale: float
) -> None:
    plain = run(bundle_of(tmp_path / "plain", months(84), model), silent)
    other = run(bundle_of(tmp_path / "other", months(84 - skipped, skipped=skipped, scale=scale), model), silent)
    one, two = (next(iter(rows_of(each.tables["champion"]))) for each in (plain, other))
    assert two["first"] == one["first"]
    assert two["mae"] == pytest.approx(one["mae"] * scale, rel=0.1)


def test_a_champion_alters_no_forecast(model: bytes, tmp_path: Path) -> None:
    alone, next_to = (run(bundle_of(tmp_path / name, months(84), file), silent) for name, file in (("a", None), ("b", model)))
    del next_to.tables["champion"]
    said = [json.dumps([each.tables, each.figures, each.metrics, each.restricted_list]) for each in (alone, next_to)]
    assert said[0] == said[1]
    assert alone.models == next_to.models


def test_where_nothing_came_after_the_last_periods_are_compared_and_the_note_says_so(model: bytes, tmp_path: Path) -> None:
    outputs = run(bundle_of(tmp_path, months(72), model), silent)
    told = rows_of(outputs.tables["champion"])
    assert {(row["first"], row["last"], row["periods"]) for row in told} == {("2022-08-01", "2023-12-01", 17)}
    assert "which it has learned from" in outputs.tables["champion"]["notes"]["en"]
    assert "이미 배운" in outputs.tables["champion"]["notes"]["ko"]


def test_few_periods_after_its_training_are_compared_and_called_few(model: bytes, tmp_path: Path) -> None:
    outputs = run(bundle_of(tmp_path, months(74), model), silent)
    assert [row["periods"] for row in rows_of(outputs.tables["champion"])] == [2, 2]
    assert "Fewer than 6 periods" in outputs.tables["champion"]["notes"]["en"]
    assert "learned from" not in outputs.tables["champion"]["notes"]["en"]


def refusal(bundle: Bundle) -> tuple[str, str]:
    with pytest.raises(MethodError) as refused:
        run(bundle, silent)
    return refused.value.code, refused.value.detail


def test_a_champion_of_another_frequency_is_refused(model: bytes, tmp_path: Path) -> None:
    code, detail = refusal(bundle_of(tmp_path, months(72), model, frequency="quarter"))
    assert (code, "periods of month" in detail, "of quarter" in detail) == ("champion-other-frequency", True, True)


def test_the_names_tell_every_frequency_apart() -> None:
    assert len({tuple(names_of(frequency)) for frequency in SEASONS}) == len(SEASONS)


def test_a_champion_of_another_method_is_refused(tmp_path: Path) -> None:
    assert refusal(bundle_of(tmp_path, months(), models.onnx_file()))[0] == "champion-other-method"


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"PK\x03\x04" + whole]
)
def test_a_broken_file_is_refused(model: bytes, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    assert refusal(bundle_of(tmp_path, months(), damage(model)))[0] == "champion-unreadable"


def test_a_short_series_hands_in_no_model_and_says_why_but_is_compared(model: bytes, tmp_path: Path) -> None:
    assert shortest(12) == 34
    outputs = run(bundle_of(tmp_path, months(33, skipped=50), model), silent)
    check_passes(outputs)
    assert outputs.models == {}
    notes = outputs.metrics["summary"]["notes"]
    assert notes["en"] == "No model is handed in. The series is too short for the ridge, which needs 34 periods."
    assert notes["ko"] == "모형을 제출하지 않았습니다. 배울 행이 너무 적습니다."
    assert rows_of(outputs.tables["champion"])[0]["first"] == "2024-05-01"
    assert MODEL in run(bundle_of(tmp_path / "enough", months(34)), silent).models


@pytest.mark.parametrize("frequency", ["year", "quarter", "week", "day"])
def test_every_frequency_hands_in_a_model_that_the_next_round_can_use(tmp_path: Path, frequency: str) -> None:
    season = SEASONS[frequency]
    random = np.random.default_rng(8)
    size = shortest(season) + 20
    values = 50 + 5 * np.sin(2 * np.pi * np.arange(size) / max(season, 2)) + random.normal(0, 1, size).cumsum()
    start = {"year": 1990, "quarter": 2010 * 4, "week": 2000, "day": 18_000}[frequency]
    whole = Series("every", start, values, np.full(size, 12.0))
    early = replace(whole, values=values[:-8], subjects=whole.subjects[:-8])
    path = tmp_path / CHAMPION_FILE
    path.write_bytes(keep_model(early, records(early.values, 2, season), frequency))
    past = records(values, 2, season)
    found = beside(whole, past, past[0], frequency, Bundle(tmp_path), read_manifest(path.read_bytes()))
    assert [row["periods"] for row in rows_of(found)] == [8, 8]
    assert all(row["mae"] > 0 for row in rows_of(found))
    check_passes(Outputs(tables={"champion": found}))


def test_values_that_never_change_are_forecast_by_the_model_too(model: bytes, tmp_path: Path) -> None:
    outputs = run(bundle_of(tmp_path, months(84, value=np.full(84 * SUBJECTS, 7.0)), model), silent)
    check_passes(outputs)
    assert MODEL in outputs.models
    assert {row["mase"] for row in rows_of(outputs.tables["champion"])} == {1.0}
