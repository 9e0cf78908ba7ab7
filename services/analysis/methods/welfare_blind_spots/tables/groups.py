"""Whom the score and the benefits reach, group by group."""

from services.analysis.methods.toolkit.arrays import Flags
from services.analysis.methods.toolkit.disclosure import Level, crossed, wide
from services.analysis.methods.toolkit.layout import LABELS, Cell, Table, Text, count, dimension, rate_with_interval, shares, text
from services.analysis.methods.welfare_blind_spots.groups import NAMES, assign, levels
from services.analysis.methods.welfare_blind_spots.study import Study
from services.analysis.methods.welfare_blind_spots.tables.layout import FOUND, HOUSEHOLDS, RECEIVERS, SELECTED, table

GROUP = [dimension("group", "구분", "Grouping"), dimension("level", "집단", "Group"), *LABELS]
COVERAGE = [
    HOUSEHOLDS,
    RECEIVERS,
    *rate_with_interval("coverage", "수급률", "Coverage", numerator="receivers", of="households"),
]


def group_rates(study: Study) -> Table:
    share = study.parameters.audit_share
    chosen = study.selected("boosting", study.places_at(share))

    def is_wide(member: Flags) -> bool:
        return crossed(*_sides(study, chosen, member))

    rows = [[*_names(level), *_audit(study, chosen, level.member)] for group in NAMES for level in levels(study, group, is_wide)]
    columns = [
        *GROUP,
        HOUSEHOLDS,
        RECEIVERS,
        SELECTED,
        FOUND,
        *rate_with_interval("selection", "선정률", "Selected share", numerator="selected", of="households"),
        *rate_with_interval("recall", "재현율", "Recall", numerator="found", of="receivers"),
        *rate_with_interval("precision", "정밀도", "Precision", numerator="found", of="selected"),
    ]
    notes = text(
        f"점수 상위 {share:.0%} 기준, 95 % 윌슨 구간. 각 집단이 충분한 가구에 근거하도록 방문 규모보다 넓게 잡았습니다.",
        f"At the top {share:.0%} of scores, with 95 % Wilson intervals: wider than the capacity, so that every group stands on "
        "enough households.",
    )
    return table("group_rates", columns, rows, notes)


def coverage(study: Study) -> Table:

    def is_wide(member: Flags) -> bool:
        poor = study.poor & member
        return wide(int(study.label[poor].sum()), int(poor.sum()))

    rows = [[*_names(level), *_covered(study, level.member)] for group in NAMES for level in levels(study, group, is_wide)]
    return table("coverage", [*GROUP, *COVERAGE], rows, _limit_note(study))


def coverage_by_area(study: Study) -> Table:
    areas, kinds = assign(study, "area"), levels(study, "household_type", lambda _: True)
    rows: list[list[Cell]] = [
        [str(area), kind.code, *_covered(study, (areas == area) & kind.member)]
        for area in sorted(set(areas))
        for kind in kinds
        if (study.poor & (areas == area) & kind.member).any()
    ]
    columns = [dimension("area", "지역", "Area"), dimension("household_type", "가구 유형", "Household type"), *COVERAGE]
    notes = text(
        "표본에 비해 세밀한 표입니다. 10가구 미만의 칸이 하나라도 있으면 공개 점검이 표 전체를 보류합니다.",
        "Fine-grained for a sample: the disclosure check withholds the whole table if one cell stands on fewer than 10.",
    )
    return table("coverage_by_area", columns, rows, notes)


def blind_spots(study: Study) -> Table:
    missed = study.poor & (study.label == 0)

    def sides(member: Flags) -> tuple[int, int]:
        return int((study.listed & member).sum()), int((missed & member).sum())

    rows: list[list[Cell]] = []
    for group in ("age_band", "household_type"):
        for level in levels(study, group, lambda member: wide(*sides(member))):
            listed, households = sides(level.member)
            rows.append([*_names(level), households, listed, *shares(listed, households)])
    columns = [
        *GROUP,
        count("missed", "기준 미만 비수급 가구", "Below the limit, not receiving"),
        count("listed", "명단에 오른 가구", "Listed households"),
        *rate_with_interval("listing", "명단 비율", "Listed share", numerator="listed", of="missed"),
    ]
    return table("blind_spots", columns, rows, _limit_note(study))


def _sides(study: Study, chosen: Flags, member: Flags) -> tuple[int, int, int, int]:
    receiving = study.label == 1
    parts = (member, member & receiving, member & chosen, member & chosen & receiving)
    return int(parts[0].sum()), int(parts[1].sum()), int(parts[2].sum()), int(parts[3].sum())


def _audit(study: Study, chosen: Flags, member: Flags) -> list[Cell]:
    households, receivers, selected, found = _sides(study, chosen, member)
    return [
        households,
        receivers,
        selected,
        found,
        *shares(selected, households),
        *shares(found, receivers),
        *shares(found, selected),
    ]


def _covered(study: Study, member: Flags) -> list[Cell]:
    poor = study.poor & member
    households, receivers = int(poor.sum()), int(study.label[poor].sum())
    return [households, receivers, *shares(receivers, households)]


def _names(level: Level) -> list[Cell]:
    return [level.grouping, level.code, *level.words]


def _limit_note(study: Study) -> Text:
    limit = f"{study.parameters.income_limit:,.0f}"
    return text(
        f"소득 기준은 1인 기준 연 {limit} USD이며 가구원 수의 제곱근에 비례합니다.",
        f"The income limit is {limit} USD a year for one person, in proportion to the square root of the members.",
    )
