"""What each output is called: one place for the card, the tables and the figures."""

from services.analysis.methods.deviation.layout import Words

TABLES: dict[str, Words] = {
    "findings_by_column": ("열별 이상 기록", "Findings by column"),
    "findings_by_group": ("비교 집단별 이상 기록", "Findings by peer group"),
    "layers": ("세 가지 방법의 비교", "Three ways beside one another"),
}
FIGURES: dict[str, Words] = {"column_figure": ("열별 이상 기록 수", "Findings by column")}
METRICS: dict[str, Words] = {"summary": ("주요 지표", "Headline figures")}
LISTS: dict[str, Words] = {"record_list": ("다시 볼 기록 명단", "Records to be looked at again")}
