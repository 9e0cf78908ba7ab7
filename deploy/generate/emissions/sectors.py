"""What the synthetic facilities are: sectors, source streams, factors. Round figures of the right order, not statistics."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Factor:
    """How a quantity becomes tCO2e: heat (GJ a unit, 0 if the factor is a unit's own), t CO2 a TJ (or unit), kg CH4, kg N2O."""

    heat: float
    co2: float
    ch4: float
    n2o: float
    units: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """A source stream of a sector: its fuel, the tCO2e a unit of production brings, and what moves it."""

    fuel: str
    category: str
    intensity: float
    chance: float = 1.0
    base: float = 0.2
    heating: float = 0.0
    cooling: float = 0.0


@dataclass(frozen=True)
class Sector:
    ksic: str
    unit: str
    output: float
    """Median production of a month, in `unit`."""
    spread: float
    swing: float
    """Month-to-month movement of production (standard deviation of the logarithm)."""
    share: float
    streams: tuple[Stream, ...]


FACTORS = {
    "natural gas": Factor(38.9, 56.1, 1.0, 0.1, ("Nm3", "1000Nm3", "GJ")),
    "LPG": Factor(47.3, 63.1, 1.0, 0.1, ("t", "kg")),
    "diesel": Factor(35.2, 74.1, 3.0, 0.6, ("kL", "L")),
    "residual fuel oil": Factor(40.4, 77.4, 3.0, 0.6, ("t",)),
    "bituminous coal": Factor(25.8, 94.6, 10.0, 1.5, ("t", "kt")),
    "anthracite": Factor(26.7, 98.3, 10.0, 1.5, ("t",)),
    "petroleum coke": Factor(32.5, 97.5, 3.0, 0.6, ("t",)),
    "municipal waste": Factor(10.0, 91.7, 30.0, 4.0, ("t", "kg")),
    "electricity": Factor(0.0, 0.4567, 0.0036, 0.0085, ("MWh", "kWh")),
    "steam": Factor(0.0, 0.0596, 0.001, 0.0001, ("GJ", "TJ")),
    "clinker": Factor(0.0, 0.52, 0.0, 0.0, ("t", "kt")),
    "nitric acid": Factor(0.0, 0.0, 0.0, 7.0, ("t",)),
    "waste water": Factor(0.0, 0.0, 0.25, 0.005, ("m3", "1000m3")),
}
"""The defaults of the method's table of fuels; heat is net GJ a t, a kL or 1000 Nm3 (as a number: MJ a kg, a L, a Nm3)."""

OTHER_LABEL = {
    "t": "kg",
    "kg": "t",
    "kt": "t",
    "kL": "L",
    "L": "kL",
    "Nm3": "1000Nm3",
    "1000Nm3": "Nm3",
    "MWh": "kWh",
    "kWh": "MWh",
    "GJ": "TJ",
    "TJ": "GJ",
    "m3": "1000m3",
    "1000m3": "m3",
}
"""What a unit is taken for by mistake."""

FUELS = "fuel combustion"
POWER = "purchased electricity"
HEAT = "purchased heat"
PROCESS = "process"

SECTORS = (
    Sector(
        "C23311",
        "t",
        9e4,
        0.6,
        0.09,
        0.08,
        (
            Stream("bituminous coal", FUELS, 0.26, base=0.08),
            Stream("clinker", PROCESS, 0.5, base=0.0),
            Stream("electricity", POWER, 0.045, base=0.15),
            Stream("diesel", FUELS, 0.002, 0.6, base=0.5),
            Stream("petroleum coke", FUELS, 0.05, 0.4, base=0.1),
        ),
    ),
    Sector(
        "C24112",
        "t",
        4e4,
        0.9,
        0.08,
        0.12,
        (
            Stream("electricity", POWER, 0.25, base=0.25),
            Stream("natural gas", FUELS, 0.18, base=0.25, heating=0.05),
            Stream("diesel", FUELS, 0.004, 0.5, base=0.6),
            Stream("residual fuel oil", FUELS, 0.02, 0.3, base=0.3),
        ),
    ),
    Sector(
        "C20111",
        "t",
        3e4,
        0.8,
        0.07,
        0.16,
        (
            Stream("natural gas", FUELS, 0.35, base=0.3),
            Stream("electricity", POWER, 0.3, base=0.3),
            Stream("steam", HEAT, 0.2, 0.5, base=0.2, heating=0.1),
            Stream("waste water", PROCESS, 0.004, 0.4, base=0.4),
        ),
    ),
    Sector(
        "D35113",
        "MWh",
        8e4,
        1.0,
        0.12,
        0.08,
        (
            Stream("bituminous coal", FUELS, 0.8, 0.6, base=0.03),
            Stream("natural gas", FUELS, 0.38, 0.6, base=0.03),
            Stream("electricity", POWER, 0.012, base=0.5),
            Stream("diesel", FUELS, 0.001, 0.5, base=0.7),
        ),
    ),
    Sector(
        "C17110",
        "t",
        9e3,
        0.7,
        0.09,
        0.12,
        (
            Stream("electricity", POWER, 0.3, base=0.25),
            Stream("steam", HEAT, 0.3, 0.7, base=0.2, heating=0.15),
            Stream("LPG", FUELS, 0.03, 0.5, base=0.3),
            Stream("municipal waste", FUELS, 0.2, 0.3, base=0.3),
        ),
    ),
    Sector(
        "C26111",
        "wafer",
        2e4,
        0.9,
        0.08,
        0.1,
        (
            Stream("electricity", POWER, 0.5, base=0.5, cooling=0.08),
            Stream("natural gas", FUELS, 0.08, base=0.5, heating=0.1),
            Stream("waste water", PROCESS, 0.003, 0.5, base=0.4),
        ),
    ),
    Sector(
        "C20201",
        "t",
        1.2e4,
        0.5,
        0.1,
        0.06,
        (
            Stream("nitric acid", PROCESS, 1.8, base=0.0),
            Stream("natural gas", FUELS, 0.3, base=0.2),
            Stream("electricity", POWER, 0.08, base=0.3),
        ),
    ),
    Sector(
        "E38210",
        "t",
        6e3,
        0.6,
        0.07,
        0.12,
        (
            Stream("municipal waste", FUELS, 0.95, base=0.05),
            Stream("electricity", POWER, 0.06, base=0.5),
            Stream("diesel", FUELS, 0.01, 0.7, base=0.4),
        ),
    ),
    Sector(
        "P85301",
        "",
        1.5e3,
        0.8,
        0.05,
        0.16,
        (
            Stream("electricity", POWER, 0.6, base=0.9, cooling=0.35),
            Stream("natural gas", FUELS, 0.35, base=0.6, heating=1.2),
            Stream("steam", HEAT, 0.1, 0.3, base=0.6, heating=1.0),
        ),
    ),
)
