"""L0: does the reported total follow from quantity, heat, factors and potentials, and are these the ones of the tables?"""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.deviation.robust import Flags, Floats, clear_log, row_mad, row_median
from services.analysis.methods.ghg_anomalies.amounts import EXACT, Amounts
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.ratios import name_ratio
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason
from services.analysis.methods.ghg_anomalies.standards import potentials

CERTAIN, LIKELY = 0.99, 0.95
SAME = 0.0007
"""Two products of the same numbers differ by less than this share."""
SMALLEST_TOTAL = 0.05
"""Totals smaller than this (tCO2e) are mostly rounding."""
MARGIN = 0.02
"""How far outside the plausible range of its fuel a factor has to be, as a share."""
OWN_FACTOR = 0.04
STEADY = 0.001
"""A stream whose ratio moves less than this has one factor all the time."""
HEAVY = 1.25


@dataclass(frozen=True)
class Recomputed:
    """Streams x periods: what the totals should be, and the logarithm of reported to that."""

    expected: Floats
    ratio: Floats
    alike: Floats
    """The ratio beside that of the same stream in other periods."""


def check_arithmetic(panel: Panel, amounts: Amounts, ledger: Ledger, gwp: str) -> str:
    """Enters what is wrong; returns the set of potentials that the statements use."""
    name = gwp if gwp != "auto" else used_potentials(panel, amounts)
    reported = panel.grid("reported_tco2e")
    unknown = panel.lay(amounts.unknown_unit, 0.0) > 0
    ledger.enter(unknown, Reason.UNIT_UNKNOWN, Layer.ARITHMETIC, reported, reported, np.full(panel.shape, CERTAIN))
    found = recompute(panel, amounts, reported, name)
    wrong = mismatches(panel, amounts, found)
    other = other_potentials(panel, amounts, reported, name) & (np.abs(found.ratio) > SAME)
    expected = np.where(np.isfinite(found.expected), found.expected, reported)
    sure = np.full(panel.shape, CERTAIN)
    ledger.enter(other & wrong, Reason.WRONG_GWP, Layer.ARITHMETIC, reported, expected, sure, gap=1)
    negative = (reported < 0) | (panel.lay(amounts.quantity) < 0)
    ledger.enter(negative, Reason.ARITHMETIC, Layer.ARITHMETIC, reported, expected, np.full(panel.shape, LIKELY))
    strange, plausible = strange_factors(panel, amounts)
    for reason, cells in name_ratio(np.where(wrong, found.alike, np.nan)).items():
        ledger.enter(cells, reason, Layer.ARITHMETIC, reported, expected, sure)
    from_table = np.where(np.isfinite(plausible), reported * plausible, reported)
    ledger.enter(strange, Reason.WRONG_FACTOR, Layer.ARITHMETIC, reported, from_table, np.full(panel.shape, LIKELY), gap=1)
    steady = wrong & untold(panel, amounts) & runs(wrong, 3)
    ledger.enter(steady, Reason.WRONG_FACTOR, Layer.ARITHMETIC, reported, expected, np.full(panel.shape, LIKELY), gap=1)
    ledger.enter(wrong, Reason.ARITHMETIC, Layer.ARITHMETIC, reported, expected, sure)
    return name


def used_potentials(panel: Panel, amounts: Amounts) -> str:
    """The set with which most statements come out exactly, among those where it makes a difference."""
    reported = panel.numbers["reported_tco2e"]
    totals = {name: amounts.total(*pair) for name, pair in potentials().items()}
    stacked = np.stack(list(totals.values()))
    differs = np.ptp(stacked, axis=0) > 3 * SAME * np.abs(stacked[0])
    right = {name: int((differs & (np.abs(reported - total) <= SAME * np.abs(total))).sum()) for name, total in totals.items()}
    return max(right, key=lambda one: right[one])


def recompute(panel: Panel, amounts: Amounts, reported: Floats, gwp: str) -> Recomputed:
    """A statement without factors of its own is held against the table and then against itself."""
    expected = panel.lay(amounts.total(*potentials()[gwp]))
    ratio = clear_log(reported) - clear_log(expected)
    ratio = np.where((reported < SMALLEST_TOTAL) & (expected < SMALLEST_TOTAL), 0.0, ratio)
    usual = row_median(ratio)
    silent = untold(panel, amounts)
    own = silent & (np.abs(usual) < np.log(HEAVY))[:, None]
    level = np.where(own, usual[:, None], 0.0)
    return Recomputed(expected * np.exp(level), ratio, ratio - level)


def untold(panel: Panel, amounts: Amounts) -> Flags:
    """Cells whose heat or carbon factor had to be taken from the table."""
    heat = panel.numbers.get("ncv", np.full(panel.rows, np.nan))
    needs = np.array([one.burns for one in amounts.fuels])[amounts.fuel] & (amounts.dimension > 0)
    return panel.lay(~amounts.told | (needs & ~np.isfinite(heat)), 0.0) > 0


def mismatches(panel: Panel, amounts: Amounts, found: Recomputed) -> Flags:
    """Totals that do not follow. Where factors are the table's, a stream's own steadiness is the measure."""
    silent = untold(panel, amounts)
    spread = row_mad(np.where(silent, found.alike, np.nan), np.zeros(len(found.ratio)))[:, None]
    spread = np.nan_to_num(spread)
    steady = np.where(spread < STEADY, np.maximum(2 * EXACT, 6 * spread), np.maximum(OWN_FACTOR, 8 * spread))
    allowed = np.where(silent, steady, EXACT)
    measured = panel.lay(stacked(panel), 0.0) > 0
    expected = np.where(found.expected > 0, found.expected, np.nan)
    rounding = np.nan_to_num(0.006 / np.maximum(expected, 1e-9), nan=1.0)
    return np.asarray(~measured & (np.abs(found.alike) > allowed + rounding))


def stacked(panel: Panel) -> Flags:
    """Rows whose total was measured in the stack: it follows from no factor."""
    codes, names = panel.texts.get("method", (np.full(panel.rows, -1), []))
    return np.isin(codes, [at for at, name in enumerate(names) if "cem" in name.lower() or "측정" in name])


def other_potentials(panel: Panel, amounts: Amounts, reported: Floats, gwp: str) -> Flags:
    """Totals that come out exactly with potentials that are not those of the others, exchanged ones or none at all."""
    ch4, n2o = potentials()[gwp]
    others = [pair for name, pair in potentials().items() if name != gwp] + [(n2o, ch4), (1.0, 1.0), (0.0, 0.0)]
    right = panel.lay(amounts.total(ch4, n2o))
    found = np.zeros(panel.shape, dtype=bool)
    for pair in others:
        total = panel.lay(amounts.total(*pair))
        found |= (np.abs(reported - total) <= SAME * np.abs(total)) & (np.abs(total - right) > 2 * SAME * np.abs(right))
    return found


def strange_factors(panel: Panel, amounts: Amounts) -> tuple[Flags, Floats]:
    """Carbon factors outside the range of their fuel, or not those that the stream has otherwise; and the share that is right."""
    factor = panel.lay(np.where(amounts.told, amounts.co2, np.nan))
    low, middle, high = (panel.lay(amounts.fuel_number(name)) for name in ("low", "co2", "high"))
    usual = row_median(clear_log(factor))[:, None]
    spread = row_mad(clear_log(factor), usual[:, 0])[:, None]
    beside = np.abs(clear_log(factor) - usual) > np.maximum(OWN_FACTOR, 6 * np.nan_to_num(spread))
    outside = (factor < low * (1 - MARGIN)) | (factor > high * (1 + MARGIN))
    inside = np.where((np.exp(usual) >= low * (1 - MARGIN)) & (np.exp(usual) <= high * (1 + MARGIN)), np.exp(usual), middle)
    right = np.where(np.isfinite(inside), inside, np.exp(usual))
    positive = np.where(factor > 0, factor, np.nan)
    return np.asarray((beside | outside) & (factor > 0)), np.asarray(right / positive)


def runs(cells: Flags, shortest: int) -> Flags:
    """Cells in runs of at least this many in a row."""
    count, width = cells.shape
    lengths = np.zeros((count, width + 1), dtype=np.int64)
    for at in range(width):
        lengths[:, at] = np.where(cells[:, at], lengths[:, at - 1] + 1, 0)
    for at in range(width - 2, -1, -1):
        lengths[:, at] = np.where(cells[:, at] & cells[:, at + 1], lengths[:, at + 1], lengths[:, at])
    return np.asarray(lengths[:, :width] >= min(shortest, width))
