"""Eleven kinds of anomalies, and plain slips of arithmetic, planted in what would have been true; the labels are kept apart."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from deploy.generate.emissions.sectors import FACTORS, FUELS, OTHER_LABEL
from deploy.generate.emissions.world import GWP_CH4, GWP_N2O, MONTHS, Facilities, Lines, recompute, significant

OTHER_GWP = {"AR4": (25.0, 298.0), "AR5": (28.0, 265.0), "swapped": (310.0, 21.0), "none": (1.0, 1.0)}
OLD_GRID = (0.4157, 0.5168)


@dataclass(frozen=True)
class Planted:
    """One anomaly: in which stream, in which months (first to last), of which kind."""

    line: int
    kind: str
    variant: str
    first: int
    last: int
    arithmetic: bool = False
    """Whether a table of units or factors, or the product of the statement's own numbers, shows it."""


Planter = Callable[[np.random.Generator, Facilities, Lines, int], Planted | None]


def months(random: np.random.Generator, shortest: int, longest: int) -> tuple[int, int]:
    length = int(random.integers(shortest, longest + 1))
    first = int(random.integers(0, MONTHS - length + 1))
    return first, first + length - 1


def unit_slip(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if lines.cems[at]:
        return None
    first, last = (0, MONTHS - 1) if random.random() < 0.1 else months(random, 1, 12)
    cut = (at, slice(first, last + 1))
    if random.random() < 0.5:
        lines.unit[cut] = OTHER_LABEL[lines.unit[at, 0]]
        return Planted(at, "unit_slip", "label", first, last, arithmetic=True)
    factor = 1000.0 if random.random() < 0.7 else 0.001
    lines.quantity[cut] *= factor
    lines.reported[cut] = (lines.reported[cut] * factor).round(6)
    return Planted(at, "unit_slip", "quantity", first, last, arithmetic=True)


def wrong_factor(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if lines.cems[at] or (lines.category[at] != FUELS and lines.fuel[at] != "electricity"):
        return None
    fuels = [one.co2 for one in FACTORS.values() if one.heat > 0]
    others = OLD_GRID if lines.fuel[at] == "electricity" else fuels
    wrong = [one for one in others if abs(np.log(one / lines.co2[at, 0])) > 0.05]
    first, last = months(random, 3, 12)
    lines.co2[at, first : last + 1] = random.choice(wrong)
    recompute(lines, only=(at, slice(first, last + 1)))
    return Planted(at, "wrong_factor", "told" if lines.told[at] else "untold", first, last, arithmetic=bool(lines.told[at]))


def wrong_gwp(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    gas = lines.ch4[at, 0] * GWP_CH4 + lines.n2o[at, 0] * GWP_N2O
    whole = lines.co2[at, 0] * 1000 + gas
    visible = [
        name
        for name, (ch4, n2o) in OTHER_GWP.items()
        if abs(lines.ch4[at, 0] * ch4 + lines.n2o[at, 0] * n2o - gas) / whole > 0.004
    ]
    if not visible or lines.cems[at]:
        return None
    chosen = str(random.choice(visible))
    first, last = months(random, 6, 12)
    recompute(lines, *OTHER_GWP[chosen], only=(at, slice(first, last + 1)))
    return Planted(at, "wrong_gwp", chosen, first, last, arithmetic=bool(lines.told[at]))


def missing_stream(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if (lines.facility == lines.facility[at]).sum() < 2 or not lines.present[at].all():
        return None
    first, last = months(random, 2, 12)
    first = max(first, 1)
    if random.random() < 0.25:
        last = MONTHS - 1
        first = max(first, MONTHS - 12)
    cut = (at, slice(first, last + 1))
    if random.random() < 0.25:
        lines.quantity[cut] = lines.reported[cut] = 0.0
        return Planted(at, "missing_stream", "zero", first, last)
    lines.present[cut] = False
    return Planted(at, "missing_stream", "absent", first, last)


def copy_of_last_year(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if lines.cems[at]:
        return None
    year = int(random.integers(1, MONTHS // 12))
    here, before = slice(12 * year, 12 * year + 12), slice(12 * year - 12, 12 * year)
    for cells in (lines.quantity, lines.reported, lines.heat, lines.co2):
        cells[at, here] = cells[at, before]
    return Planted(at, "copy_of_last_year", "year", 12 * year, 12 * year + 11)


def decimal_shift(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    factor = float(random.choice([10.0, 10.0, 100.0, 0.1]))
    first, last = months(random, 1, 2)
    cut = (at, slice(first, last + 1))
    if lines.cems[at]:
        return None
    only = random.random() < 0.4
    if not only:
        lines.quantity[cut] *= factor
    lines.reported[cut] = (lines.reported[cut] * factor).round(6)
    return Planted(at, "decimal_shift", "reported" if only else "quantity", first, last, arithmetic=bool(only and lines.told[at]))


def step_change(random: np.random.Generator, facilities: Facilities, lines: Lines, at: int) -> Planted | None:
    if lines.cems[at] or np.isnan(facilities.told[lines.facility[at]]).all():
        return None
    size = float(np.exp(random.uniform(0.3, 0.8) * random.choice([-1, 1])))
    first = int(random.integers(6, MONTHS - 6))
    last = MONTHS - 1 if random.random() < 0.6 else min(MONTHS - 1, first + int(random.integers(6, 13)) - 1)
    multiply(lines, at, first, last, size)
    return Planted(at, "step_change", "up" if size > 1 else "down", first, last)


def flat_line(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if lines.cems[at]:
        return None
    first, last = months(random, 4, 9)
    lines.quantity[at, first : last + 1] = lines.quantity[at, first]
    recompute(lines, only=(at, slice(first, last + 1)))
    return Planted(at, "flat_line", "frozen", first, last)


def cems_mismatch(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if np.isnan(lines.stack[at]).all():
        return None
    first, last = months(random, 4, 12)
    size = float(np.exp(random.uniform(0.2, 0.5) * random.choice([-1, 1])))
    if lines.cems[at]:
        cut = (at, slice(first, last + 1))
        lines.stack[cut] = lines.reported[cut] = (lines.stack[cut] * size).round(3)
    else:
        multiply(lines, at, first, last, size)
    return Planted(at, "cems_mismatch", "cems" if lines.cems[at] else "material", first, last)


def period_shift(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    if lines.cems[at] or lines.moved[at] < 2:
        return None
    by = int(random.integers(1, 4))
    length = int(random.choice([12, 24]))
    first = int(random.choice(range(12, MONTHS - length + 1, 12)))
    cut = slice(first, first + length)
    lines.quantity[at, cut] = lines.quantity[at, first - by : first + length - by].copy()
    recompute(lines, only=(at, cut))
    return Planted(at, "period_shift", f"{by}", first, first + length - 1)


def duplicated_stream(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    """Appended at the end, under a number of its own."""
    first, last = (0, MONTHS - 1) if random.random() < 0.3 else months(random, 3, 12)
    for part in fields(lines):
        values = getattr(lines, part.name)
        setattr(lines, part.name, np.concatenate([values, values[at : at + 1]]))
    new = len(lines.name) - 1
    lines.name[new] = "S" + str(90 + int(lines.name[at][1:]))
    lines.present[new] &= (np.arange(MONTHS) >= first) & (np.arange(MONTHS) <= last)
    lines.true[new] = 0.0
    return Planted(new, "duplicated_stream", "twin", first, last)


def arithmetic_slip(random: np.random.Generator, _: Facilities, lines: Lines, at: int) -> Planted | None:
    """Not one of the eleven: a total that does not follow from the numbers beside it."""
    if lines.cems[at] or not lines.told[at]:
        return None
    month = int(random.integers(0, MONTHS))
    lines.reported[at, month] = (lines.reported[at, month] * np.exp(random.uniform(0.04, 0.5) * random.choice([-1, 1]))).round(3)
    return Planted(at, "arithmetic_slip", "total", month, month, arithmetic=True)


PLANTERS: dict[str, Planter] = {
    "unit_slip": unit_slip,
    "wrong_factor": wrong_factor,
    "wrong_gwp": wrong_gwp,
    "missing_stream": missing_stream,
    "duplicated_stream": duplicated_stream,
    "copy_of_last_year": copy_of_last_year,
    "decimal_shift": decimal_shift,
    "step_change": step_change,
    "flat_line": flat_line,
    "cems_mismatch": cems_mismatch,
    "period_shift": period_shift,
    "arithmetic_slip": arithmetic_slip,
}
KINDS = tuple(name for name in PLANTERS if name != "arithmetic_slip")
"""The eleven kinds that the ministry asked for."""


def multiply(lines: Lines, at: int, first: int, last: int, size: float) -> None:
    cut = (at, slice(first, last + 1))
    lines.quantity[cut] = significant(lines.quantity[cut] * size, 6)
    recompute(lines, only=cut)


def plant(random: np.random.Generator, facilities: Facilities, lines: Lines, share: float) -> list[Planted]:
    """One anomaly in each chosen facility, the kinds in turn; a kind goes where the facility has a stream for it."""
    chosen = np.flatnonzero(random.random(len(facilities.key)) < share)
    waiting = list(PLANTERS)
    random.shuffle(waiting)
    found: list[Planted] = []
    for facility in chosen:
        for kind in list(waiting):
            if planted := plant_in(random, facilities, lines, facility, PLANTERS[kind]):
                found.append(kept(lines, planted))
                waiting.remove(kind)
                waiting.append(kind)
                break
    return [one for one in found if one.last >= one.first]


def plant_in(
    random: np.random.Generator, facilities: Facilities, lines: Lines, facility: Any, planter: Planter
) -> Planted | None:
    streams = np.flatnonzero(lines.facility == facility)
    for at in random.permutation(streams):
        if planted := planter(random, facilities, lines, int(at)):
            return planted
    return None


def kept(lines: Lines, planted: Planted) -> Planted:
    """The window without the months before the stream began, where nothing stands."""
    if planted.kind == "missing_stream":
        return planted
    there = np.flatnonzero(lines.present[planted.line, planted.first : planted.last + 1])
    if not len(there):
        return replace(planted, last=planted.first - 1)
    return replace(planted, first=planted.first + int(there[0]), last=planted.first + int(there[-1]))
