"""One study: the layers in their order, from what is certain to what is only unlikely."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.deviation.robust import Floats, group_median
from services.analysis.methods.ghg_anomalies.amounts import DIMENSIONS, Amounts, read_amounts
from services.analysis.methods.ghg_anomalies.layers.arithmetic import check_arithmetic
from services.analysis.methods.ghg_anomalies.layers.expected import check_ratios, check_rest, fit_expected
from services.analysis.methods.ghg_anomalies.layers.moves import check_moves
from services.analysis.methods.ghg_anomalies.layers.peers import check_peers, check_years
from services.analysis.methods.ghg_anomalies.layers.presence import check_presence
from services.analysis.methods.ghg_anomalies.layers.repeats import check_repeats
from services.analysis.methods.ghg_anomalies.layers.sources import check_bills, check_stack
from services.analysis.methods.ghg_anomalies.ledger import Findings, Ledger
from services.analysis.methods.ghg_anomalies.lessons import Lessons, lessons_of
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.standards import potentials


@dataclass(frozen=True)
class Study:
    panel: Panel
    parameters: Parameters
    findings: Findings
    """All of them, the weightiest first."""
    listed: int
    """How many of these the review budget reaches."""
    off: dict[str, str]
    """Layers or tests that could not be held -> the columns that they lack."""
    potentials: str
    lessons: Lessons
    """The cells that expected activity can be learned from."""

    @property
    def within(self) -> Findings:
        return self.findings.take(np.arange(self.listed))


def conduct(panel: Panel, parameters: Parameters) -> Study:
    ledger = Ledger(panel.shape)
    amounts = read_amounts(panel)
    used = "" if amounts is None else check_arithmetic(panel, amounts, ledger, parameters.gwp)
    activity = steady_activity(panel, amounts)
    written = panel.grid("reported_tco2e") if amounts is None else panel.lay(amounts.quantity)
    check_presence(panel, activity, written, ledger)
    check_peers(panel, activity, ledger)
    found = fit_expected(panel, activity, ledger.explained)
    check_repeats(panel, activity, np.exp(np.clip(found.level, -700, 40)), ledger)
    check_ratios(panel, found, ledger)
    found = fit_expected(panel, activity, ledger.explained)
    check_ratios(panel, found, ledger)
    if amounts is not None:
        check_stack(panel, balance(panel, amounts, used), ledger)
    check_years(panel, activity, ledger)
    check_moves(panel, found, ledger)
    if amounts is not None:
        check_bills(panel, amounts, ledger)
    check_rest(panel, found, ledger)
    ranked = rank(ledger.findings, parameters.minimum_probability)
    lessons = lessons_of(panel, found, ledger.explained)
    return Study(panel, parameters, ranked, reach(ranked, parameters.places(panel.rows)), missing(panel), used, lessons)


def balance(panel: Panel, amounts: Amounts, used: str) -> Floats:
    return panel.lay(amounts.total(*potentials()[used]))


def steady_activity(panel: Panel, amounts: Amounts | None) -> Floats:
    """Quantities as tCO2e by one factor a stream and dimension: what moves here is the quantity, not the factor."""
    reported = panel.numbers["reported_tco2e"]
    if amounts is None:
        return panel.grid("reported_tco2e")
    code = panel.row_stream * (len(DIMENSIONS) + 1) + amounts.dimension + 1
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        each = np.where(amounts.quantity > 0, reported / amounts.quantity, np.nan)
    factor = group_median(each, code, len(panel.facility) * (len(DIMENSIONS) + 1))[code]
    made = np.where(np.isfinite(factor), amounts.quantity * factor, np.where(np.isfinite(amounts.quantity), np.nan, reported))
    return panel.lay(made)


def rank(findings: Findings, minimum: float) -> Findings:
    """The weightiest first; what is less likely than the minimum is no finding."""
    kept = findings.take(findings.probability >= minimum)
    return kept.take(np.lexsort((kept.first, kept.stream, -kept.probability, -kept.weight)))


def reach(findings: Findings, places: int) -> int:
    """How many findings the budget of statement rows reaches."""
    return int(np.searchsorted(np.cumsum(findings.periods), places, side="right"))


NEEDS: dict[str, tuple[str, ...]] = {
    "L0": ("activity_qty", "activity_unit", "fuel_type"),
    "L0 factors": ("ef_co2",),
    "L1": ("production_qty",),
    "L2 billed": ("kepco_billed_kwh",),
    "L2 stack": ("cems_co2_t", "activity_qty"),
    "L3 weather": ("hdd", "cdd"),
    "L4 production": ("production_qty",),
}


def missing(panel: Panel) -> dict[str, str]:
    lacking = {test: [name for name in names if not panel.has(name)] for test, names in NEEDS.items()}
    return {test: ", ".join(names) for test, names in lacking.items() if names}
