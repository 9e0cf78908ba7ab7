"""Sums shown beside their parts: what a reader could subtract must stand on enough people too."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from services.results.disclosure.findings import Notebook
from services.results.disclosure.rules import Rules

Key = tuple[Any, ...]


def check_margins(rows: list[list[Any]], kinds: Sequence[str], names: list[str], notebook: Notebook, rules: Rules) -> None:
    """For each row labelled as a sum, and each count: the sum less its shown parts is nothing, or enough people."""
    dimensions = [index for index, kind in enumerate(kinds) if kind == "dimension"]
    counts = [index for index, kind in enumerate(kinds) if kind == "count"]
    keys = [tuple(row[index] for index in dimensions) for row in rows]
    for index, key in enumerate(keys):
        summed = [place for place, value in enumerate(key) if is_margin(value, rules)]
        for group in parts_of(key, summed, keys, rules) if summed else ():
            for count in counts:
                rest = rows[index][count] - sum(rows[part][count] for part in group)
                if 0 < rest < rules.min_count:
                    notebook.note("margin-complement-below-minimum", row=index, column=names[count])


def is_margin(value: Any, rules: Rules) -> bool:
    return isinstance(value, str) and value.strip().lower() in rules.margin_labels


def parts_of(key: Key, summed: list[int], keys: list[Key], rules: Rules) -> Iterator[list[int]]:
    """The rows that add up to a sum. Where several dimensions are summed, each value of all but one cuts its own parts:
    a table of (group, value) pairs shows one population cut in several ways."""
    kept = [place for place in range(len(key)) if place not in summed]
    candidates = [
        index
        for index, other in enumerate(keys)
        if all(other[place] == key[place] for place in kept) and not any(is_margin(other[place], rules) for place in summed)
    ]
    if candidates:
        yield candidates
    for place in summed if len(summed) > 1 else ():
        cuts: dict[Any, list[int]] = defaultdict(list)
        for index in candidates:
            cuts[keys[index][place]].append(index)
        yield from cuts.values()
