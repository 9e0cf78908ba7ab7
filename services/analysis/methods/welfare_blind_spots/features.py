"""What the models see: columns of the linked table, the label, and the groups that tables are counted by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Texts, numbers, texts
from services.analysis.methods.toolkit.periods import days
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.welfare_blind_spots.columns import ALL_COLUMNS, BENEFITS, REQUIRED, SIGNS, TITLES
from services.analysis.worker.sdk import Bundle, MethodError

INCOMES = (
    "wages",
    "business_income",
    "farm_income",
    "interest_income",
    "dividend_income",
    "private_pension",
    "social_security",
    "veterans_benefit",
)
FEATURES: dict[str, int] = SIGNS | {"income_per_member": -1}
MINIMUM_ROWS = 100


@dataclass(frozen=True)
class Linked:
    """The linked table, a column each; a column that nobody gave is all unknown (NaN)."""

    pseudonym: Texts
    raw: Mapping[str, Floats]
    region: Texts
    area: Texts

    @property
    def year(self) -> Floats:
        return self.raw["survey_year"]

    @property
    def size(self) -> Floats:
        return np.maximum(self.raw["household_size"], 1.0)

    @property
    def receives(self) -> Floats:
        """1 or 0, and NaN where no flag is known: a household without a match is unknown, not a non-receiver."""
        flags = np.column_stack([self.raw[name] for name in BENEFITS])
        known = ~np.isnan(flags).all(axis=1)
        return np.where(known, (np.nan_to_num(flags) > 0).any(axis=1), np.nan)

    @property
    def income_per_member(self) -> Floats:
        """Regular income by the square-root scale, without unemployment benefit, which stands for itself."""
        return np.asarray(total(self.raw, INCOMES) / np.sqrt(self.size))

    @property
    def limit_income(self) -> Floats:
        """All regular income by the square-root scale: what the income limit is held against."""
        return np.asarray(total(self.raw, (*INCOMES, "unemployment_benefit")) / np.sqrt(self.size))

    def rows(self, available_from: Mapping[str, int] | None = None) -> Rows:
        """What the models see: the features with their constraints, the outcome and the year."""
        columns = dict(self.raw) | {"income_per_member": self.income_per_member}
        return Rows(
            pseudonym=self.pseudonym,
            label=self.receives,
            features={name: columns[name] for name in FEATURES},
            day=days(self.year, "survey_year"),
            signs={name: sign for name, sign in FEATURES.items() if sign},
            titles=TITLES,
            available_from=available_from or {},
        )


def total(raw: Mapping[str, Floats], names: tuple[str, ...]) -> Floats:
    """Sum of the known amounts; unknown where the wages are, the one amount that every household has."""
    rest = sum((np.nan_to_num(raw[name]) for name in names if name != "wages"), np.zeros_like(raw["wages"]))
    return np.asarray(raw["wages"] + rest)


def read(bundle: Bundle) -> Linked:
    """The bundle's columns, checked: what is required must be there, what is optional may be missing."""
    found = bundle.columns()
    if missing := [name for name in REQUIRED if name not in found]:
        raise MethodError("missing-column", f"The linked table lacks the required column {missing[0]}.")
    rows = len(found["pseudonym"])
    if rows < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} households are linked; nothing can be learned.")
    raw = {name: numbers(found.get(full), rows, name) for name, full in ALL_COLUMNS.items()}
    if not any(np.isfinite(raw[name]).any() for name in BENEFITS):
        raise MethodError("no-label", "No column tells which households receive a benefit.")
    return Linked(
        pseudonym=found["pseudonym"],
        raw=raw,
        region=texts(found.get("household__region"), rows),
        area=texts(found.get("household__area"), rows),
    )
