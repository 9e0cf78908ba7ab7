"""Compare, learn what agreement tells, and list what is likely the same subject."""

from collections.abc import Callable
from typing import Any

import numpy as np

from services.analysis.methods.record_linkage.card import SCHEMA
from services.analysis.methods.record_linkage.fields import Field, as_text, as_told, read_field
from services.analysis.methods.record_linkage.matching import learn
from services.analysis.methods.record_linkage.pairs import Candidates, tally
from services.analysis.methods.record_linkage.results import BITS, fields_table, listed, pairs_table, summary
from services.analysis.methods.record_linkage.weighing import weigh
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.parameters import read
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report

FEWEST = 20
LEAST_FIELDS = 2
MOST_COMPARED = 10_000_000_000
PSEUDONYM, SOURCE = "pseudonym", "table__source"


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    first = bundle.columns(None, range(FEWEST))
    if len(first[PSEUDONYM]) < FEWEST:
        raise MethodError("too-few-rows", f"There are fewer than {FEWEST} rows.")
    source = read_field(bundle, SOURCE, as_told) if SOURCE in first else None
    fields = read_fields(bundle, [name for name in first if name not in (PSEUDONYM, SOURCE)], between(report, 0, 0.2, "reading"))
    candidates = Candidates(list(fields.values()), [fields[name] for name in blocks(given, fields)], source)
    if candidates.most * len(fields) > MOST_COMPARED:
        raise MethodError(
            "too-many-pairs", "Too many records agree on the columns that pairs are made by: `block` may name others."
        )
    patterns = tally(candidates.fields, candidates.parts(between(report, 0.2, 0.55, "comparing")))
    compared = int(patterns.counts.sum())
    if compared < MINIMUM_CELL:
        raise MethodError("no-pairs", "Too few records agree on any of the columns that pairs are made by.")
    records = len(candidates.fields[0].codes)
    weights = learn(patterns, np.array([field.apart for field in candidates.fields]), possible(records, source))
    parts = candidates.parts(between(report, 0.55, 0.95, "weighing"))
    found = weigh(candidates, parts, patterns, weights, given["certain"])
    words = {name: given["titles"].get(name, (name, name)) for name in fields}
    made = [each for each in (pairs_table(found), fields_table(weights, words, compared)) if each["rows"]]
    drawn = figures.bars("fields_figure", ("항목의 식별력", "What each field tells"), "fields", "bits", BITS)
    return Outputs(
        tables={each["name"]: each for each in made},
        figures={"fields_figure": drawn},
        metrics={"summary": summary(records, candidates.blocks, patterns, found)},
        restricted_list=listed(bundle, found, patterns, words, weights),
    )


def between(report: Report, low: float, high: float, message: str) -> Callable[[float], None]:
    """A part of the whole progress."""
    return lambda done: report(low + (high - low) * done, message)


def read_fields(bundle: Bundle, columns: list[str], tell: Callable[[float], None]) -> dict[str, Field]:
    """Those in which not all records are alike."""
    fields: dict[str, Field] = {}
    for at, column in enumerate(columns):
        tell(at / len(columns))
        field = read_field(bundle, column, as_text)
        if len(field.counts) > 1:
            fields[column.removeprefix("table__")] = field
    if len(fields) < LEAST_FIELDS:
        raise MethodError("no-features", f"At least {LEAST_FIELDS} columns that differ are needed to compare records.")
    return fields


def blocks(given: dict[str, Any], fields: dict[str, Field]) -> list[str]:
    if missing := [name for name in given["block"] if name not in fields]:
        raise MethodError("parameter-names-no-column", f"A parameter names the column {missing[0]}; there is none that differs.")
    return list(given["block"] or fields)


def possible(records: int, source: Field | None) -> int:
    """All pairs that there are; of different sources if there are sources."""
    if source is None:
        return records * (records - 1) // 2
    within: list[int] = source.counts.tolist()
    return max(records**2 - sum(size**2 for size in within), 2) // 2
