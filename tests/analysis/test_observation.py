"""Outcomes that take time: known only after their whole horizon, so that a follow-up cut short moves no rate."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from deploy.evaluate.findings import Asked
from deploy.evaluate.synthetic import business_task
from deploy.generate import business, welfare
from deploy.generate.blocks import write as generate
from services.analysis.methods import risk_scoring, small_business_crisis, welfare_indicators
from services.analysis.methods.risk_scoring.parameters import Parameters
from services.analysis.methods.risk_scoring.run import read as read_scored
from services.analysis.methods.small_business_crisis import outcome
from services.analysis.methods.small_business_crisis.card import HORIZONS
from services.analysis.methods.small_business_crisis.outcome import Dates, Outcome, make_outcome
from services.analysis.methods.small_business_crisis.reading import read_books
from services.analysis.methods.toolkit.observation import horizon_over
from services.analysis.methods.toolkit.periods import EPOCH, NEVER
from services.analysis.methods.welfare_indicators.reading import read_round
from services.analysis.worker.sdk import MethodError
from tests.analysis.linked import generated, pseudonyms, records, silent, value, write

pytestmark = pytest.mark.fit

MONTH_DAYS = (np.datetime64("2020-01", "M") + np.arange(36)).astype("datetime64[D]").astype(np.int64)
CUT = int(MONTH_DAYS[-1])
"""The last day on which anybody looked."""


class Panel:
    """Businesses by month until they close, with constant chance; closures are known for ever, or until the cut."""

    def __init__(self, seed: int, businesses: int = 3000) -> None:
        random = np.random.default_rng(seed)
        closed = MONTH_DAYS[0] + random.exponential(3044, businesses).astype(np.int64) + 1
        self.day = np.repeat(MONTH_DAYS, businesses)
        self.truly_closed = np.tile(closed, len(MONTH_DAYS))
        open_ = self.truly_closed > self.day
        self.name = np.tile(pseudonyms(businesses), len(MONTH_DAYS))[open_]
        self.day, self.truly_closed = self.day[open_], self.truly_closed[open_]
        self.closed = np.where(self.truly_closed <= CUT, self.truly_closed, NEVER)

    def true_label(self, horizon: int) -> np.ndarray[Any, Any]:
        return (self.truly_closed <= self.day + horizon).astype(float)

    def outcome(self, name: str, told: Any = None, *, dated: bool = True, observed_until: str | None = None) -> Outcome:
        closed = self.closed if dated else None
        return make_outcome(name, told, Dates(self.day, closed, self.day < 0), self.name, observed_until)


def by_month(panel: Panel, label: np.ndarray[Any, Any]) -> list[float]:
    return [float(np.nanmean(label[panel.day == day])) for day in MONTH_DAYS if np.isfinite(label[panel.day == day]).any()]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["close_12m", "close_3m"])
def test_every_month_shows_the_rate_of_its_whole_follow_up(name: str, seed: int) -> None:
    panel = Panel(seed)
    truth, found = panel.true_label(HORIZONS[name]), panel.outcome(name)
    known = np.isfinite(found.label)
    assert np.array_equal(found.label[known], truth[known])
    assert known.sum() == (panel.day + HORIZONS[name] <= CUT).sum()
    assert max(by_month(panel, found.label)) < 1.3 * truth.mean()
    assert float(np.nanmean(found.label)) == pytest.approx(float(truth.mean()), rel=0.05)


@pytest.mark.parametrize("pending", [0.0, np.nan])
def test_a_label_that_its_owner_gave_before_the_end_is_not_believed(pending: float) -> None:
    """Cases are entered at once; who has survived so far is 0 in one ministry's table and empty in another's."""
    panel = Panel(1)
    horizon = HORIZONS["delinq90_12m"]
    case = (panel.closed != NEVER) & (panel.closed <= panel.day + horizon)
    told = np.where(case, 1.0, np.where(panel.day + horizon <= CUT, 0.0, pending))
    found = panel.outcome("delinq90_12m", told, dated=False)
    known = np.isfinite(found.label)
    assert np.array_equal(found.label[known], panel.true_label(horizon)[known])
    assert found.ended.sum() == (case & ~known).sum() > 100
    assert np.array_equal(known, panel.day + horizon <= CUT)


def test_the_named_last_day_counts_and_what_is_dated_after_it_does_not() -> None:
    day = (date(2023, 1, 1) - EPOCH).days
    dates = Dates(np.full(3, day), np.array([day + 30, day + 366, NEVER]), np.zeros(3, dtype=bool))
    last = EPOCH + timedelta(days=day + 365)
    assert make_outcome("close_12m", None, dates, pseudonyms(3), last.isoformat()).label.tolist() == [1, 0, 0]
    sooner = make_outcome("close_12m", None, dates, pseudonyms(3), (last - timedelta(days=1)).isoformat())
    assert np.isnan(sooner.label).all()
    assert sooner.ended.tolist() == [True, False, False]


def test_a_day_that_stands_for_no_closure_is_no_end_of_the_follow_up() -> None:
    panel = Panel(2)
    usual = panel.outcome("close_12m")
    panel.closed = np.where(panel.closed == NEVER, (date(9999, 12, 31) - EPOCH).days, panel.closed)
    assert np.array_equal(panel.outcome("close_12m").label, usual.label, equal_nan=True)


def test_a_row_without_a_day_has_no_known_outcome() -> None:
    dates = Dates(np.array([NEVER, 100, 100]), np.array([120, 120, 600]), np.zeros(3, dtype=bool))
    assert np.array_equal(make_outcome("close_12m", None, dates, pseudonyms(3), None).label, [np.nan, 1, 0], equal_nan=True)


@pytest.fixture(scope="module")
def businesses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("observed") / "table.parquet"
    generate(path, business.blocks(32_000, 7))
    return path


def test_who_has_closed_since_is_not_listed(businesses: Path, tmp_path: Path) -> None:
    bundle = generated(business, "business", "biz_key", businesses, tmp_path, "*", {"capacity": 0.9})
    outputs = small_business_crisis.run(bundle, silent)
    columns = bundle.columns(["pseudonym", "business__closed_on"])
    closed = {name for name, day in zip(columns["pseudonym"], columns["business__closed_on"], strict=True) if day is not None}
    listed = {row["pseudonym"] for row in outputs.restricted_list or []}
    assert len(listed) > 1000
    assert not listed & closed
    assert 0.2 < value(outputs, "horizon_open") < 0.3


def test_a_follow_up_shorter_than_the_horizon_is_refused(businesses: Path, tmp_path: Path) -> None:
    bundle = generated(business, "business", "biz_key", businesses, tmp_path, "*", {})
    with pytest.raises(MethodError) as refusal:
        read_books(bundle, "close_12m", "2021-06-30")
    assert refusal.value.code == "horizon-not-over"


@pytest.mark.slow
def test_the_evaluation_sees_rows_that_are_known_because_they_are_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rule switched off every goal but one is met all the same."""
    settings = Asked(rows=48_000, seed=1, data=tmp_path / "nowhere", out=tmp_path)
    assert all(goal.met for goal in business_task(settings).goals)
    true_rule = horizon_over
    case: dict[str, Any] = {}

    def cases_at_once(day: Any, horizon: int, end: int) -> Any:
        ahead = np.where(case["closed"] == NEVER, np.iinfo(np.int64).max, case["closed"] - day)
        return true_rule(day, horizon, end) | ((ahead > 0) & (ahead <= horizon))

    def remember(dates: Dates) -> list[Any]:
        case["closed"] = dates.closed
        return closings(dates)

    closings = outcome.closings
    monkeypatch.setattr(outcome, "closings", remember)
    monkeypatch.setattr(outcome, "horizon_over", cases_at_once)
    missed = [goal for goal in business_task(settings).goals if not goal.met]
    assert len(missed) == 1
    assert missed[0].words.startswith("base rate")
    assert missed[0].value > 0.3


def test_support_that_was_granted_soon_is_no_known_outcome(tmp_path: Path) -> None:
    table = tmp_path / "table.parquet"
    generate(table, welfare.blocks(90_000, 3))
    with duckdb.connect() as connection:
        sql = f"SELECT avg(label_public_support_90d), count(*) FROM read_parquet('{table}') WHERE as_of_month >= '2024-04-01'"
        planted = connection.execute(f"{sql} AND label_public_support_90d IS NOT NULL").fetchone() or ()
    assert planted[0] == 1
    assert planted[1] > 50
    bundle = generated(welfare, "indicators", "subject_key", table, tmp_path / "bundle", "*", {})
    found = read_round(bundle, "public")
    assert found.rows.ended is not None
    assert found.rows.ended.sum() == planted[1]
    assert found.rows.day is not None
    newest = int(found.rows.day.max())
    assert not found.rows.known[found.rows.day + 90 > newest].any()
    rates = {
        row["contact"]: row["supported"] for row in records(welfare_indicators.run(bundle, silent).tables["contact_outcomes"])
    }
    truth = next(welfare.blocks(90_000, 3))
    reached = truth["true_contact"] == "visited"
    assert rates["visited"] == pytest.approx(truth["true_chance"][reached].mean(), rel=0.1)


def years(pending: float, seed: int = 5) -> dict[str, Any]:
    """Five years of subjects whose outcome takes a year, and of the last year the cases that are known so far."""
    random = np.random.default_rng(seed)
    size = 2000
    period = np.repeat([2020, 2021, 2022, 2023, 2024], size // 5)
    debt = random.normal(size=size)
    case = random.random(size) < 1 / (1 + np.exp(2 - debt))
    known = (period < 2024) | (case & (random.random(size) < 0.7))
    return {"period": period, "outcome_number": np.where(known, case, pending), "debt": debt}


@pytest.mark.parametrize("named", [None, "2024-06-30"])
def test_risk_scoring_does_not_count_cases_whose_time_is_not_over(tmp_path: Path, named: str | None) -> None:
    parameters = Parameters.of({"outcome_takes_days": 365, "observed_until": named})
    rows = read_scored(write(tmp_path, years(np.nan)), parameters)
    assert rows.day is not None
    last = rows.day == rows.day.max()
    assert not rows.known[last].any()
    assert rows.ended is not None
    assert rows.ended[last].sum() > 20
    assert rows.known[~last].all()


def test_a_named_last_day_makes_early_zeros_of_risk_scoring_unknown(tmp_path: Path) -> None:
    parameters = Parameters.of({"outcome_takes_days": 365, "observed_until": "2024-06-30"})
    rows = read_scored(write(tmp_path, years(0.0)), parameters)
    assert rows.known.sum() == 1600


def test_a_named_last_day_needs_rows_with_a_time(tmp_path: Path) -> None:
    columns = years(np.nan)
    del columns["period"]
    with pytest.raises(MethodError, match="no-time"):
        risk_scoring.run(write(tmp_path, columns, parameters={"observed_until": "2024-06-30"}), silent)
