"""What the models see: columns of the linked table, the label, and the groups that tables are counted by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Texts, Whole, numbers, texts
from services.analysis.methods.toolkit.periods import days
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.stored import Columns, Subjects, Table
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
PER_MEMBER = "income_per_member"
FEATURES: dict[str, int] = SIGNS | {PER_MEMBER: -1}
MINIMUM_ROWS = 100


@dataclass(frozen=True)
class Linked:
    """The linked table, a column each, stored or not; a column that nobody gave is all unknown (NaN)."""

    pseudonym: Texts | Whole
    raw: Mapping[str, Floats]
    region: Texts
    area: Texts
    subjects: Subjects | None = None
    """Whose the pseudonyms are, where these are ranks."""

    @property
    def year(self) -> Floats:
        return self.raw["survey_year"]

    @property
    def size(self) -> Floats:
        return np.maximum(self.raw["household_size"], 1.0)

    @cached_property
    def receives(self) -> Floats:
        """1 or 0, and NaN where no flag is known: a household without a match is unknown, not a non-receiver."""
        found = np.full(len(self.pseudonym), np.nan)
        for name in BENEFITS:
            flag = self.raw[name]
            found = np.fmax(found, np.where(np.isnan(flag), np.nan, flag > 0))
        return found

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
        return Rows(
            pseudonym=self.pseudonym,
            label=self.receives,
            features=self.features(),
            day=days(self.year, "survey_year"),
            signs={name: sign for name, sign in FEATURES.items() if sign},
            titles=TITLES,
            available_from=available_from or {},
            subjects=self.subjects,
        )

    def features(self) -> Mapping[str, Floats]:
        if isinstance(self.raw, Columns):
            self.raw.table.put(PER_MEMBER, self.income_per_member)
            return Columns(self.raw.table, {name: self.raw.names.get(name, PER_MEMBER) for name in FEATURES})
        return {name: self.raw[name] for name in SIGNS} | {PER_MEMBER: self.income_per_member}


def total(raw: Mapping[str, Floats], names: tuple[str, ...]) -> Floats:
    """Sum of the known amounts; unknown where the wages are, the one amount that every household has."""
    rest = sum((np.nan_to_num(raw[name]) for name in names if name != "wages"), np.zeros_like(raw["wages"]))
    return np.asarray(raw["wages"] + rest)


def read(bundle: Bundle) -> Linked:
    """The bundle's columns, checked: what is required must be there, what is optional may be missing."""
    table = Table(bundle)
    if missing := [name for name in REQUIRED if name not in ("pseudonym", *table)]:
        raise MethodError("missing-column", f"The linked table lacks the required column {missing[0]}.")
    if table.rows < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} households are linked; nothing can be learned.")
    raw = Columns(table, {name: numeric(table, name, full) for name, full in ALL_COLUMNS.items()})
    if not any(np.isfinite(raw[name]).any() for name in BENEFITS):
        raise MethodError("no-label", "No column tells which households receive a benefit.")
    region, area = (
        texts(table.read(name) if name in table else None, table.rows) for name in ("household__region", "household__area")
    )
    return Linked(table.ranks, raw, region, area, table.subjects)


def numeric(table: Table, name: str, full: str) -> str:
    """The stored column of numbers: the column itself, or one that is all unknown."""
    if full in table and not table.is_text(full):
        return full
    table.put(name, numbers(table.read(full) if full in table else None, table.rows, name))
    return name
