"""The groups that tables count by: coarse, so that most cells stand on enough households."""

from collections import Counter

import numpy as np

from services.analysis.methods.toolkit import disclosure
from services.analysis.methods.toolkit.arrays import UNKNOWN, Flags, Floats, Texts, by_value, chosen
from services.analysis.methods.toolkit.disclosure import Level, Wide
from services.analysis.methods.welfare_blind_spots.study import Study

NAMES = ("age_band", "household_type", "disability", "region")
MOST_LEVELS = 60

AGE_BANDS = {
    "under_35": ("가구주 35세 미만", "head under 35"),
    "35_49": ("가구주 35–49세", "head 35–49"),
    "50_64": ("가구주 50–64세", "head 50–64"),
    "65_up": ("가구주 65세 이상", "head 65 and over"),
}
LABELS = AGE_BANDS | {
    "single": ("1인 가구", "lives alone"),
    "adults_only": ("성인만 있는 가구", "adults only"),
    "with_children": ("아동이 있는 가구", "with children"),
    "single_parent": ("한부모 가구", "single parent"),
    "disabled": ("장애인이 있는 가구", "with a disability"),
    "not_disabled": ("장애인이 없는 가구", "without a disability"),
}


def levels(study: Study, group: str, is_wide: Wide) -> list[Level]:
    """The levels of one group in a fixed order; of those that stand on too few the smaller ones are joined. A level nobody
    belongs to is left out, and a group that cannot be shown is none."""
    belongs = assign(study, group)
    made = [own(group, str(code), np.asarray(belongs == code)) for code in sorted(set(belongs), key=_place)]
    return made if all(is_wide(level.member) for level in made) else disclosure.levels(group, belongs, is_wide, LABELS)


def own(group: str, code: str, member: Flags) -> Level:
    """A level that came with the data is called what the data call it."""
    name = disclosure.own_name(code)
    return Level(group, name, member, LABELS.get(code, (name, name)))


def assign(study: Study, group: str) -> Texts:
    """The level of every scored household."""

    def raw(name: str) -> Floats:
        return study.linked.raw[name][study.test]

    if group == "age_band":
        age = raw("age_of_head")
        return chosen(np.select([age < 35, age < 50, age < 65, age >= 65], range(4), 4), [*AGE_BANDS, UNKNOWN])
    if group == "household_type":
        cases = [raw("single_parent") > 0, raw("children_under_18") > 0, raw("household_size") <= 1]
        return chosen(np.select(cases, range(3), 3), ["single_parent", "with_children", "single", "adults_only"])
    if group == "disability":
        members = raw("disabled_members")
        return chosen(np.select([members > 0, members == 0], range(2), 2), ["disabled", "not_disabled", UNKNOWN])
    return bounded(getattr(study.linked, group)[study.test])


def bounded(texts: Texts) -> Texts:
    """The most frequent values; the rest, if a table could not hold them, as one."""
    counts = Counter(texts.tolist())
    kept = set(sorted(counts, key=lambda value: (-counts[value], value))[:MOST_LEVELS])
    return by_value(texts, lambda value: value if value in kept else "other")


def _place(code: str) -> tuple[int, str]:
    codes = list(LABELS)
    return (codes.index(code) if code in codes else len(codes), code)
