"""The national tasks on generated tables, whose truth is known."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from deploy.evaluate.bundles import bundle_of, silent
from deploy.evaluate.findings import Asked, Found, Goal, Line, figure, lines_of, named
from deploy.generate import business, welfare
from deploy.generate.blocks import Block, write
from services.analysis.methods import small_business_crisis, welfare_indicators
from services.analysis.worker.sdk import Bundle, Outputs
from shared.duck import silent_duckdb

Blocks = Callable[[int, int], Iterator[Block]]
TRUE_RATES = {
    "business": (
        "SELECT avg(coalesce(true_closed_on <= as_of_month + INTERVAL 365 DAY, false)::INT) FROM read_parquet($1) "
        "WHERE as_of_month >= $2::DATE AND (true_closed_on IS NULL OR true_closed_on > as_of_month)"
    ),
    "indicators": (
        "SELECT avg(true_chance) FROM read_parquet($1) WHERE as_of_month >= $2::DATE AND true_contact IN ('visited', 'phoned')"
    ),
}
"""Role -> the rate of cases since a day ($2) as the generator knows it: with the follow-up that goes on after the table's end,
of all rows of those months. Written without the methods' rule of which outcomes are known, so that it can judge that rule."""
RATE_TOLERANCE = 0.1
"""The newest months are measured in part, and rates differ a little from month to month."""
WORDS = "Generated data of known truth: they show the machinery, not Korea."


def generated(asked: Asked, maker: ModuleType, role: str, key: str) -> Bundle:
    table = table_of(asked, role)
    write(table, maker.blocks(asked.rows, asked.seed))
    source = f"SELECT * EXCLUDE ({', '.join(maker.TRUTH)}) FROM read_parquet('{table}')"  # noqa: S608 - our own file
    return bundle_of(source, table.parent, role=role, key=key, parameters={"capacity": 0.05}, since=maker.AVAILABLE_FROM)


def table_of(asked: Asked, role: str) -> Path:
    return asked.out / "data" / role / "table.parquet"


def true_rate(asked: Asked, role: str, outputs: Outputs) -> Goal:
    """How far the reported base rate is from the rate of the months that were measured, as a share of it."""
    since = outputs.metrics["summary"]["split"]["test_from"]
    with silent_duckdb(threads=1) as connection:
        found = connection.execute(TRUE_RATES[role], [str(table_of(asked, role)), since]).fetchone()
    true = float(found[0]) if found else 0.0
    reported = figure(outputs, "base_rate") or 0.0
    words = f"base rate {reported:.4f} off the true {true:.4f}, as a share"
    return Goal(words, abs(reported / true - 1) if true else 1.0, RATE_TOLERANCE, at_least=False)


def welfare_task(asked: Asked) -> Found:
    """Domain reference 6a: ROC-AUC, lift, and half as many again right as by counting indicators."""
    outputs = welfare_indicators.run(generated(asked, welfare, "indicators", "subject_key"), silent)
    lines = lines_of(outputs, "boosting")
    model, counting = named(lines, "boosting"), named(lines, "counting")
    goals = [
        Goal("ROC-AUC", model.roc_auc, 0.70),
        Goal("lift at 5 %", model.lift or 0.0, 3.0),
        Goal("precision at 5 % over counting", ratio(model, counting), 1.5),
        true_rate(asked, "indicators", outputs),
        *sound(outputs),
    ]
    return Found("Welfare blind spots by indicators", lines, tuple(goals), (WORDS,), outputs)


def business_task(asked: Asked) -> Found:
    """Domain reference 6b: ROC-AUC, lift, PR-AUC over the base rate, levels in order."""
    outputs = small_business_crisis.run(generated(asked, business, "business", "biz_key"), silent)
    lines = lines_of(outputs, "boosting")
    model, base = named(lines, "boosting"), figure(outputs, "base_rate") or 1.0
    levels = outputs.tables.get("crisis_levels", {"rows": [], "columns": []})
    rate = [column["name"] for column in levels["columns"]].index("rate") if levels["columns"] else 0
    rates = [row[rate] for row in levels["rows"]]
    goals = [
        Goal("ROC-AUC", model.roc_auc, 0.75),
        Goal("lift at 5 %", model.lift or 0.0, 4.0),
        Goal("PR-AUC over the base rate", model.pr_auc / base, 5.0),
        Goal("levels whose realised rate does not rise", falls(rates), 0, at_least=False),
        Goal("levels", len(rates), 2),
        true_rate(asked, "business", outputs),
        *sound(outputs),
    ]
    return Found("Small-business crisis", lines, tuple(goals), (WORDS,), outputs)


def sound(outputs: Outputs) -> list[Goal]:
    """What holds for every task: no wrong move, no false alarm, a score that means what it says."""
    return [
        Goal("monotone violations", figure(outputs, "monotone_violations") or 0.0, 0, at_least=False),
        Goal("leakage alarms", len(outputs.alarms), 0, at_least=False),
        Goal("calibration error", figure(outputs, "calibration_error") or 0.0, 0.05, at_least=False),
    ]


def ratio(model: Line, other: Line) -> float:
    return (model.precision or 0.0) / other.precision if other.precision else 0.0


def falls(rates: list[float]) -> int:
    return sum(after <= before for before, after in pairwise(rates))
