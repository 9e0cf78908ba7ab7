"""The table counted in the database: how the levels of a column are told apart there, and what comes out of it, cell by cell."""
# ruff: noqa: S608  The names in this SQL are quoted; what stands in it otherwise are words and numbers of our own.

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.analysis.methods.toolkit.arrays import LARGEST_AMOUNT, UNKNOWN, Flags, Floats, Texts, called, digits
from services.analysis.methods.toolkit.disclosure import MOST_LEVELS, OTHER, OTHER_WORDS, Level, own_name
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.worker.sdk import Bundle, MethodError, quoted

WORDS = {OTHER: OTHER_WORDS, UNKNOWN: ("모름", "unknown")}


@dataclass(frozen=True)
class Grouping:
    """One column as levels."""

    level: str
    """What the database groups by."""
    given: list[Any]
    """The values that stand in it as `?`."""
    called: Callable[[Any], str]
    """What one of its answers is called."""


@dataclass(frozen=True)
class Cells:
    """Each pair of levels that a row has, before small ones are joined; of one grouping each level."""

    levels: list[Texts]
    subjects: Floats
    known: Floats
    """Subjects that have a value of the measure."""
    total: Floats

    def count(self, member: Flags) -> int:
        return int(self.subjects[member].sum())


def grouping(bundle: Bundle, name: str, bins: int) -> Grouping:
    """A column of text by its values, one of numbers too if it has few of them; more are cut into parts of equal size."""
    column = quoted(name)
    return by_text(bundle, column) if is_text(bundle, name) else by_number(bundle, f"CAST({column} AS DOUBLE)", bins)


def by_text(bundle: Bundle, column: str) -> Grouping:
    """The values that a table can hold; the rest as one."""
    text = f"coalesce(CAST({column} AS VARCHAR), '{UNKNOWN}')"
    query = f"SELECT {text} AS level, count(*) AS rows FROM linked GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_LEVELS}"
    kept = bundle.sql(query)["level"].tolist()
    shown = called({*kept, OTHER})
    return Grouping(f"CASE WHEN {text} IN (SELECT unnest(?)) THEN {text} ELSE '{OTHER}' END", [kept], shown.__getitem__)


def by_number(bundle: Bundle, value: str, bins: int) -> Grouping:
    query = f"SELECT count(*) AS rows, count(DISTINCT {value}) AS values FROM linked WHERE isfinite({value})"
    rows, values = (int(found[0]) for found in bundle.sql(query).values())
    if values <= bins:
        return Grouping(value, [], digits)
    edges = edges_of(bundle, value, rows, bins)
    place = " + ".join(["1", *(f"CAST({value} >= ? AS INTEGER)" for _ in edges)])
    part = f"CASE WHEN isfinite({value}) THEN {place} END"
    return Grouping(part, edges, lambda found: UNKNOWN if found != found else f"{found:.0f}/{len(edges) + 1}")


def edges_of(bundle: Bundle, value: str, rows: int, bins: int) -> list[float]:
    """Quantiles as NumPy takes them, each between the two values beside it: these alone leave the database."""
    at = (rows - 1) * np.linspace(0, 1, bins + 1)[1:-1]
    below = np.floor(at)
    shares = (np.concatenate([below, np.minimum(below + 1, rows - 1)]) + 0.5) / rows
    query = f"SELECT unnest(quantile_disc({value}, {shares.tolist()}::DOUBLE[])) AS edge FROM linked WHERE isfinite({value})"
    pairs = bundle.sql(query)["edge"].reshape(2, -1).T
    return sorted({float(np.quantile(pair, part)) for pair, part in zip(pairs, at - below, strict=True)})


def count_cells(bundle: Bundle, groupings: list[Grouping], measure: str | None) -> Cells:
    """A mean is made of the sum of its cells, which the database adds up without rounding them away. Amounts so large that no
    sum can hold them are unknown."""
    names = [f"level_{at}" for at in range(len(groupings))]
    levels = ", ".join(f"{each.level} AS {name}" for each, name in zip(groupings, names, strict=True))
    value = f"TRY_CAST({quoted(measure)} AS DOUBLE)" if measure else "NULL::DOUBLE"
    query = f"""SELECT {", ".join(names)}, count(*) AS subjects, count(*) FILTER (WHERE abs(value) < {LARGEST_AMOUNT}) AS known,
                       coalesce(fsum(value) FILTER (WHERE abs(value) < {LARGEST_AMOUNT}), 0) AS total
                FROM (SELECT {levels}, {value} AS value FROM linked) GROUP BY ALL ORDER BY ALL"""
    found = bundle.sql(query, [one for each in groupings for one in each.given])
    told = [
        np.array([each.called(code) for code in found[name].tolist()], dtype=object)
        for each, name in zip(groupings, names, strict=True)
    ]
    return Cells(told, found["subjects"], found["known"], found["total"])


def joined(cells: Cells, at: int, name: str) -> list[Level]:
    """The levels of one grouping over the cells, of ten subjects at least; smaller ones are `other`. Empty if not two remain."""
    codes = cells.levels[at]
    sizes = {code: cells.count(codes == code) for code in set(codes)}
    while len(sizes) > 1 and min(sizes.values()) < MINIMUM_CELL:
        small = min((code for code in sizes if code != OTHER), key=lambda code: (sizes[code], code))
        sizes[OTHER] = sizes.get(OTHER, 0) + sizes.pop(small)
    if len(sizes) < 2:
        return []
    belongs = np.array([code if code in sizes else OTHER for code in codes], dtype=object)
    ordered = sorted(sizes, key=lambda code: (code == OTHER, code))
    return [Level(name, own_name(code), belongs == code, WORDS.get(code, (own_name(code),) * 2)) for code in ordered]


def check_number(bundle: Bundle, name: str) -> None:
    query = f"SELECT count({quoted(name)}) AS known FROM linked"
    if is_text(bundle, name) and bundle.sql(query)["known"][0]:
        raise MethodError("wrong-type", f"The column {name.removeprefix('table__')} must hold numbers.")


def is_text(bundle: Bundle, name: str) -> bool:
    return bundle.columns([name], range(0))[name].dtype.kind == "O"
