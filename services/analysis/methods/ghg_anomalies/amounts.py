"""Activity data in units that can be compared, and the emissions that follow from them by the statement's own factors."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags, Floats, clear_log, group_median
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.standards import Fuel, find_fuel, find_unit, potentials

DIMENSIONS = ("energy", "mass", "volume", "emission")
EXACT = 0.002
"""A product of rounded numbers is off by less than this share."""
ENOUGH = 0.6
FEWEST, FEWEST_FACTORS = 20, 5
ROUGHLY = 0.2
MWH, GJ = 3.6e-3, 1e-3


@dataclass(frozen=True)
class Amounts:
    """Row by row: quantity in TJ, t or m3; factors as used; t of CO2, kg of CH4 and of N2O."""

    quantity: Floats
    dimension: Codes
    unknown_unit: Flags
    fuel: Codes
    fuels: tuple[Fuel, ...]
    co2: Floats
    """t CO2 a TJ or a unit, as used."""
    told: Flags
    """The statement gives the factor itself."""
    carbon: Floats
    ch4: Floats
    n2o: Floats
    convention: Floats
    """Logarithm of what all statements of a fuel and unit agree to count otherwise than we do; else 0."""

    def total(self, ch4: float | Floats, n2o: float | Floats) -> Floats:
        return np.asarray((self.carbon + (self.ch4 * ch4 + self.n2o * n2o) / 1000) * np.exp(self.convention))

    def fuel_number(self, name: str) -> Floats:
        """A number of the fuel's table entry, by row."""
        return np.array([getattr(one, name) for one in self.fuels], dtype=float)[self.fuel]


def read_amounts(panel: Panel) -> Amounts | None:
    """None where nobody gave activity data."""
    if not panel.has("activity_qty"):
        return None
    size, dimension, unknown = _units(panel)
    fuel, fuels = _fuels(panel)
    quantity = panel.numbers["activity_qty"] * size
    heat = _heat(panel, quantity, dimension, np.array(fuels, dtype=object)[fuel])
    factors = {name: _factor(panel, name, fuel, fuels) for name in ("co2", "ch4", "n2o")}
    oxidation = panel.numbers.get("oxidation_factor", np.ones(panel.rows))
    carbon = heat * factors["co2"] * np.where(np.isfinite(oxidation), oxidation, 1.0)
    made = Amounts(
        quantity=quantity,
        dimension=dimension,
        unknown_unit=unknown,
        fuel=fuel,
        fuels=fuels,
        co2=factors["co2"],
        told=np.isfinite(panel.numbers.get("ef_co2", np.full(panel.rows, np.nan))),
        carbon=carbon,
        ch4=heat * np.nan_to_num(factors["ch4"]),
        n2o=heat * np.nan_to_num(factors["n2o"]),
        convention=np.zeros(panel.rows),
    )
    return Amounts(**vars(made) | {"convention": _convention(panel, made)})


def _units(panel: Panel) -> tuple[Floats, Codes, Flags]:
    """Size of each row's unit, its dimension (-1 unknown), and whether something stands there that nobody knows."""
    codes, names = panel.texts.get("activity_unit", (np.full(panel.rows, -1), []))
    units = [find_unit(name) for name in names]
    sizes = np.array([np.nan if one is None else one.size for one in units] + [1.0])
    kinds = np.array([-1 if one is None else DIMENSIONS.index(one.dimension) for one in units] + [-1])
    unknown = (codes >= 0) & np.isnan(sizes[codes])
    return sizes[codes], kinds[codes], unknown


def _fuels(panel: Panel) -> tuple[Codes, tuple[Fuel, ...]]:
    codes, names = panel.texts.get("fuel_type", (np.full(panel.rows, -1), []))
    return codes, (*(find_fuel(name) for name in names), find_fuel(None))


def _heat(panel: Panel, quantity: Floats, dimension: Codes, fuel: np.ndarray[tuple[int], np.dtype[np.object_]]) -> Floats:
    """The quantity in what the factor is of: TJ for what burns, MWh of electricity, GJ of heat, else the unit itself."""
    state = np.array([one.state for one in fuel])
    ncv = panel.numbers.get("ncv", np.full(panel.rows, np.nan))
    mass_heat = np.array([one.mass_heat for one in fuel], dtype=float)
    volume_heat = np.array([one.heat for one in fuel], dtype=float)
    burns = np.isin(state, ["gas", "liquid", "solid"]) | ((state == "unknown") & np.isfinite(ncv))
    of_mass = np.where(np.isfinite(ncv), ncv, mass_heat) * 1e-3
    of_volume = np.where(np.isfinite(ncv), ncv, volume_heat) * np.where(state == "gas", 1e-6, 1e-3)
    burning = np.select([dimension == 0, dimension == 1, dimension == 2], [1.0, of_mass, of_volume], np.nan)
    direct = np.select(
        [(state == "power") & (dimension == 0), (state == "heat") & (dimension == 0), dimension >= 1],
        [1 / MWH, 1 / GJ, 1.0],
        np.nan,
    )
    return np.asarray(quantity * np.where(burns, burning, direct))


def _factor(panel: Panel, name: str, fuel: Codes, fuels: tuple[Fuel, ...]) -> Floats:
    default = np.array([getattr(one, name) for one in fuels], dtype=float)[fuel]
    given = panel.numbers.get(f"ef_{name}", np.full(panel.rows, np.nan))
    return np.where(np.isfinite(given), given / _written(given, default, fuel, len(fuels)), default)


def _written(given: Floats, default: Floats, fuel: Codes, many: int) -> Floats:
    """The power of ten by which most factors of a fuel are larger than the table's: kg where we count t, say. Else 1."""
    power = (clear_log(given) - clear_log(default)) / np.log(10)
    usual = np.nan_to_num(group_median(power, fuel + 1, many + 1))
    count = np.bincount(fuel + 1, np.isfinite(power), many + 1)
    whole = np.round(usual)
    agreed = (count >= FEWEST_FACTORS) & (whole != 0) & (np.abs(usual - whole) < ROUGHLY)
    return np.asarray(np.where(agreed, 10.0**whole, 1.0)[fuel + 1])


def _convention(panel: Panel, amounts: Amounts) -> Floats:
    """Where most statements of a fuel and dimension are off by one and the same factor, they count otherwise, not wrongly."""
    reported = panel.numbers["reported_tco2e"]
    ratio = clear_log(reported) - clear_log(amounts.total(*potentials()["SAR"]))
    group = (amounts.fuel + 1) * (len(DIMENSIONS) + 1) + amounts.dimension + 1
    many = int(group.max(initial=0)) + 1
    middle = group_median(ratio, group, many)
    known = np.isfinite(ratio)
    near = known & (np.abs(ratio - middle[group]) < 0.02)
    count = np.bincount(group, known, many)
    share = np.bincount(group, near, many) / np.maximum(count, 1)
    agreed = (count >= FEWEST) & (share >= ENOUGH) & (np.abs(np.nan_to_num(middle)) > 0.3)
    return np.where(agreed[group], middle[group], 0.0)
