"""The national tasks on generated tables, whose truth is known."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from types import ModuleType

from deploy.evaluate.bundles import bundle_of, silent
from deploy.evaluate.findings import Asked, Found, Goal, Line, figure, lines_of, named
from deploy.generate import business, welfare
from deploy.generate.blocks import Block, write
from services.analysis.methods import small_business_crisis, welfare_indicators
from services.analysis.worker.sdk import Bundle, Outputs

Blocks = Callable[[int, int], Iterator[Block]]
WORDS = "Generated data of known truth: they show the machinery, not Korea."


def generated(asked: Asked, maker: ModuleType, role: str, key: str) -> Bundle:
    folder = asked.out / "data" / role
    table = folder / "table.parquet"
    write(table, maker.blocks(asked.rows, asked.seed))
    source = f"SELECT * EXCLUDE ({', '.join(maker.TRUTH)}) FROM read_parquet('{table}')"  # noqa: S608 - our own file
    return bundle_of(source, folder, role=role, key=key, parameters={"capacity": 0.05}, since=maker.AVAILABLE_FROM)


def welfare_task(asked: Asked) -> Found:
    """Domain reference 6a: ROC-AUC, lift, and half as many again right as by counting indicators."""
    outputs = welfare_indicators.run(generated(asked, welfare, "indicators", "subject_key"), silent)
    lines = lines_of(outputs, "boosting")
    model, counting = named(lines, "boosting"), named(lines, "counting")
    goals = [
        Goal("ROC-AUC", model.roc_auc, 0.70),
        Goal("lift at 5 %", model.lift or 0.0, 3.0),
        Goal("precision at 5 % over counting", ratio(model, counting), 1.5),
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
