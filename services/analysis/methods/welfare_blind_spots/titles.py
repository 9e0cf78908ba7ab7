"""What each output is called: one place for the card, the tables and the figures."""

Words = tuple[str, str]

TABLES: dict[str, Words] = {
    "population": ("분석 대상 가구", "Households of the study"),
    "model_comparison": ("세 모형의 비교", "The three models compared"),
    "calibration": ("점수와 실제 수급률", "Score and observed share"),
    "capacity_curve": ("방문 가능 규모별 정밀도와 향상도", "Precision and lift by capacity"),
    "group_rates": ("집단별 선정률, 재현율, 정밀도", "Selection, recall and precision by group"),
    "coverage": ("소득 기준 미만 가구의 수급률", "Coverage of households below the income limit"),
    "coverage_by_area": ("지역과 가구 유형별 수급률", "Coverage by area and household type"),
    "blind_spots": ("소득 기준 미만 비수급 가구와 명단", "Poor households without a benefit, and those listed"),
    "champion": ("공개된 모형과의 비교", "Beside the released model"),
    "drift": ("학습 연도와의 차이", "Drift against the training years"),
    "drivers": ("점수를 움직이는 요인", "What moves the score"),
}
FIGURES: dict[str, Words] = {
    "calibration_figure": ("점수는 실제 수급률과 얼마나 맞는가", "How well the score matches what is observed"),
    "capacity_figure": ("몇 가구를 방문할 수 있을 때 얼마나 맞는가", "How many are right at each capacity"),
    "group_figure": ("집단별 결과와 95 % 구간", "Groups compared, with 95 % intervals"),
    "drift_figure": ("학습 연도와 달라진 항목", "What has moved since the training years"),
    "coverage_figure": ("소득 기준 미만 가구 중 수급 비율", "Share receiving among households below the limit"),
}
METRICS: dict[str, Words] = {"summary": ("주요 지표", "Headline figures")}
MODELS: dict[str, Words] = {"blind_spot_model": ("복지 사각지대 모형", "Model of the blind spots")}
LISTS: dict[str, Words] = {"blind_spot_list": ("복지 사각지대 후보 명단", "List of possible blind spots")}
