"""The parts of supervised methods: periods, splits, drift, groups that may leave, monotone scores."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analysis.methods.toolkit import drift, periods, psi
from services.analysis.methods.toolkit.disclosure import levels, wide
from services.analysis.methods.toolkit.encoding import fit_encoding
from services.analysis.methods.toolkit.evaluation import measure, places_at, wilson
from services.analysis.methods.toolkit.export.spread import deciles, histogram, shift
from services.analysis.methods.toolkit.models import fit_models
from services.analysis.methods.toolkit.monotone import count_violations, of_matrix
from services.analysis.methods.toolkit.reasons import code_of
from services.analysis.methods.toolkit.reference import reference_of, spread_of
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import last_quarter
from tests.analysis.fewer import fewer_trees
from tests.analysis.linked import pseudonyms
from tests.exploring import examples

SIZE = 800


def rows_of(seed: int, size: int = SIZE, **more: Any) -> Rows:
    """Two features with gaps that must move the score one way, though chance may say otherwise, and a category."""
    random = np.random.default_rng(seed)
    debt, income = random.exponential(3.0, size).round(1), random.normal(size=size)
    trade = random.choice(["a", "b", "c"], size).astype(object)
    odds = random.normal() * np.sin(debt) + random.normal() * income**2 - 0.5
    label = (random.random(size) < 1 / (1 + np.exp(-odds))).astype(float)
    label[:20], label[20:40] = 0.0, 1.0
    features = {"debt": np.where(random.random(size) < 0.2, np.nan, debt), "income": income, "trade": trade}
    return Rows(pseudonyms(size), label, features, signs={"debt": 1, "income": -1}, **more)


def every(rows: Rows) -> np.ndarray:
    return np.ones(len(rows), dtype=bool)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (2024.0, "2024-01-01"),
        (202403, "2024-03-01"),
        (20240315, "2024-03-15"),
        ("2024-03", "2024-03-01"),
        ("2024-03-15 10:00:00", "2024-03-15"),
    ],
)
def test_periods_are_read_from_numbers_and_text(value: object, day: str) -> None:
    found = periods.day_of(value)
    assert found is not None
    assert periods.iso(found) == day


@pytest.mark.parametrize("value", [12, 202413, "2024-02-30", "0044-03-15 (BC)", "soon", float("nan"), -5])
def test_what_is_no_period_is_none(value: object) -> None:
    assert periods.day_of(value) is None


def test_the_cut_leaves_a_quarter_and_something_before_it() -> None:
    day = np.repeat([10, 20, 30, 40], [50, 30, 12, 8])
    assert last_quarter(day, np.ones(100, dtype=bool)) == 20
    assert last_quarter(np.repeat([10, 20], [1, 99]), np.ones(100, dtype=bool)) == 20


def test_measures_as_published() -> None:
    label, score = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    found = measure(label, score, score)
    assert (found.roc_auc, found.ks) == (0.75, 0.5)
    assert found.pr_auc == pytest.approx(0.8333, abs=1e-4)
    assert found.brier == pytest.approx(0.158125)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-4)
    assert (places_at(0.05, 101), places_at(30, 101), places_at(300, 101)) == (6, 30, 101)


def test_drift_is_nothing_for_like_rows_and_large_for_moved_ones() -> None:
    rows, random = rows_of(1, 4000), np.random.default_rng(9)
    encoding = fit_encoding(rows, rows.known)
    matrix = encoding.matrix(rows)
    scores = random.random(len(rows))
    before = reference_of(encoding, rows, every(rows), lambda _: scores)
    kept = {each.name: each for each in drift.find_drift(before, encoding, matrix[::2], scores[::2])}
    assert all(each.index.verdict == "steady" for each in kept.values())
    moved = matrix.copy()
    moved[:, 1] += 1.0
    found = drift.find_drift(before, encoding, moved, scores)
    assert [each.name for each in found[:2]] == ["score", "income"]
    assert found[1].index.verdict == "moved"


def test_the_stability_index_is_the_textbook_sum() -> None:
    index = psi.stability(np.array([500.0, 500.0]), np.array([250.0, 750.0]))
    assert index.psi == pytest.approx(0.25 * np.log(3), abs=1e-4)
    assert index.by_chance == pytest.approx(1 / 1000 + 1 / 1000)
    assert psi.stability(np.array([500.0, 500.0]), np.zeros(2)) == psi.Stability(0.0, 0.0)


def tenths(rng: np.random.Generator, rows: int) -> Any:
    """Rows in each of ten bins that are equally likely."""
    return rng.multinomial(rows, np.full(10, 0.1)).astype(float)


@pytest.mark.parametrize(("before", "now"), [(1000, 1000), (5000, 300)])
def test_chance_alone_gives_the_index_that_is_said(before: int, now: int) -> None:
    rng = np.random.default_rng(4)
    drawn = [psi.stability(tenths(rng, before), tenths(rng, now)) for _ in range(400)]
    assert np.mean([each.psi for each in drawn]) == pytest.approx(drawn[0].by_chance, rel=0.1)
    assert np.mean([each.verdict == "steady" for each in drawn]) > 0.99


def test_a_small_round_is_not_watched_for_its_size() -> None:
    """Sixty rows of one population, twice: the index is above .1 nearly always."""
    rng = np.random.default_rng(4)
    drawn = [psi.stability(tenths(rng, 60), tenths(rng, 60)) for _ in range(400)]
    assert np.mean([each.psi > psi.STEADY for each in drawn]) > 0.9
    assert np.mean([each.verdict == "steady" for each in drawn]) > 0.7


@pytest.mark.parametrize("what", ["a rare flag vanishes", "the top sixth is missing", "nothing"])
def test_both_comparisons_give_one_index(what: str) -> None:
    """With the rows that were learned from, and with the histogram that a model carries."""
    rng = np.random.default_rng(5)
    before: Any = rng.normal(size=4000)
    now: Any = rng.permutation(before)
    if what == "a rare flag vanishes":
        before, now = (rng.random(4000) < 0.03) + 0.0, np.zeros(1000)
    elif what == "the top sixth is missing":
        now = np.where(before > np.quantile(before, 5 / 6), np.nan, before)
    spread = spread_of(before)
    learned = psi.stability(spread.rows(4000), spread.counts(now))
    assert learned.psi == pytest.approx(shift(histogram(before, deciles(before)), 4000, now).psi, abs=0.001)
    assert (learned.psi > psi.STEADY) == (what != "nothing")


@given(st.lists(st.sampled_from("abcdefgh"), min_size=30, max_size=400), st.integers(0, 2**32 - 1))
def test_no_level_leaves_that_stands_on_too_few(belongs: list[str], seed: int) -> None:
    hit = np.random.default_rng(seed).random(len(belongs)) < 0.4

    def is_wide(member: np.ndarray) -> bool:
        return wide(int(hit[member].sum()), int(member.sum()))

    found = levels("letter", np.array(belongs, dtype=object), is_wide)
    assert all(is_wide(level.member) for level in found) or found == []
    if found:
        assert np.sum([level.member for level in found], axis=0).tolist() == [1] * len(belongs)


@settings(max_examples=examples(8), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_a_constrained_score_never_moves_the_wrong_way_whatever_the_data(seed: int) -> None:
    rows = rows_of(seed, 400)
    with fewer_trees():
        models = fit_models(rows, fit_encoding(rows, rows.known), rows.known)
    assert models.best == "boosting"
    boosting = models.by_name["boosting"]
    violations, trials = of_matrix(boosting, boosting.encoding.matrix(rows), rows.signs, cases=1000, seed=seed)
    assert (violations, trials) == (0, 2000)


def test_the_trial_finds_a_wrong_move() -> None:
    raw = {"debt": np.linspace(0, 9, 50)}
    assert count_violations(lambda mixed: -mixed["debt"], raw, {"debt": 1}, cases=100) == (100, 100)


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,62}", fullmatch=True), st.sampled_from(["high", "gap", "kind"]))
def test_a_reason_code_is_always_a_code(name: str, ending: str) -> None:
    code = code_of(name, ending)
    assert 1 < len(code) <= 40
    assert code[0].isalpha()
    assert code == code.lower()
