"""Tables that may leave: small groups are joined until at least ten stand on either side of every share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Texts
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL

OTHER = "other"
OTHER_WORDS = ("그 밖", "others")
MOST_LEVELS = 60
MARGINS = frozenset({"all", "total", "overall", "합계", "총계", "소계", "전체", "계"})
"""What the disclosure check takes for the sum of the other rows."""
Wide = Callable[[Flags], bool]


@dataclass(frozen=True)
class Level:
    """One group of rows, such as one region."""

    grouping: str
    code: str
    member: Flags
    words: tuple[str, str]


def wide(hits: int, of: int) -> bool:
    """Whether a share stands on enough rows, those that it counts and those that it does not."""
    return min(hits, of - hits) >= MINIMUM_CELL


def crossed(rows: int, cases: int, selected: int, found: int) -> bool:
    """Whether enough rows stand on all four sides: selected or not, case or not."""
    return wide(found, selected) and wide(cases - found, rows - selected)


def levels(grouping: str, belongs: Texts, is_wide: Wide, words: Mapping[str, tuple[str, str]] | None = None) -> list[Level]:
    """The levels of one grouping, each wide enough; what is not is joined into `other`. Empty if two do not remain."""
    kept = most_frequent(belongs)
    member = {code: np.asarray(kept == code) for code in sorted(set(kept))}
    while len(member) > 1 and not all(is_wide(part) for part in member.values()):
        ordered = sorted((code for code in member if code != OTHER), key=lambda code: (int(member[code].sum()), code))
        small = next((code for code in ordered if not is_wide(member[code])), ordered[0])
        part = member.pop(small)
        member[OTHER] = part | member[OTHER] if OTHER in member else part
    if len(member) < 2:
        return []
    named = {OTHER: OTHER_WORDS, "unknown": ("모름", "unknown")} | dict(words or {})
    ordered = sorted(member, key=_place(words))
    return [Level(grouping, own_name(code), member[code], named.get(code, (own_name(code),) * 2)) for code in ordered]


def own_name(name: str) -> str:
    """What the data call one of their groups never says that its row is a sum: in quotation marks then."""
    return f"‘{name}’" if name.strip().lower() in MARGINS else name


def most_frequent(belongs: Texts) -> Texts:
    """The values that a table can hold; the rest as one."""
    values, counts = np.unique(belongs.astype(str), return_counts=True)
    kept = values[np.lexsort((values, -counts))][:MOST_LEVELS]
    return np.where(np.isin(belongs.astype(str), kept), belongs.astype(str), OTHER).astype(object)


def _place(words: Mapping[str, tuple[str, str]] | None) -> Callable[[str], tuple[int, str]]:
    order = list(words or {})
    return lambda code: (order.index(code) if code in order else len(order) + (code == OTHER), code)
