"""Compare, learn what agreement tells, and list what is likely the same subject."""

from typing import Any

import numpy as np

from services.analysis.methods.record_linkage.card import SCHEMA
from services.analysis.methods.record_linkage.matching import (
    AGREES,
    MISSING,
    Weights,
    agreement,
    candidates,
    chance,
    codes,
    learn,
    probability,
)
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.arrays import Floats, Texts, Whole, by_value
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import LABELS, Cell, Table, count, dimension, figure, measured, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.rows import Words
from services.analysis.worker.sdk import Array, Bundle, MethodError, Outputs, Report

FEWEST = 20
LEAST_FIELDS = 2
BANDS = ((0.0, 0.01), (0.01, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 1.01))
REASONS = 3


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    found = bundle.columns()
    pseudonym = found.pop("pseudonym")
    if len(pseudonym) < FEWEST:
        raise MethodError("too-few-rows", f"There are fewer than {FEWEST} rows.")
    source = codes(found.pop("table__source")) if "table__source" in found else None
    fields = {name.removeprefix("table__"): codes(as_texts(values)) for name, values in found.items()}
    fields = {name: values for name, values in fields.items() if len(np.unique(values[values != MISSING])) > 1}
    if len(fields) < LEAST_FIELDS:
        raise MethodError("no-features", f"At least {LEAST_FIELDS} columns that differ are needed to compare records.")
    report(0.2, "comparing")
    pairs = candidates([fields[name] for name in blocks(given, fields)], source)
    if len(pairs) < MINIMUM_CELL:
        raise MethodError("no-pairs", "Too few records agree on any of the columns that pairs are made by.")
    seen = agreement(list(fields.values()), pairs)
    by_chance = {name: chance(values) for name, values in fields.items()}
    weights = learn(seen, np.array([random_agreement(values) for values in fields.values()]), possible(len(pseudonym), source))
    report(0.7, "weighing")
    rare = np.column_stack([np.nan_to_num(each[pairs[:, 0]], nan=1.0) for each in by_chance.values()])
    likely = probability(seen, weights, np.where(seen == AGREES, rare, weights.u))
    words = {name: given["titles"].get(name, (name, name)) for name in fields}
    made = [each for each in (pairs_table(likely), fields_table(weights, words, len(pairs))) if each["rows"]]
    drawn = figures.bars("fields_figure", ("항목의 식별력", "What each field tells"), "fields", "bits", BITS)
    return Outputs(
        tables={each["name"]: each for each in made},
        figures={"fields_figure": drawn},
        metrics={"summary": summary(pseudonym, pairs, likely, given["certain"])},
        restricted_list=listed(pseudonym, pairs, seen, likely, given["certain"], words, weights),
    )


BITS: Words = ("일치가 주는 정보 (비트)", "What agreement tells (bits)")


def as_texts(values: Array) -> Texts:
    """Numbers as their shortest words; texts without case and outer spaces."""
    if values.dtype.kind == "f":
        return by_value(values, lambda value: None if value != value else f"{value:g}")
    plain = (None if value is None else str(value).strip().casefold() for value in values)
    return np.array([value or None for value in plain], dtype=object)


def blocks(given: dict[str, Any], fields: dict[str, Whole]) -> list[str]:
    if missing := [name for name in given["block"] if name not in fields]:
        raise MethodError("parameter-names-no-column", f"A parameter names the column {missing[0]}; there is none that differs.")
    return list(given["block"] or fields)


def possible(records: int, source: Whole | None) -> int:
    """All pairs that there are; of different sources if there are sources."""
    within = [records] if source is None else np.bincount(source[source != MISSING]).tolist()
    return records * (records - 1) // 2 if source is None else max(records**2 - sum(size**2 for size in within), 2) // 2


def random_agreement(values: Whole) -> float:
    """How often two records agree by chance."""
    share = np.bincount(values[values != MISSING]) / max(int((values != MISSING).sum()), 1)
    return float((share**2).sum())


def pairs_table(likely: Floats) -> Table:
    """Bands of fewer than ten pairs are joined with the one below."""
    rows: list[list[Cell]] = []
    waiting = 0
    for low, high in BANDS:
        size = waiting + int(((likely >= low) & (likely < high)).sum())
        waiting = 0 if size >= MINIMUM_CELL else size
        if size >= MINIMUM_CELL:
            rows.append([f"{low:.0%} - {min(high, 1):.0%}", size])
    columns = [dimension("likely", "동일 확률", "How likely the same"), count("pairs", "쌍의 수", "Pairs")]
    note = text("10 미만인 구간은 위 구간과 합쳤습니다.", "Bands of fewer than 10 pairs are joined with the next one.")
    return table("pairs", ("쌍의 확률 분포", "Pairs by how likely they are"), columns, rows, note)


def fields_table(weights: Weights, words: dict[str, Words], pairs: int) -> Table:
    bits = np.log2(weights.m / weights.u)
    rows: list[list[Cell]] = [
        [name, *words[name], pairs, *(round(float(value), 4) for value in (weights.m[at], weights.u[at], bits[at]))]
        for at, name in enumerate(words)
    ]
    columns = [
        dimension("field", "항목", "Field"),
        *LABELS,
        count("pairs", "쌍의 수", "Pairs"),
        measured("m", "동일 대상의 일치율", "Agrees for the same subject", of="pairs"),
        measured("u", "우연한 일치율", "Agrees by chance", of="pairs"),
        measured("bits", *BITS, of="pairs"),
    ]
    note = text("쌍에서 EM으로 추정한 값입니다.", "Learned from the pairs by EM.")
    return table("fields", ("항목의 식별력", "What each field tells"), columns, rows, note)


def listed(
    pseudonym: Texts, pairs: Whole, seen: Whole, likely: Floats, certain: float, words: dict[str, Words], weights: Weights
) -> list[dict[str, Any]]:
    """Each record once, with its likeliest pair; the first reason names the other record."""
    best: dict[str, dict[str, Any]] = {}
    tells = np.argsort(-np.log(weights.m / weights.u), kind="stable")
    names = list(words)
    for at in np.argsort(-likely, kind="stable"):
        if likely[at] < certain:
            break
        agreed = [names[field] for field in tells if seen[at, field] == AGREES][:REASONS]
        for row, other in (pairs[at], pairs[at][::-1]):
            twin, key = str(pseudonym[other])[:12], str(pseudonym[row])
            reasons = [{"code": f"same-as-{twin}", "ko": f"{twin}… 기록과 동일 의심", "en": f"Likely the same as {twin}…"}]
            for ko, en in (words[name] for name in agreed):
                reasons.append({"code": "agrees", "ko": f"{ko} 일치", "en": f"Agrees on {en}"})
            best.setdefault(key, {"pseudonym": key, "score": round(float(likely[at]), 6), "reasons": reasons})
    return sorted(best.values(), key=lambda entry: (-entry["score"], entry["pseudonym"]))


def summary(pseudonym: Texts, pairs: Whole, likely: Floats, certain: float) -> dict[str, Any]:
    sure = int((likely >= certain).sum())
    records = len(set(pairs[likely >= certain].ravel().tolist()))
    made = [
        figure("records", text("기록 수", "Records"), len(pseudonym), len(pseudonym)),
        figure("compared", text("비교한 쌍", "Pairs compared"), len(pairs), len(pairs)),
    ]
    if min(records, len(pseudonym) - records) >= MINIMUM_CELL and sure >= MINIMUM_CELL:
        made.append(figure("likely_pairs", text("동일 의심 쌍", "Likely pairs"), sure, records))
    return {"name": "summary", "figures": made, "split": None, "notes": None}
