"""What a ratio says by itself: a thousand is a unit, ten is a decimal point."""

import numpy as np

from services.analysis.methods.deviation.robust import Flags, Floats
from services.analysis.methods.ghg_anomalies.reasons import Reason

ROUGH = 0.02
THOUSANDS = (1e3, 1e6, 1e9)
UNIT_RATIOS = (*THOUSANDS, 3.6, 3600.0, 3.6e6, 4.1868, 41.868, 4186.8)
DECIMAL_RATIOS = (10.0, 100.0)


def name_ratio(ratio: Floats, within: float | Floats = 0.005) -> dict[Reason, Flags]:
    """Logarithms of ratios -> cells where they are those of units or of a decimal point, so near.

    Where ratios are known roughly, only thousands count as units: 3.6 may be anything then."""
    units = UNIT_RATIOS if np.max(within) < ROUGH else THOUSANDS
    return {
        Reason.UNIT_SLIP: _near(ratio, units, within),
        Reason.DECIMAL_SHIFT: _near(ratio, DECIMAL_RATIOS, within),
    }


def _near(ratio: Floats, known: tuple[float, ...], within: float | Floats) -> Flags:
    found = np.zeros(ratio.shape, dtype=bool)
    for one in known:
        found |= np.abs(np.abs(ratio) - np.log(one)) < within
    return found
