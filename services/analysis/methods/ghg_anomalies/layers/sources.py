"""L2: what the statement says beside what others know: the suppliers' bills and the stack."""

import numpy as np

from services.analysis.methods.deviation.robust import Flags, Floats, clear_log, row_mad, row_median, shrunk
from services.analysis.methods.ghg_anomalies.amounts import Amounts
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.ratios import name_ratio
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason

STACK_FAR, STACK_LARGE = 5.0, 0.12
BILL_FAR, BILL_LARGE = 8.0, 0.15
MOST = 0.5
"""A share of periods beyond which a stream's own usual ratio is no measure any more, and 1 is."""
BILLS = {"kepco_billed_kwh": "power", "gas_billed": "gas"}


def check_stack(panel: Panel, balance: Floats, ledger: Ledger) -> Floats:
    """Stack measurement beside the material balance, period by period. Returns the logarithm of their ratio."""
    stack = panel.grid("cems_co2_t")
    ratio = clear_log(balance) - clear_log(stack)
    ratio = np.where(ledger.explained, np.nan, ratio)
    far = beside_usual(ratio, STACK_FAR, STACK_LARGE)
    reported = panel.grid("reported_tco2e")
    expected = np.where(np.abs(clear_log(reported) - clear_log(stack)) < 0.02, balance, stack)
    likely = 1 - np.exp(-np.abs(np.nan_to_num(ratio)) * 15)
    ledger.enter(far & sustained(far), Reason.CEMS_MISMATCH, Layer.SOURCES, reported, expected, likely, gap=2)
    return np.asarray(ratio)


def sustained(far: Flags) -> Flags:
    """Cells with another far cell within two periods: a single odd month is the instrument's."""
    count = np.zeros(far.shape)
    for by in (-2, -1, 1, 2):
        moved = np.zeros(far.shape, dtype=bool)
        if by < 0:
            moved[:, :by] = far[:, -by:]
        else:
            moved[:, by:] = far[:, :-by]
        count += moved
    return np.asarray(count > 0) if far.shape[1] > 3 else np.ones(far.shape, dtype=bool)


def beside_usual(ratio: Floats, far: float, large: float) -> Flags:
    """Cells whose ratio stands far from the usual one of their row (or, where a row has hardly any, from 1)."""
    usual = row_median(ratio)
    known = np.isfinite(ratio).sum(axis=1)
    usual = np.where((known >= 6) & (np.abs(usual) < MOST), usual, 0.0)
    spread = shrunk(row_mad(ratio, usual), known, 8.0, 0.01)
    off = np.abs(ratio - usual[:, None])
    return np.asarray((off > far * spread[:, None]) & (off > large))


def bill_ratio(panel: Panel, amounts: Amounts, name: str) -> tuple[Floats, Flags]:
    """Facilities x periods: the logarithm of stated to billed energy; and the streams that it is about."""
    state = BILLS[name]
    about = np.array([one.state == state for one in amounts.fuels])[amounts.fuel]
    natural = np.array([one.name == "natural gas" for one in amounts.fuels])[amounts.fuel]
    heat = panel.numbers.get("ncv", amounts.fuel_number("heat"))
    heat = np.where(heat > 0, heat, amounts.fuel_number("heat"))
    size = np.where(amounts.dimension == 0, 1 / 3.6e-6 if state == "power" else 1e6 / heat, 1.0)
    used = np.where(about & (natural | (state == "power")), amounts.quantity * size, np.nan)
    stated = panel.over_facility(panel.lay(used))
    bill = np.full(stated.shape, np.nan)
    grid = panel.grid(name)
    stream, period = np.nonzero(np.isfinite(grid))
    bill[panel.facility[stream], period] = grid[stream, period]
    streams = np.zeros(len(panel.facility), dtype=bool)
    streams[panel.row_stream[np.isfinite(used)]] = True
    return clear_log(stated) - clear_log(bill), streams


def check_bills(panel: Panel, amounts: Amounts, ledger: Ledger) -> None:
    """Energy stated beside energy billed, where one stream of the facility is what the bill is about."""
    reported = panel.grid("reported_tco2e")
    for name in (one for one in BILLS if panel.has(one)):
        ratio, streams = bill_ratio(panel, amounts, name)
        single = streams & (np.bincount(panel.facility[streams], minlength=panel.facilities)[panel.facility] == 1)
        own = np.where(single[:, None] & panel.present & ~ledger.explained, ratio[panel.facility], np.nan)
        far = beside_usual(own, BILL_FAR, BILL_LARGE)
        hoped = reported * np.exp(-np.clip(np.nan_to_num(own), -50, 50))
        likely = np.full(panel.shape, 0.9)
        for reason, cells in name_ratio(np.where(far, own, np.nan), 0.08).items():
            ledger.enter(cells, reason, Layer.SOURCES, reported, hoped, likely)
        ledger.enter(far & sustained(far), Reason.BILLED_MISMATCH, Layer.SOURCES, reported, hoped, likely, gap=1)
