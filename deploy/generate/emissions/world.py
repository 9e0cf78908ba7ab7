"""A block of facilities before anything is reported: production, weather, and what every source stream truly emits."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.generate.emissions.sectors import FACTORS, FUELS, PROCESS, SECTORS, Sector, Stream

Floats = NDArray[np.float64]
Cells = NDArray[Any]
MONTHS = 36
FIRST_YEAR = 2021
GWP_CH4, GWP_N2O = 21.0, 310.0
SCALES = {"kg": 1e3, "L": 1e3, "Nm3": 1e3, "kWh": 1e3, "TJ": 1e-3, "kt": 1e-3, "1000m3": 1e-3}
REGIONS = {"11": (2700.0, 900.0), "26": (2000.0, 850.0), "46": (2100.0, 900.0), "42": (3200.0, 700.0), "50": (1500.0, 950.0)}
"""Region -> heating and cooling degree days of a year."""
HEATING = np.array([5.6, 4.4, 3.0, 1.2, 0.2, 0, 0, 0, 0.1, 0.9, 2.7, 4.9]) / 23.0
COOLING = np.array([0, 0, 0, 0, 0.5, 2.0, 4.4, 4.8, 1.6, 0.1, 0, 0]) / 13.4


@dataclass
class Facilities:
    """F facilities; a two-dimensional array is facility x month."""

    key: Cells
    sector: list[Sector]
    region: Cells
    capacity: Floats
    production: Floats
    told: Floats
    """Production as it stands in the statement; NaN where a facility never tells it."""
    hdd: Floats
    cdd: Floats


@dataclass
class Lines:
    """N source streams; a two-dimensional array is stream x month. Planting changes these in place."""

    facility: NDArray[np.int64]
    name: Cells
    fuel: Cells
    category: Cells
    tier: NDArray[np.int64]
    told: NDArray[np.bool_]
    """Whether the statement gives its factors."""
    cems: NDArray[np.bool_]
    unit: Cells
    heat: Floats
    co2: Floats
    ch4: Floats
    n2o: Floats
    oxidation: Floats
    quantity: Floats
    reported: Floats
    present: NDArray[np.bool_]
    stack: Floats
    true: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    moved: Floats = field(default_factory=lambda: np.zeros(0))
    """How much a stream's logarithm moves beside its noise: whether a shift in time could be seen at all."""


def make_facilities(random: np.random.Generator, first: int, count: int) -> Facilities:
    shares = np.array([sector.share for sector in SECTORS])
    sector = [SECTORS[at] for at in random.choice(len(SECTORS), count, p=shares / shares.sum())]
    capacity = np.array([one.output for one in sector]) * np.exp(random.normal(0, [one.spread for one in sector]))
    region = random.choice(np.array(list(REGIONS), dtype=object), count)
    weather = np.exp(random.normal(0, 0.06, (2, count, MONTHS)))
    years = MONTHS // 12
    hdd = np.array([REGIONS[one][0] for one in region])[:, None] * np.tile(HEATING, years) * weather[0]
    cdd = np.array([REGIONS[one][1] for one in region])[:, None] * np.tile(COOLING, years) * weather[1]
    production = capacity[:, None] * make_production(random, np.array([one.swing for one in sector]))
    silent = np.array([not one.unit for one in sector]) | (random.random(count) < 0.06)
    told = np.where(silent[:, None], np.nan, significant(production, 6))
    key = np.array([f"F{first + at:07d}" for at in range(count)], dtype=object)
    return Facilities(key, sector, region, capacity, production, told, hdd.round(1), cdd.round(1))


def make_production(random: np.random.Generator, swing: Floats) -> Floats:
    """Around 1: slow movement, a seasonal wave, some shutdowns, now and then a new line or a closed one."""
    count = len(swing)
    moving = np.zeros((count, MONTHS))
    pushes = random.normal(0, 1, (count, MONTHS)) * swing[:, None]
    for month in range(MONTHS):
        moving[:, month] = 0.6 * (moving[:, month - 1] if month else 0) + pushes[:, month]
    season = random.uniform(0, 0.08, (count, 1)) * np.cos(
        2 * np.pi * (np.arange(MONTHS) - random.integers(0, 12, (count, 1))) / 12
    )
    stops = np.where(random.random((count, MONTHS)) < 0.02, random.uniform(0.15, 0.6, (count, MONTHS)), 1.0)
    start, jump = random.integers(6, MONTHS - 6, count), np.exp(random.normal(0, 0.35, count))
    jumped = (np.arange(MONTHS) >= start[:, None]) & (random.random((count, 1)) < 0.1)
    return np.asarray(np.exp(moving + season) * stops * np.where(jumped, jump[:, None], 1.0))


def make_lines(random: np.random.Generator, facilities: Facilities) -> Lines:
    """Which streams each facility has, and what they truly bring; nothing is wrong yet."""
    chosen: list[tuple[int, str, Stream]] = []
    for at, sector in enumerate(facilities.sector):
        has = [one for one in sector.streams if random.random() < one.chance] or [sector.streams[0]]
        chosen += [(at, f"S{place:02d}", one) for place, one in enumerate(has, start=1)]
    owner = np.array([one[0] for one in chosen])
    streams = [one[2] for one in chosen]
    noise = random.uniform(0.012, 0.05, len(streams))
    emitted, moved = emissions(random, facilities, owner, streams, noise)
    return report(random, facilities, owner, chosen, emitted, moved)


def emissions(
    random: np.random.Generator, facilities: Facilities, at: NDArray[np.int64], streams: list[Stream], noise: Floats
) -> tuple[Floats, Floats]:
    """tCO2e, and how much its logarithm moves beside its own noise."""
    level = facilities.capacity[at] * np.array([one.intensity for one in streams]) * np.exp(random.normal(0, 0.35, len(at)))
    base = np.array([one.base for one in streams])[:, None]
    driven = base + (1 - base) * (facilities.production / facilities.capacity[:, None])[at]
    heat = np.array([one.heating for one in streams])[:, None] * facilities.hdd[at] / 240.0
    cool = np.array([one.cooling for one in streams])[:, None] * facilities.cdd[at] / 90.0
    trend = np.exp(-random.uniform(0, 0.02, len(at))[:, None] * np.arange(MONTHS) / 12)
    expected = driven * (1 + heat + cool) * trend
    odd = np.where(random.random(expected.shape) < 0.004, random.normal(0, 0.12, expected.shape), 0.0)
    made = level[:, None] * expected * np.exp(noise[:, None] * random.normal(0, 1, expected.shape) + odd)
    return np.asarray(made), np.asarray(np.log(expected).std(axis=1) / noise)


def report(
    random: np.random.Generator,
    facilities: Facilities,
    at: NDArray[np.int64],
    chosen: list[tuple[int, str, Stream]],
    emitted: Floats,
    moved: Floats,
) -> Lines:
    """Quantities, units and factors as the operator writes them, and the tCO2e that follow."""
    count, shape = len(at), emitted.shape
    fuel = np.array([one[2].fuel for one in chosen], dtype=object)
    category = np.array([one[2].category for one in chosen], dtype=object)
    tier = random.choice([1, 2, 3], count, p=[0.45, 0.35, 0.2])
    heat, co2, ch4, n2o = (
        np.repeat(np.array([getattr(FACTORS[one], name) for one in fuel])[:, None], shape[1], axis=1)
        for name in ("heat", "co2", "ch4", "n2o")
    )
    own = np.isin(category, [FUELS, PROCESS])
    heat *= np.where(own & (tier == 2), 1 + random.uniform(-0.03, 0.03, count), 1.0)[:, None]
    co2 *= np.where(own & (tier == 2), 1 + random.uniform(-0.015, 0.015, count), 1.0)[:, None]
    sampled = (own & (tier == 3))[:, None]
    heat = (heat * np.where(sampled, 1 + random.normal(0, 0.012, shape), 1.0)).round(3)
    co2 = (co2 * np.where(sampled, 1 + random.normal(0, 0.006, shape), 1.0)).round(5)
    unit = np.array([random.choice(FACTORS[one].units) for one in fuel], dtype=object)
    units = np.repeat(unit[:, None], shape[1], axis=1)
    oxidation = np.where(own & (category == FUELS) & (tier > 1), 0.99, 1.0)[:, None] * np.ones(shape)
    names = np.array([one[1] for one in chosen], dtype=object)
    big = own & (emitted.mean(axis=1) > 8000) & (random.random(count) < 0.4)
    lines = Lines(
        *(at, names, fuel, category, tier, random.random(count) > 0.15, big & (random.random(count) < 0.3)),
        *(units, heat, co2, ch4, n2o, oxidation),
        *(np.zeros(shape), np.zeros(shape), np.ones(shape, dtype=bool), np.full(shape, np.nan)),
        *(emitted, moved),
    )
    lines.quantity = significant(emitted / a_unit(lines) * scale(lines), 6)
    begin = np.where(random.random(count) < 0.05, random.integers(3, 18, count), 0)
    lines.present &= np.arange(shape[1]) >= begin[:, None]
    recompute(lines)
    measured = np.exp(random.normal(0, 0.015, count))[:, None] * np.exp(random.normal(0, 0.02, shape))
    lines.stack = np.where(big[:, None], (lines.reported * measured).round(3), np.nan)
    lines.reported = np.where(lines.cems[:, None], lines.stack, lines.reported)
    lines.true = lines.reported.copy()
    return lines


def a_unit(lines: Lines, ch4: float = GWP_CH4, n2o: float = GWP_N2O) -> Floats:
    """tCO2e a base unit (t, kL, 1000 Nm3, MWh, GJ, m3)."""
    carbon = lines.co2 * lines.oxidation + (lines.ch4 * ch4 + lines.n2o * n2o) / 1000
    return np.asarray(np.where(lines.heat > 0, lines.heat / 1000, 1.0) * carbon)


def scale(lines: Lines) -> Floats:
    """Written units in a base unit; gas in GJ depends on its heat."""
    plain = np.array([SCALES.get(one, 1.0) for one in lines.unit[:, 0]])[:, None]
    by_heat = ((lines.fuel == "natural gas") & (lines.unit[:, 0] == "GJ"))[:, None]
    return np.asarray(np.where(by_heat, lines.heat, plain))


def recompute(lines: Lines, ch4: float = GWP_CH4, n2o: float = GWP_N2O, only: Any = slice(None)) -> None:
    """Reported tCO2e as they follow from quantity and factors."""
    lines.reported[only] = (lines.quantity / scale(lines) * a_unit(lines, ch4, n2o))[only].round(3)


def significant(values: Floats, digits: int) -> Floats:
    with np.errstate(divide="ignore"):
        place = np.where(values > 0, np.floor(np.log10(np.maximum(values, 1e-300))), 0)
    factor = 10.0 ** (digits - 1 - place)
    return np.asarray(np.round(values * factor) / factor)
