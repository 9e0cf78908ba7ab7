"""Makes the demo sample: three ministries' tables out of one public-domain household survey extract (see README.md)."""

import argparse
import csv
import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Person = dict[str, int]
Row = dict[str, str | int]

SEED = "dure-demo-1"
HOUSEHOLDS = {2012: 4000, 2013: 4000, 2014: 8000}
MISSING_PER_MILLE = {"household": 15, "income": 30, "benefits": 25}

STATES = {
    1: "AL",
    2: "AK",
    4: "AZ",
    5: "AR",
    6: "CA",
    8: "CO",
    9: "CT",
    10: "DE",
    11: "DC",
    12: "FL",
    13: "GA",
    15: "HI",
    16: "ID",
    17: "IL",
    18: "IN",
    19: "IA",
    20: "KS",
    21: "KY",
    22: "LA",
    23: "ME",
    24: "MD",
    25: "MA",
    26: "MI",
    27: "MN",
    28: "MS",
    29: "MO",
    30: "MT",
    31: "NE",
    32: "NV",
    33: "NH",
    34: "NJ",
    35: "NM",
    36: "NY",
    37: "NC",
    38: "ND",
    39: "OH",
    40: "OK",
    41: "OR",
    42: "PA",
    44: "RI",
    45: "SC",
    46: "SD",
    47: "TN",
    48: "TX",
    49: "UT",
    50: "VT",
    51: "VA",
    53: "WA",
    54: "WV",
    55: "WI",
    56: "WY",
}
REGIONS = {
    "northeast": {"CT", "ME", "MA", "NH", "NJ", "NY", "PA", "RI", "VT"},
    "midwest": {"IL", "IN", "IA", "KS", "MI", "MN", "MO", "NE", "ND", "OH", "SD", "WI"},
    "west": {"AK", "AZ", "CA", "CO", "HI", "ID", "MT", "NV", "NM", "OR", "UT", "WA", "WY"},
}

INCOME_SUMS = {
    "wages": ("e00200",),
    "business_income": ("e00900",),
    "farm_income": ("e02100",),
    "interest_income": ("e00300", "e00400"),
    "dividend_income": ("e00600",),
    "private_pension": ("e01500",),
}
BENEFIT_SUMS = {
    "social_security": ("e02400",),
    "unemployment_benefit": ("e02300",),
    "veterans_benefit": ("vet_ben",),
}
MEANS_TESTED = {
    "medical_aid": "mcaid_ben",
    "income_support": "ssi_ben",
    "family_aid": "tanf_ben",
    "mother_child_nutrition": "wic_ben",
    "food_aid": "snap_ben",
    "housing_aid": "housing_ben",
}
HOUSEHOLD_SUMS = {
    "children_under_6": ("nu06",),
    "children_under_18": ("nu18",),
    "disabled_members": ("blind_head", "blind_spouse"),
    "mortgage_interest": ("e19200",),
    "property_tax": ("e18500",),
}


def number(*parts: object) -> int:
    """A large number that depends on the parts and the seed only: the same draw on every machine."""
    text = ":".join([SEED, *(str(part) for part in parts)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def person_no(year: int, household: int) -> str:
    digits = f"{number('person', year, household) % 10**12:012d}"
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def read_units(path: Path) -> Iterator[Person]:
    """The tax units of the extract; amounts are whole dollars."""
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        for unit in csv.DictReader(file):
            yield {name: int(float(value)) for name, value in unit.items()}


def group_households(units: Iterable[Person]) -> dict[tuple[int, int], list[Person]]:
    households = defaultdict(list)
    for unit in units:
        households[unit["FLPDYR"], unit["h_seq"]].append(unit)
    return households


def choose(households: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """A simple random sample of each year, without weights."""
    ranked = sorted(households, key=lambda key: number("draw", *key))
    return [key for year, size in HOUSEHOLDS.items() for key in [key for key in ranked if key[0] == year][:size]]


def total(units: list[Person], sums: Mapping[str, tuple[str, ...]]) -> Row:
    return {name: sum(unit[part] for unit in units for part in parts) for name, parts in sums.items()}


def income_row(units: list[Person]) -> Row:
    earned = ("e00200p", "e00900p"), ("e00200s", "e00900s")
    earners = sum(any(unit[part] > 0 for part in parts) for unit in units for parts in earned)
    return total(units, INCOME_SUMS) | {"earners": earners}


def benefit_row(units: list[Person]) -> Row:
    flags: Row = {name: "true" if any(unit[part] > 0 for unit in units) else "false" for name, part in MEANS_TESTED.items()}
    return total(units, BENEFIT_SUMS) | flags


def household_row(units: list[Person]) -> Row:
    head = min(units, key=lambda unit: unit["a_lineno"])
    state = STATES[head["fips"]]
    alone = sum(unit["n1820"] + unit["n21"] for unit in units) == 1
    about: Row = {
        "region": next((region for region, states in REGIONS.items() if state in states), "south"),
        "area": f"US-{state}",
        "age_of_head": head["age_head"],
        "household_size": sum(unit["nu18"] + unit["n1820"] + unit["n21"] for unit in units),
        "families": len(units),
        "single_parent": "true" if alone and any(unit["nu18"] for unit in units) else "false",
    }
    return about | total(units, HOUSEHOLD_SUMS)


MAKERS = {"income": income_row, "benefits": benefit_row, "household": household_row}


def make_table(name: str, households: dict[tuple[int, int], list[Person]], chosen: list[tuple[int, int]]) -> list[Row]:
    """One ministry's table, ordered by key; the households that this ministry does not know are left out."""
    rows: list[Row] = []
    for year, household in chosen:
        if number("missing", name, year, household) % 1000 >= MISSING_PER_MILLE[name]:
            identity: Row = {"person_no": person_no(year, household), "survey_year": year}
            rows.append(identity | MAKERS[name](households[year, household]))
    return sorted(rows, key=lambda row: str(row["person_no"]))


def write_table(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extract", type=Path, help="cps.csv.gz of the source distribution of taxcalc 6.8.0")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the three tables")
    arguments = parser.parse_args()
    households = group_households(read_units(arguments.extract))
    chosen = choose(households)
    if len({person_no(*key) for key in chosen}) != len(chosen):
        raise SystemExit("two households share a number: change SEED")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in MAKERS:
        rows = make_table(name, households, chosen)
        write_table(arguments.out / f"{name}.csv", rows)
        print(f"{name}.csv: {len(rows):,} rows", flush=True)


if __name__ == "__main__":
    main()
