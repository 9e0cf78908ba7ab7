"""Any linked table as the rows of a study: outcome, time and groups by their card's names, every further column a feature."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Texts, Whole, numbers, printable, texts
from services.analysis.methods.toolkit.availability import first_days
from services.analysis.methods.toolkit.periods import NEVER, days, is_dates
from services.analysis.methods.toolkit.rows import Rows, Words
from services.analysis.methods.toolkit.stored import Columns, Table
from services.analysis.worker.sdk import Array, MethodError


@dataclass(frozen=True)
class Reading:
    """What of a linked table is what. Names are those of the card or of the request, without the role before them."""

    outcome: tuple[str, ...]
    """Columns that may hold the outcome; the first that is there does."""
    time: tuple[str, ...] = ()
    group: str | None = None
    audit: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    signs: Mapping[str, int] = field(default_factory=dict)
    titles: Mapping[str, Words] = field(default_factory=dict)
    dated_by: Mapping[str, str] = field(default_factory=dict)
    """Feature -> the column that tells the day of its value."""


def read_rows(table: Table, reading: Reading, *, labelled: bool = True) -> Rows:
    """Without `labelled` the outcome is made later, out of other columns."""
    plain = short_names(table)
    columns = Columns(table, plain)
    check_named(reading, columns)
    size = table.rows
    label_name = next((name for name in reading.outcome if name in columns), "")
    if labelled and not label_name:
        raise MethodError("no-label", "The table has no column of the outcome.")
    day = time_of(columns, reading.time)
    features = features_of(columns, reading, day)
    return Rows(
        pseudonym=table.ranks,
        subjects=table.subjects,
        label=numbers(columns[label_name] if labelled else None, size, label_name),
        features=features,
        day=day,
        group=texts(columns[reading.group], size) if reading.group and reading.group in columns else None,
        audit={name: texts(columns[name], size) for name in reading.audit if name in columns},
        signs={name: sign for name, sign in reading.signs.items() if name in features},
        titles=reading.titles,
        available_from=first_days(table.bundle.available_from, {name: plain[name] for name in features}),
        dated_late=tuple(sorted(dated_late(columns, reading, day))),
    )


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Without the role where that is plain, with it where two roles have a column of one name."""
    full = list(names)
    short = [name.partition("__")[2] or name for name in full]
    return {name if short.count(name) == 1 else whole: whole for name, whole in zip(short, full, strict=True)}


def check_named(reading: Reading, columns: Mapping[str, Array]) -> None:
    named = {*reading.signs, *reading.left_out, *reading.dated_by, *reading.dated_by.values()}
    if missing := sorted(named - set(columns)):
        raise MethodError("parameter-names-no-column", f"A parameter names the column {missing[0][:63]}; there is none.")


def time_of(columns: Mapping[str, Array], names: tuple[str, ...]) -> Whole | None:
    name = next((name for name in names if name in columns), None)
    if name is None:
        return None
    found = days(columns[name], name)
    return found if (found != NEVER).any() else None


def features_of(columns: Columns, reading: Reading, day: Whole | None) -> Columns:
    """Numbers, flags and categories; a date becomes the days that lie between it and the row's own day."""
    other = {*reading.outcome, *reading.time, *reading.audit, reading.group, *reading.left_out, *reading.dated_by.values()}
    made: dict[str, str] = {}
    for name, column in columns.names.items():
        if name in other:
            continue
        made[name] = column
        if columns.is_text(name) and is_dates(values := columns[name]):
            made[name] = f"{column} in days"
            columns.table.put(made[name], age_in_days(values, name, day))
    if not made:
        raise MethodError("no-features", "The table has no column that could be a feature.")
    return Columns(columns.table, made)


def age_in_days(values: Texts, name: str, day: Whole | None) -> Floats:
    found = days(values, name)
    known = found != NEVER
    own = np.zeros_like(found) if day is None else day
    known &= own != NEVER
    return np.where(known, np.where(known, own, 0) - np.where(known, found, 0), np.nan).astype(np.float64)


def dated_late(columns: Columns, reading: Reading, day: Whole | None) -> Iterable[str]:
    """Features whose own date, or which as a date, lie after the day of their row."""
    if day is None:
        return
    dates = {name: name for name in columns if columns.is_text(name) and is_dates(columns[name])}
    for name in {*reading.time, *reading.outcome, *reading.left_out}:
        dates.pop(name, None)
    dates = {name: at for name, at in dates.items() if at not in reading.dated_by.values()} | dict(reading.dated_by)
    for feature, column in dates.items():
        if feature not in reading.left_out:
            found = days(columns[column], column)
            if ((found > day) & (found != NEVER) & (day != NEVER)).any():
                yield feature


def words_of(given: Mapping[str, Any]) -> dict[str, Words]:
    """Titles that a request gives to its columns, as words for tables and reasons."""
    return {name: (printable(str(title["ko"]))[:100], printable(str(title["en"]))[:100]) for name, title in given.items()}
