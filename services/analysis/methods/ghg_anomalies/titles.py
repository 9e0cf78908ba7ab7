"""What each output is called: one place for the card, the tables and the figures."""

from services.analysis.methods.deviation.layout import Words
from services.analysis.methods.toolkit.tables import TITLES

TABLES: dict[str, Words] = {
    "population": ("분석 대상 명세서", "Statements of the study"),
    "findings_by_reason": ("유형별 이상 징후", "Findings by reason"),
    "findings_by_layer": ("검사 층별 이상 징후", "Findings by layer"),
    "findings_by_sector": ("업종별 이상 징후", "Findings by industry"),
    "budget_curve": ("검토 규모별 의심 배출량", "Emissions in question by review budget"),
    "baseline": ("비지도 기준선과의 비교", "Beside the unsupervised baseline"),
    "tests_held": ("수행한 검사와 빠진 열", "Tests held, and columns that were lacking"),
    **{name: TITLES[name] for name in ("champion", "drift")},
}
FIGURES: dict[str, Words] = {
    "reason_figure": ("유형별 의심 배출량", "Emissions in question by reason"),
    "sector_figure": ("업종별 이상 사업장 비율", "Share of facilities with a finding by industry"),
    "budget_figure": ("검토를 늘리면 얼마나 더 찾는가", "What a larger review would reach"),
}
METRICS: dict[str, Words] = {"summary": ("주요 지표", "Headline figures")}
MODELS: dict[str, Words] = {"expected_model": ("활동량 기댓값 모형", "Model of expected activity")}
FEATURES: dict[str, Words] = {
    "production": ("평소 대비 생산량", "production beside the usual"),
    "hdd": ("난방도일", "heating degree days"),
    "cdd": ("냉방도일", "cooling degree days"),
    "hours": ("평소 대비 가동 시간", "hours beside the usual"),
    "others": ("평소 대비 같은 사업장의 다른 배출원", "the facility's other streams beside the usual"),
    "season": ("달", "month"),
    "fuel": ("연료", "fuel"),
    "sector": ("업종", "industry"),
}
LISTS: dict[str, Words] = {"review_list": ("재검토 대상 사업장 명단", "Facilities to be reviewed")}
