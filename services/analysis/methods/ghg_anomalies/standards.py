"""The tables that a statement is held against: units, fuels with their factors, global warming potentials (in `data/`)."""

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Fuel:
    """Default factors of one fuel; heat is GJ a t or MJ a Nm3 or L, the others a TJ or a unit of its own (see fuels.json)."""

    name: str
    state: str
    heat: float
    mass_heat: float
    co2: float
    low: float
    high: float
    ch4: float
    n2o: float

    @property
    def burns(self) -> bool:
        """Whether its factors are of its heat."""
        return self.state in ("gas", "liquid", "solid")


@dataclass(frozen=True)
class Unit:
    dimension: str
    size: float
    """In TJ, t, m3 or tCO2e."""


@dataclass(frozen=True)
class Source:
    """Where the numbers of a table come from."""

    table: str
    text: str
    checked: str | None
    """The day on which they were held against it."""
    recheck_by: str
    """The day by which they are held against the source in force again."""
    unheld: tuple[str, ...]
    """Entries for which that was not possible; the file says why."""


UNKNOWN_FUEL = Fuel("unknown", "unknown", *[math.nan] * 7)


def _load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@cache
def fuels() -> dict[str, Fuel]:
    """By every name, plain."""
    found: dict[str, Fuel] = {}
    for entry in _load("fuels")["fuels"]:
        numbers = {
            key: math.nan if entry[key] is None else float(entry[key]) for key in ("heat", "mass_heat", "co2", "low", "high")
        }
        fuel = Fuel(name=entry["name"], state=entry["state"], ch4=float(entry["ch4"]), n2o=float(entry["n2o"]), **numbers)
        found |= {plain(name): fuel for name in (entry["name"], *entry["also"])}
    return found


@cache
def units() -> dict[str, Unit]:
    """By every spelling: as written, and in small letters where that is not ambiguous."""
    exact = {name: Unit(kind, size) for kind, named in _load("units")["units"].items() for name, size in named.items()}
    small = {plain(name): unit for name, unit in exact.items()}
    return small | exact


@cache
def potentials() -> dict[str, tuple[float, float]]:
    """Name of a set -> potential of CH4 and of N2O."""
    return {name: (float(one["ch4"]), float(one["n2o"])) for name, one in _load("gwp")["sets"].items()}


def sources() -> list[Source]:
    """Where the numbers of each file come from, and which of them somebody has held against that."""
    return [_source(name, _load(name)) for name in ("units", "fuels", "gwp")]


def _source(name: str, table: Any) -> Source:
    """An entry without a `verified` of its own takes the table's."""
    unheld = tuple(one["name"] for one in table.get("fuels", ()) if not one.get("verified", table["verified"]))
    checked = table["checked"] if table["verified"] else None
    return Source(name, table["source"], checked, table["recheck_by"], unheld)


def find_unit(text: str | None) -> Unit | None:
    if text is None:
        return None
    written = normalize("NFKC", text.strip()).replace(",", "").replace(" ", "")[:40]
    return units().get(written) or units().get(plain(written))


def find_fuel(text: str | None) -> Fuel:
    return UNKNOWN_FUEL if text is None else fuels().get(plain(text), UNKNOWN_FUEL)


def plain(text: str) -> str:
    """One spelling: signs that stand for several letters, such as ㎘, as these letters."""
    return " ".join(normalize("NFKC", text.strip()).lower().replace("_", " ").split())[:60]
