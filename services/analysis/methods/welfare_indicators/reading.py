"""The indicator table as the rows of a study: who was reached, who got support, and the groups that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from services.analysis.methods.toolkit.arrays import UNKNOWN, Flags, Floats, Texts, Whole, by_value, chosen, numbers, texts
from services.analysis.methods.toolkit.cards import titles_of
from services.analysis.methods.toolkit.observation import horizon_over, last_day, observed
from services.analysis.methods.toolkit.reading import Reading, read_rows
from services.analysis.methods.toolkit.rows import Rows, Words
from services.analysis.methods.toolkit.stored import Columns, Table
from services.analysis.methods.welfare_indicators.columns import ANY, COLUMNS, CONTACT, INDICATORS, MONTH, PUBLIC, SIGNS
from services.analysis.worker.sdk import Array, Bundle, MethodError

REACHED = frozenset({"visited", "phoned"})
NOT_FEATURES = frozenset({"sigungu_code", "age_band", "sex", CONTACT})
TAKES_DAYS = 90
GROUPS: dict[str, dict[str, Words]] = {
    "household": {"alone": ("1인 가구", "lives alone"), "together": ("2인 이상 가구", "with others")},
    "disability": {"yes": ("장애인이 있는 가구", "with a disability"), "no": ("장애인이 없는 가구", "without a disability")},
}


@dataclass(frozen=True)
class Round:
    """The rows, who was reached, and how many signs of need each shows."""

    rows: Rows
    contact: Texts
    reached: Flags
    told: Floats
    """The label as it was given, also of rows that nobody reached, where its 90 days were observed."""
    over: Flags
    """Rows whose 90 days were observed."""
    counts: Floats


def read_round(bundle: Bundle, support: str, observed_until: str | None = None) -> Round:
    label, other = (PUBLIC, ANY) if support == "public" else (ANY, PUBLIC)
    table = Table(bundle)
    found = Columns(table, {name.partition("__")[2]: name for name in table if "__" in name})
    hidden = frozenset({name for name in NOT_FEATURES | {other, "source_available_mask"} if name in found})
    titles = titles_of(COLUMNS)
    rows = read_rows(table, Reading(outcome=(label,), time=(MONTH,), left_out=hidden, titles=titles))
    rows = replace(rows, signs={name: sign for name, sign in SIGNS.items() if name in rows.features})
    contact = texts(found.get(CONTACT), len(rows))
    reached = np.isin(contact, list(REACHED)) if CONTACT in found else rows.known
    over = horizon_over(days_of(rows), TAKES_DAYS, last_day(observed_until, days_of(rows)))
    told, counts = np.where(over, rows.label, np.nan), count_indicators(rows)
    known = replace(rows, label=np.where(reached, rows.label, np.nan), audit=groups_of(found, len(rows)))
    return Round(observed(known, over), contact, reached, told, over, counts)


def days_of(rows: Rows) -> Whole:
    if rows.day is None:
        raise MethodError("no-time", "No row has a month.")
    return rows.day


def count_indicators(rows: Rows) -> Floats:
    """Indicators above zero; what is unknown is no sign."""
    given = [name for name in INDICATORS if name in rows.features]
    if not given:
        raise MethodError("no-features", "The table has none of the indicators.")
    return np.asarray(sum((np.nan_to_num(rows.features[name]) > 0).astype(np.float64) for name in given))


def groups_of(found: Mapping[str, Array], size: int) -> dict[str, Texts]:
    groups = {name: texts(found[name], size) for name in ("age_band", "sex") if name in found}
    if "sigungu_code" in found:
        code = texts(found["sigungu_code"], size)
        groups["region"] = by_value(code, lambda value: value if value == UNKNOWN else value[:2])
    if "single_household" in found:
        alone = numbers(found["single_household"], size, "single_household")
        groups["household"] = named(alone, "alone", "together")
    if "disability_flag" in found:
        groups["disability"] = named(numbers(found["disability_flag"], size, "disability_flag"), "yes", "no")
    return groups


def named(flag: Floats, yes: str, no: str) -> Texts:
    return chosen(np.select([flag > 0, flag == 0], [0, 1], 2), [yes, no, UNKNOWN])
