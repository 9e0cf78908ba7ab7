"""Searches for anomalies in more records than stand in memory find what a plain computation finds; and where samples begin."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from services.analysis.methods import anomaly_tables
from services.analysis.methods.anomaly_tables.records import even
from services.analysis.methods.anomaly_tables.scores import STRANGEST, Strangest
from services.analysis.methods.deviation import forest, parameters, residuals
from services.analysis.methods.deviation.measures import separation
from services.analysis.methods.deviation.robust import encode
from services.analysis.methods.toolkit.stored import Table
from services.analysis.worker import sdk
from tests.analysis.linked import silent, write_as_it_is

pytestmark = pytest.mark.fit

Columns = dict[str, Any]
Floats = NDArray[np.float64]
ROWS = 3000


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "PIECE", 700)
    for module in (residuals, forest):
        monkeypatch.setattr(module, "BLOCK", 500)


def records() -> Columns:
    """Two rows share a pseudonym each; some cells are NULL, not a number, infinite or huge; texts are rare and common."""
    random = np.random.default_rng(4)
    size = np.exp(random.normal(8, 1, ROWS))
    power = np.where(random.random(ROWS) < 0.03, size[::-1], size) * np.exp(random.normal(0, 0.1, ROWS))
    sales = size * np.exp(random.normal(0, 0.2, ROWS))
    sales[[5, 6, 7, 8]] = np.nan, np.inf, -np.inf, 1e200
    kind = random.choice(np.array(["shop", "plant", "ㄱ", None], dtype=object), ROWS, p=[0.6, 0.2, 0.199, 0.001])
    kind[9] = "palace"
    return {
        "pseudonym": np.array([f"{at // 2:064x}" for at in range(ROWS)], dtype=object),
        "records__peer_group": kind,
        "records__staff": np.round(size / 900),
        "records__kind": kind,
        "records__sales": sales,
        "records__power": power,
        "records__name": np.array([f"name {at}" for at in range(ROWS)], dtype=object),
        "records__known_anomaly": random.random(ROWS) < 0.05,
    }


def expected(features: Floats, target: Floats, seed: int) -> Floats:
    """Of all rows at once."""
    random = np.random.default_rng(seed)
    known, found = np.flatnonzero(np.isfinite(target)), np.full(len(target), np.median(target[np.isfinite(target)]))
    fold = random.permutation(len(target)) % 3
    for each in range(3):
        teach, judge = known[fold[known] != each], fold == each
        if len(teach) > 1500:
            teach = random.choice(teach, 1500, replace=False)
        model = HistGradientBoostingRegressor(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=1.0, early_stopping=False, random_state=seed
        ).fit(features[teach], target[teach])
        found[judge] = model.predict(features[judge])
    return found


def spreads(residual: Floats) -> Floats:
    known = residual[np.isfinite(residual)]
    scaled = (residual - np.median(known)) / max(1.4826 * np.median(np.abs(known - np.median(known))), 0.02)
    tail = np.percentile(np.abs(scaled[np.isfinite(scaled)]), 95)
    return np.asarray(np.nan_to_num(np.clip(scaled * 2 / max(tail, 2), -30, 30)))


@pytest.mark.fit
def test_records_in_a_file_get_the_scores_of_a_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.analysis.methods.anomaly_tables.scores.MOST_LEARNED", 1500)
    columns = records()
    numbers = np.column_stack([even(columns[f"records__{name}"]) for name in ("staff", "sales", "power")])
    codes, texts = encode(columns["records__kind"])
    matrix = np.column_stack([numbers, codes])
    peers = codes.astype(np.float64)
    each = np.zeros(matrix.shape)
    for at in range(3):
        others = np.column_stack([np.delete(matrix, at, axis=1), peers])
        each[:, at] = spreads(matrix[:, at] - expected(others, np.clip(matrix[:, at], -10, 10), 20241 + at))
    each[codes == texts.index("palace"), 3] = 4.0
    each += 4.0 * np.column_stack([~np.isfinite(numbers), codes < 0])
    strangest = np.sort(np.abs(each), axis=1)[:, :-4:-1]
    score = np.sqrt((strangest**2).sum(axis=1) / 3)
    order = np.lexsort((np.arange(ROWS) // 2, -score))[:300]
    outputs = anomaly_tables.run(write_as_it_is(tmp_path, columns, review_budget=0.1, threshold=2), silent)
    listed = outputs.restricted_list or []
    assert len(listed) == (score[order] >= 2).sum() > 50
    assert [line["pseudonym"] for line in listed] == columns["pseudonym"][order[: len(listed)]].tolist()
    assert [line["score"] for line in listed] == np.round(1 - np.exp(-score[order[: len(listed)]] / 4), 4).tolist()
    for line, row in zip(listed, order, strict=False):
        told = [at for at in np.argsort(-np.abs(each[row]), kind="stable")[:3] if abs(each[row, at]) >= 2]
        names = [("staff", "sales", "power", "kind")[at] for at in told]
        assert [reason["en"].partition(":")[0] for reason in line["reasons"]] == names
    plain = IsolationForest(n_estimators=100, max_samples=512, random_state=20241)
    filled = np.where(np.isfinite(matrix), matrix, np.nanmedian(matrix, axis=0))
    strange = -plain.fit(filled).score_samples(filled)
    by = {row[0]: row for row in outputs.tables["layers"]["rows"]}
    wrong = columns["records__known_anomaly"]
    separated = roc_auc_score(wrong, strange), average_precision_score(wrong, strange)
    assert by["forest"][-2:] == [float(f"{one:.4g}") for one in separated]


def test_the_strangest_columns_are_kept_in_their_order() -> None:
    random = np.random.default_rng(2)
    each = random.integers(0, 4, (500, 7)).astype(np.float64)
    found = Strangest(len(each))
    for at in range(each.shape[1]):
        found.add(each[:, at].copy(), np.full(len(each), at, dtype=np.int16))
    order = np.argsort(-each, axis=1, kind="stable")[:, :STRANGEST]
    sizes = np.take_along_axis(each, order, axis=1)
    np.testing.assert_array_equal(found.size.T, sizes)
    np.testing.assert_array_equal(found.code.T[sizes > 0], order[sizes > 0])
    np.testing.assert_allclose(found.whole(), np.sqrt((sizes**2).mean(axis=1)), rtol=1e-15)


@pytest.mark.parametrize("digits", [1, 9])
def test_separation_is_that_of_the_library(digits: int) -> None:
    random = np.random.default_rng(3)
    wrong = random.random(2000) < 0.1
    score = np.round(random.normal(size=2000) + wrong, digits)
    assert separation(wrong, score) == pytest.approx((roc_auc_score(wrong, score), average_precision_score(wrong, score)))


@pytest.mark.parametrize(("most", "same"), [(2000, True), (1999, False)])
def test_a_forest_of_more_rows_grows_from_a_sample(monkeypatch: pytest.MonkeyPatch, most: int, same: bool) -> None:
    matrix = np.random.default_rng(1).normal(size=(2000, 4))
    plain = -IsolationForest(n_estimators=100, max_samples=512, random_state=7).fit(matrix).score_samples(matrix)
    monkeypatch.setattr(forest, "MOST_LEARNED", most)
    found = forest.isolate(matrix, len(matrix), seed=7)
    assert (found == plain).all() == same
    assert np.corrcoef(found, plain)[0, 1] > 0.95


def test_columns_of_names_are_left_out_of_a_large_table_and_the_others_read_on(tmp_path: Path) -> None:
    columns = records()
    table = Table(write_as_it_is(tmp_path, columns), most_texts=ROWS // 2)
    assert [*table] == [name for name in columns if name not in ("pseudonym", "records__name")]
    np.testing.assert_array_equal(table.read("records__power"), columns["records__power"])
    assert table.read("records__kind").tolist() == columns["records__kind"].tolist()
    assert "records__name" in Table(table.bundle, most_texts=ROWS)
    assert "records__name" in Table(table.bundle, most_texts=5, but="records__name")
    assert parameters.most_texts(ROWS) > ROWS
    assert parameters.most_texts(10_000_000) == 500_000
