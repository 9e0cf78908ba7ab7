"""The input of a method for any table: key, time, groups, and whatever further columns the request adds as features."""

from services.analysis.methods.toolkit.cards import column, key
from shared.contracts import ANY_DOMAIN, CardColumn, ColumnRole, ColumnType, InputRole, LocalText

KEY_DOMAIN = ANY_DOMAIN
TIME = ("as_of", "period")
GROUP = "belongs_to"
AUDIT = ("sex", "age_band", "region", "kind")
FURTHER = (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN, ColumnType.STRING, ColumnType.DATE)
QUASI = ColumnRole.QUASI_IDENTIFIER


def subjects(*columns: CardColumn) -> InputRole:
    """One row a subject."""
    return InputRole(
        name="table",
        title=LocalText(ko="대상 표", en="Table of subjects"),
        columns=(key("subject", KEY_DOMAIN, "대상 번호", "Number of the subject"), *columns),
        further=FURTHER,
    )


def subject_table(*outcome: CardColumn) -> InputRole:
    """Subjects that are learned from; `outcome` are the columns that tell what came of each."""
    return subjects(
        *outcome,
        column("as_of", ColumnType.DATE, "기준일", "Day on which the subject was looked at"),
        column("period", ColumnType.INTEGER, "기준 연도 또는 연월", "Year, or year and month as yyyymm"),
        column("belongs_to", ColumnType.STRING, "묶음", "What rows belong to", role=QUASI),
        column("sex", ColumnType.STRING, "성별", "Sex", role=QUASI),
        column("age_band", ColumnType.STRING, "연령대", "Age band", role=QUASI),
        column("region", ColumnType.STRING, "지역", "Region", role=QUASI),
        column("kind", ColumnType.STRING, "유형", "Kind of subject", role=QUASI),
    )
