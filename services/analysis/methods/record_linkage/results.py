"""What is told of the comparison: tables of counts and weights, headline figures, and the list of likely twins."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from services.analysis.methods.record_linkage.fields import Field
from services.analysis.methods.record_linkage.matching import Weights
from services.analysis.methods.record_linkage.pairs import AGREES, Patterns
from services.analysis.methods.record_linkage.weighing import EDGES, MOST_LISTED, Weighed
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import LABELS, Cell, Table, count, dimension, figure, measured, rounded, table, text
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.toolkit.stored import Subjects
from services.analysis.worker.sdk import Bundle

BITS: Words = ("일치가 주는 정보 (비트)", "What agreement tells (bits)")
REASONS = 3
CUT = text(
    f"목록에는 가능성이 가장 높은 {MOST_LISTED:,}개 기록만 있습니다.",
    f"The list holds the {MOST_LISTED:,} likeliest records alone.",
)


def pairs_table(found: Weighed) -> Table:
    """Bands of fewer than ten pairs are joined with the one below."""
    bands = joined(zip((0.0, *EDGES), (*EDGES, 1.0), found.bands.tolist(), strict=True))
    rows: list[list[Cell]] = [[f"{low:.0%} - {high:.0%}", size] for low, high, size in bands]
    columns = [dimension("likely", "동일 확률", "How likely the same"), count("pairs", "쌍의 수", "Pairs")]
    note = text("10 미만인 구간은 위 구간과 합쳤습니다.", "Bands of fewer than 10 pairs are joined with the next one.")
    return table("pairs", ("쌍의 확률 분포", "Pairs by how likely they are"), columns, rows, note)


def joined(bands: Iterable[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """From the lowest on, until each holds ten pairs; what is left at the end goes to the last one."""
    made: list[tuple[float, float, int]] = []
    for low, high, size in bands:
        if made and made[-1][2] < MINIMUM_CELL:
            low, _, before = made.pop()
            size += before
        made.append((low, high, size))
    if len(made) > 1 and made[-1][2] < MINIMUM_CELL:
        (low, _, before), (_, high, size) = made[-2:]
        made[-2:] = [(low, high, before + size)]
    return made


def fields_table(weights: Weights, words: dict[str, Words], pairs: int) -> Table:
    bits = np.log2(weights.m / weights.u)
    rows: list[list[Cell]] = [
        [name, *words[name], pairs, *(rounded(float(value)) for value in (weights.m[at], weights.u[at], bits[at]))]
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


def listed(bundle: Bundle, found: Weighed, patterns: Patterns, words: dict[str, Words], weights: Weights) -> list[dict[str, Any]]:
    """Each record once, with its likeliest pair; the first reason names the other record."""
    who = Subjects(bundle, np.column_stack([found.pairs["one"], found.pairs["other"]]).ravel())
    agreed = agreements(patterns, words, weights)
    best: dict[str, dict[str, Any]] = {}
    chosen = found.pairs[found.first // 2]
    names, twins = who.names(found.first), who.names(found.first ^ 1)
    for key, other, likely, pattern in zip(names, twins, chosen["likely"], chosen["pattern"], strict=True):
        twin = other[:12]
        same = {"code": f"same-as-{twin}", "ko": f"{twin}… 기록과 동일 의심", "en": f"Likely the same as {twin}…"}
        best.setdefault(key, {"pseudonym": key, "score": round(float(likely), 6), "reasons": [same, *agreed[pattern]]})
    return sorted(best.values(), key=lambda entry: -entry["score"])


def agreements(patterns: Patterns, words: dict[str, Words], weights: Weights) -> list[list[dict[str, str]]]:
    """For each pattern the fields that agree, those first that tell most."""
    told = [{"code": "agrees", "ko": f"{ko} 일치", "en": f"Agrees on {en}"} for ko, en in words.values()]
    tells = np.argsort(-np.log(weights.m / weights.u), kind="stable")
    return [[told[field] for field in tells if seen[field] == AGREES][:REASONS] for seen in patterns.seen]


def summary(records: int, blocks: Sequence[Field], patterns: Patterns, found: Weighed) -> dict[str, Any]:
    compared, left_out = int(patterns.counts.sum()), sum(block.left_out for block in blocks)
    made = [
        figure("records", text("기록 수", "Records"), records, records),
        figure("compared", text("비교한 쌍", "Pairs compared"), compared, compared),
        figure(
            "blocks_left_out", text("너무 커서 비교하지 않은 블록", "Blocks that were too large to compare"), left_out, records
        ),
    ]
    if min(found.records, records - found.records) >= MINIMUM_CELL and found.sure >= MINIMUM_CELL:
        made.append(figure("likely_pairs", text("동일 의심 쌍", "Likely pairs"), found.sure, found.records))
    return {"name": "summary", "figures": made, "split": None, "notes": CUT if found.records > len(found.first) else None}
