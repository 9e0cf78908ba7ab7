"""What each output is called: one place for the card, the tables and the figures."""

from services.analysis.methods.deviation.layout import Words

TABLES: dict[str, Words] = {
    "population": ("분석 대상 명세서", "Statements of the study"),
    "findings_by_reason": ("유형별 이상 징후", "Findings by reason"),
    "findings_by_layer": ("검사 층별 이상 징후", "Findings by layer"),
    "findings_by_sector": ("업종별 이상 징후", "Findings by industry"),
    "budget_curve": ("검토 규모별 의심 배출량", "Emissions in question by review budget"),
    "baseline": ("비지도 기준선과의 비교", "Beside the unsupervised baseline"),
    "tests_held": ("수행한 검사와 빠진 열", "Tests held, and columns that were lacking"),
}
FIGURES: dict[str, Words] = {
    "reason_figure": ("유형별 의심 배출량", "Emissions in question by reason"),
    "sector_figure": ("업종별 이상 사업장 비율", "Share of facilities with a finding by industry"),
    "budget_figure": ("검토를 늘리면 얼마나 더 찾는가", "What a larger review would reach"),
}
METRICS: dict[str, Words] = {"summary": ("주요 지표", "Headline figures")}
LISTS: dict[str, Words] = {"review_list": ("재검토 대상 사업장 명단", "Facilities to be reviewed")}
