"""The released model beside the new one: the same answers, aligned by name, on any table; and never by chance a wrong one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline

from services.analysis.methods.toolkit import champion
from services.analysis.methods.toolkit.beside import notes
from services.analysis.methods.toolkit.champion import score_champion, side_by_side, trained_by
from services.analysis.methods.toolkit.export import matrix_of
from services.analysis.methods.toolkit.export.spread import deciles, histogram, shift
from services.analysis.worker.sdk import CHAMPION_FILE, Bundle, MethodError
from tests.analysis import models

NAMES = [feature.name for feature in models.FEATURES]
DISTRICT = NAMES[5]


def columns(rows: int = 1500) -> dict[str, Any]:
    """The training table as a new round sees it: numbers as floats, the district as it is written."""
    matrix = models.table(rows)[0]
    told: dict[str, Any] = {name: matrix[:, at].astype(np.float64) for at, name in enumerate(NAMES[:5])}
    told[DISTRICT] = np.array([None if np.isnan(code) else models.DISTRICTS[int(code)] for code in matrix[:, 5]], dtype=object)
    return told


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def written(model: bytes) -> Bundle:
        (tmp_path / CHAMPION_FILE).write_bytes(model)
        return Bundle(tmp_path)

    return written


MAKERS: dict[str, Any] = {
    "onnx": (lambda: models.fitted(HistGradientBoostingClassifier(max_iter=10, random_state=0)), "onnx"),
    "skops": (
        lambda: models.fitted(HistGradientBoostingClassifier(max_iter=10, random_state=0, categorical_features=[5])),
        "skops",
    ),
    "amounts": (lambda: models.fitted(HistGradientBoostingRegressor(max_iter=10, random_state=0), amounts=True), "onnx"),
    "anomalies": (
        lambda: models.fitted(make_pipeline(SimpleImputer(), IsolationForest(n_estimators=10, random_state=0))),
        "onnx",
    ),
}
EXPECTED: dict[str, Any] = {
    "onnx": lambda model, rows: model.predict_proba(rows)[:, 1],
    "skops": lambda model, rows: model.predict_proba(rows)[:, 1],
    "amounts": lambda model, rows: model.predict(rows),
    "anomalies": lambda model, rows: -model.decision_function(rows),
}


@pytest.mark.parametrize("name", MAKERS)
def test_it_answers_as_it_did_when_it_was_trained(name: str, file: Any) -> None:
    make, kind = MAKERS[name]
    model = make()
    found = score_champion(file(models.exported(model)), columns())
    assert found.manifest.format == kind
    np.testing.assert_allclose(found.scores, EXPECTED[name](model, models.table()[0]), atol=1e-5)
    assert (found.absent, found.unknown) == ((), {})
    assert found.score_shift is not None
    assert found.score_shift.psi == pytest.approx(0, abs=1e-3)
    assert all(value.psi == pytest.approx(0, abs=1e-3) for value in found.feature_shift.values())
    assert found.reference == found.manifest.reference


def test_clusters_are_scored_by_their_number(file: Any) -> None:
    model = models.fitted(make_pipeline(SimpleImputer(), KMeans(3, n_init=2, random_state=0)))
    found = score_champion(file(models.exported(model)), columns())
    np.testing.assert_array_equal(found.scores, model.predict(models.table()[0]))


def test_the_order_of_the_new_table_does_not_matter_nor_what_else_is_in_it(file: Any) -> None:
    path, told = file(models.onnx_file()), columns()
    shuffled = {"another": np.zeros(1500), **dict(reversed(told.items()))}
    np.testing.assert_array_equal(score_champion(path, shuffled).scores, score_champion(path, told).scores)


@pytest.mark.parametrize("make", [models.onnx_file, models.skops_file])
def test_a_missing_column_is_missing_and_an_unknown_category_has_its_code(make: Any, file: Any) -> None:
    path, told = file(make()), columns()
    del told[NAMES[0]]
    told[DISTRICT][:300] = "세종시"
    found = score_champion(path, told)
    assert found.absent == (NAMES[0],)
    assert found.unknown == {DISTRICT: 0.2}
    assert found.feature_shift[NAMES[0]].verdict == "moved"
    assert found.feature_shift[DISTRICT].verdict == "moved"
    rows = models.table()[0].copy()
    rows[:, 0], rows[:300, 5] = np.nan, -1
    matrix = matrix_of(models.FEATURES, told, 1500)
    np.testing.assert_array_equal(matrix, rows)


def test_categories_are_coded_by_the_models_own_table() -> None:
    """The new round sees the districts in another order, and some of them are numbers."""
    feature = models.FEATURES[5].model_copy(update={"categories": ("11", "26", "나")})
    values = np.array(["나", "26", None, "11", "41"], dtype=object)
    np.testing.assert_array_equal(matrix_of([feature], {DISTRICT: values}, 5)[:, 0], [2, 1, np.nan, 0, -1])
    as_numbers = np.array([26.0, np.nan, 11.0, 11.5])
    np.testing.assert_array_equal(matrix_of([feature], {DISTRICT: as_numbers}, 4)[:, 0], [1, np.nan, 0, -1])


def test_text_among_numbers_and_what_is_too_large_is_missing() -> None:
    values = np.array(["3.5", "many", None, "1e300"], dtype=object)
    np.testing.assert_array_equal(matrix_of(models.FEATURES[:1], {NAMES[0]: values}, 4)[:, 0], [3.5, np.nan, np.nan, np.nan])


def test_many_rows_are_scored_in_batches(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(models.onnx_file())
    whole = score_champion(path, columns()).scores
    monkeypatch.setattr(champion, "BLOCK", 7)
    np.testing.assert_array_equal(score_champion(path, columns()).scores, whole)


@pytest.mark.parametrize("make", [models.onnx_file, models.skops_file])
def test_no_rows_are_no_scores(make: Any, file: Any) -> None:
    found = score_champion(file(make()), {name: np.zeros(0) for name in NAMES})
    assert (len(found.scores), found.score_shift, found.unknown) == (0, None, {})


# Made when the test runs: what is fitted during collection is fitted by every run of any test.
DAMAGED: dict[str, Any] = {
    "empty": lambda: b"",
    "text": lambda: b"nothing",
    "onnx cut": lambda: models.onnx_file()[:-9],
    "skops cut": lambda: models.skops_file()[:-9],
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_that_is_none_is_refused_in_words(damage: str, file: Any) -> None:
    with pytest.raises(MethodError) as refused:
        score_champion(file(DAMAGED[damage]()), columns())
    assert refused.value.code == "champion-unreadable"


def test_who_trained_it_can_be_asked_before_it_is_used(file: Any) -> None:
    assert trained_by(file(models.onnx_file()), "risk_scoring").training == models.TRAINING
    for model, code in ((models.skops_file(), "champion-other-method"), (b"nothing", "champion-unreadable")):
        with pytest.raises(MethodError) as refused:
            trained_by(file(model), "regression")
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("strange", "told"), [(9, None), (45, f"{DISTRICT} (3%)."), (1495, f"{DISTRICT}."), (1500, f"{DISTRICT} (100%).")]
)
def test_categories_that_it_never_saw_are_told_where_enough_rows_have_them(strange: int, told: str | None, file: Any) -> None:
    given = columns()
    given[DISTRICT] = np.array(["종로구"] * strange + [models.DISTRICTS[0]] * (1500 - strange), dtype=object)
    said = notes(score_champion(file(models.onnx_file()), given))
    assert ("never saw" in said["en"]) == (told is not None)
    for language in ("ko", "en"):
        assert said[language].endswith(told or ("none." if language == "en" else "없음."))


# Side by side


def test_both_are_measured_on_the_same_rows() -> None:
    random = np.random.default_rng(3)
    label = random.integers(0, 2, 400).astype(float)
    old, new = np.clip(label * 0.3 + random.random(400) * 0.7, 0, 1), np.clip(label * 0.6 + random.random(400) * 0.4, 0, 1)
    label[:50] = np.nan
    found = side_by_side(label, old, new, places=20)
    assert (found.rows, found.places) == (350, 20)
    known = slice(50, None)
    assert found.champion.roc_auc == pytest.approx(roc_auc_score(label[known], old[known]))
    assert found.challenger.brier == pytest.approx(brier_score_loss(label[known], new[known]))
    assert found.challenger.roc_auc is not None
    assert found.champion.roc_auc is not None
    assert found.challenger.roc_auc > found.champion.roc_auc
    first = np.argsort(-new[known], kind="stable")[:20]
    assert found.challenger.precision_at_k == pytest.approx(label[known][first].mean())


def test_what_has_no_meaning_is_none() -> None:
    one_class = side_by_side(np.ones(5), np.linspace(0, 1, 5), np.linspace(5, 9, 5), places=2)
    assert (one_class.champion.roc_auc, one_class.champion.pr_auc, one_class.challenger.brier) == (None, None, None)
    assert one_class.champion.precision_at_k == 1
    nobody = side_by_side(np.full(3, np.nan), np.zeros(3), np.zeros(3), places=2)
    assert (nobody.rows, nobody.places, nobody.champion.precision_at_k) == (0, 0, None)


def test_a_shift_is_nothing_for_the_same_and_large_for_another_population() -> None:
    random = np.random.default_rng(5)
    before = random.normal(size=5000)
    reference = histogram(before, deciles(before))
    assert shift(reference, 5000, random.normal(size=5000)).psi < 0.02
    assert shift(reference, 5000, random.normal(loc=1.5, size=5000)).verdict == "moved"
    half_gone = np.where(random.random(5000) < 0.5, np.nan, before)
    assert shift(reference, 5000, half_gone).verdict == "moved"
