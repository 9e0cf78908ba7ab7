"""L4, which rows there are: streams that fall silent while their facility goes on, and streams that stand there twice."""

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags, Floats, row_median
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.periods import months_of
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason

IDLE = 0.34
"""A stream that is silent for a larger share of its time is one that runs now and then."""
LONGEST_GAP = 0.5
TWINS = 3
GAP, TAIL, TWIN, AGAIN, CERTAIN = 0.95, 0.8, 0.97, 0.99, 0.99


def check_presence(panel: Panel, activity: Floats, written: Floats, ledger: Ledger) -> None:
    """`written` is the quantity as it stands in the statement, in base units: what two streams share to the last digit."""
    reported = panel.grid("reported_tco2e")
    nothing = np.zeros(panel.shape)
    again = np.zeros(panel.shape, dtype=bool)
    second = ~panel.first & ~panel.outside
    again[panel.row_stream[second], panel.row_period[second]] = True
    check_calendar(panel, ledger)
    ledger.enter(again, Reason.DUPLICATED_STREAM, Layer.WINDOWS, 2 * reported, reported, np.full(panel.shape, AGAIN), gap=1)
    twins = find_twins(panel, written)
    ledger.enter(twins, Reason.DUPLICATED_STREAM, Layer.WINDOWS, reported, nothing, np.full(panel.shape, TWIN), gap=2)
    gaps, likely = find_gaps(panel, activity)
    usual = np.broadcast_to(row_median(np.where(reported > 0, reported, np.nan))[:, None], panel.shape)
    ledger.enter(gaps, Reason.MISSING_STREAM, Layer.WINDOWS, np.nan_to_num(reported), usual, likely, gap=1)


def check_calendar(panel: Panel, ledger: Ledger) -> None:
    """Rows without a period, or of one that lies decades off, and statements handed in before their period began."""
    ledger.note(np.unique(panel.row_stream[panel.outside]), Reason.PERIOD_IMPLAUSIBLE, Layer.WINDOWS, CERTAIN)
    codes, names = panel.texts.get("submitted_at", (np.full(panel.rows, -1), []))
    day = np.append(months_of(names, "submitted_at"), np.nan)[codes]
    begins = (panel.row_period + panel.periods.first) * (12 // panel.periods.a_year)
    early = panel.lay((begins > day) & (codes >= 0), 0.0) > 0
    reported = panel.grid("reported_tco2e")
    ledger.enter(early, Reason.PERIOD_IMPLAUSIBLE, Layer.WINDOWS, reported, reported, np.full(panel.shape, CERTAIN), gap=1)


def find_gaps(panel: Panel, activity: Floats) -> tuple[Flags, Floats]:
    """Silent cells between the first and the last period of the facility, after the stream had begun; and how likely missing."""
    shape = panel.shape
    speaks = panel.present & (np.nan_to_num(activity) > 0)
    began = np.maximum.accumulate(speaks, axis=1)
    goes_on = np.flip(np.maximum.accumulate(np.flip(speaks, 1), axis=1), 1)
    others = panel.over_facility(speaks)[panel.facility] - speaks > 0
    production = panel.grid("production_qty")
    works = np.where(np.isfinite(production), production > 0, others) if panel.has("production_qty") else others
    silent = ~speaks & began & works
    within = silent & goes_on
    tail = silent & ~goes_on & others
    life = began & (panel.over_facility(panel.present)[panel.facility] > 0)
    share = silent.sum(axis=1) / np.maximum(life.sum(axis=1), 1)
    often = (share > IDLE) & (_openings(silent) > 1)
    short = silent.sum(axis=1) <= LONGEST_GAP * shape[1]
    steady = (~often & short)[:, None]
    return (within | tail) & steady, np.where(within, GAP, TAIL)


def _openings(cells: Flags) -> Codes:
    """How often a row of cells begins anew."""
    before = np.pad(cells, ((0, 0), (1, 0)))[:, :-1]
    return np.asarray((cells & ~before).sum(axis=1))


def find_twins(panel: Panel, written: Floats) -> Flags:
    """Cells of streams that say exactly what another stream of the facility says, period after period; the younger of two."""
    stream, period = np.nonzero((np.nan_to_num(written) > 0) & panel.present)
    reported = panel.grid("reported_tco2e")[stream, period]
    fuel = panel.of_stream("fuel_type")[0][stream]
    facility = panel.facility[stream]
    order = np.lexsort((stream, written[stream, period], reported, fuel, period, facility))
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for values in (facility, period, fuel, reported, written[stream, period]):
        same &= values[order][1:] == values[order][:-1]
    one, other = stream[order][:-1][same], stream[order][1:][same]
    pairs, count = np.unique(np.column_stack([one, other]), axis=0, return_counts=True)
    life = panel.present.sum(axis=1)
    twins = np.zeros(panel.shape, dtype=bool)
    for (left, right), times in zip(pairs, count, strict=True):
        if times < min(TWINS, max(2, life[right])) and times < life[right]:
            continue
        young = right if life[right] <= life[left] else left
        hits = same & np.isin(stream[order][:-1], [left]) & np.isin(stream[order][1:], [right])
        twins[young, period[order][1:][hits]] = True
    return twins
