"""What each output is called: one place for the card, the tables and the figures."""

from services.analysis.methods.deviation.layout import Words

TABLES: dict[str, Words] = {
    "findings_by_kind": ("유형별 이상 구간", "Findings by kind"),
    "timeline": ("기간별 이상 비율", "Share of abnormal points over time"),
    "comparison": ("확인된 이상과의 비교", "Beside what is known to be abnormal"),
}
FIGURES: dict[str, Words] = {
    "kind_figure": ("유형별 이상 구간 수", "Findings by kind"),
    "timeline_figure": ("기간별 이상 비율", "Share of abnormal points over time"),
}
METRICS: dict[str, Words] = {"summary": ("주요 지표", "Headline figures")}
LISTS: dict[str, Words] = {"series_list": ("이상 구간이 있는 시계열 명단", "Series with abnormal stretches")}
