"""Every compared pair is weighed: how many are how likely the same subject, and which records have the likeliest twins."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.record_linkage.matching import Weights, probability
from services.analysis.methods.record_linkage.pairs import AGREES, Candidates, Part, Patterns, Places, agreement
from services.analysis.methods.toolkit.arrays import Whole

EDGES = (0.01, 0.1, 0.5, 0.9, 0.99)
MOST_LISTED = 100_000
Sure = NDArray[np.void]
PAIR = np.dtype([("likely", np.float64), ("one", np.int64), ("other", np.int64), ("pattern", np.int64)])


@dataclass(frozen=True)
class Weighed:
    bands: Whole
    """How many pairs lie between two edges."""
    sure: int
    """Pairs that are likely enough, and the records in them."""
    records: int
    pairs: Sure
    """Those of them that the list needs, likeliest first."""
    first: Places
    """Each listed record's first mention among these pairs, two to a pair."""


def weigh(candidates: Candidates, parts: Iterator[Part], patterns: Patterns, weights: Weights, certain: float) -> Weighed:
    fields = candidates.fields
    rarest = np.array([field.rarest for field in fields])
    at_best = probability(patterns.seen, weights, np.where(patterns.seen == AGREES, rarest, weights.u))
    worth = at_best >= EDGES[0]  # the others stay below the first edge, whatever values they agree on
    bands, sure, marked = np.zeros(len(EDGES) + 1, dtype=np.int64), 0, np.zeros(len(fields[0].codes), dtype=bool)
    kept, held = [np.empty(0, dtype=PAIR)], 0
    for part in parts:
        place = patterns.places(agreement(fields, part))
        chosen = np.flatnonzero(worth[place])
        found = weighed(candidates, part.only(chosen), place[chosen], patterns, weights)
        bands += np.bincount(np.digitize(found["likely"], EDGES), minlength=len(bands))
        bands[0] += len(part) - len(chosen)
        found = found[found["likely"] >= certain]
        marked[found["one"]] = marked[found["other"]] = True
        kept.append(found)
        sure, held = sure + len(found), held + len(found)
        if held > 4 * MOST_LISTED:
            pairs, first = mentioned(np.concatenate(kept))
            kept = [pairs[np.unique(first // 2)]]
            held = len(kept[0])
    return Weighed(bands, sure, int(marked.sum()), *mentioned(np.concatenate(kept)))


def weighed(candidates: Candidates, part: Part, pattern: Places, patterns: Patterns, weights: Weights) -> Sure:
    found = np.empty(len(part), dtype=PAIR)
    found["one"], found["other"], found["pattern"] = part.rows[part.one], part.rows[part.other], pattern
    seen = patterns.seen[pattern]
    rare = np.column_stack([field.chance(found["one"]) for field in candidates.fields])
    found["likely"] = probability(seen, weights, np.where(seen == AGREES, rare, weights.u))
    return found


def mentioned(pairs: Sure) -> tuple[Sure, Places]:
    """The pairs, likeliest first, and where each record is first mentioned; no more records than a list may hold."""
    pairs = pairs[np.lexsort((pairs["other"], pairs["one"], -pairs["likely"]))]
    _, first = np.unique(np.column_stack([pairs["one"], pairs["other"]]), return_index=True)
    return pairs, np.sort(first)[:MOST_LISTED]
