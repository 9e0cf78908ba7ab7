"""The columns of the business table: name, type, unit, and the only way in which each may move the score."""

from services.analysis.methods.toolkit.cards import column, key
from shared.contracts import ColumnRole, ColumnType, InputRole, LocalText

KEY_DOMAIN = "business"
WON = "KRW"
QUASI = ColumnRole.QUASI_IDENTIFIER
MONTH, CLOSED_ON, LICENCE, INDUSTRY, AGE = "as_of_month", "closed_on", "license_status", "ksic_code", "months_in_business"
LABELS = ("label_close_12m", "label_close_3m", "label_delinq90_12m")

NUMBERS: dict[str, tuple[str, str, str | None, int]] = {
    "sales_amt": ("매출액", "Sales", WON, 0),
    "sales_cnt": ("매출 건수", "Number of sales", None, 0),
    "avg_ticket": ("건당 매출", "Average sale", WON, 0),
    "cancel_rate": ("취소율", "Share of sales cancelled", None, 0),
    "delivery_ratio": ("배달 비중", "Share of deliveries", None, 0),
    "sales_rank_industry_pct": ("업종 내 매출 순위", "Rank of sales in the industry", "%", -1),
    "sales_rank_area_pct": ("상권 내 매출 순위", "Rank of sales in the area", "%", -1),
    "sales_mom": ("전월 대비 매출", "Sales against last month", None, -1),
    "sales_yoy": ("전년 대비 매출", "Sales against last year", None, -1),
    "sales_vs_12m_peak": ("최근 1년 최고 대비 매출", "Sales against the year's peak", None, -1),
    "consecutive_decline_months": ("연속 매출 감소 개월", "Months of falling sales in a row", "mo", 1),
    "repeat_customer_ratio": ("재방문 고객 비율", "Share of returning customers", None, 0),
    "new_customer_ratio": ("신규 고객 비율", "Share of new customers", None, 0),
    "vat_reported_half": ("반기 부가세 신고액", "VAT reported for the half year", WON, 0),
    "tax_arrears_amt_max12m": ("국세 체납 최고액", "Largest tax arrears in a year", WON, 1),
    "tax_arrears_months12m": ("국세 체납 개월", "Months of tax arrears in a year", "mo", 1),
    "pension_arrears_months": ("국민연금 체납 개월", "Months of pension arrears", "mo", 1),
    "hi_arrears_months": ("건강보험료 체납 개월", "Months of health insurance arrears", "mo", 1),
    "employees": ("종업원 수", "Employees", None, 0),
    "employees_chg_6m": ("최근 6개월 종업원 변화", "Change of employees in six months", None, -1),
    "elec_kwh": ("전력 사용량", "Electricity used", "kWh", 0),
    "elec_yoy": ("전년 대비 전력 사용", "Electricity against last year", None, -1),
    "rent_index": ("임대료 지수", "Index of rents", None, 0),
    "area_closure_rate_12m": ("상권 폐업률", "Closures in the area in a year", None, 1),
    "industry_closure_rate_12m": ("업종 폐업률", "Closures in the industry in a year", None, 1),
    "policy_loan_balance": ("정책자금 잔액", "Balance of policy loans", WON, 0),
    "loan_delinq_days_max": ("대출 연체 일수", "Longest delay of a loan", "d", 1),
    "credit_score_chg_3m": ("최근 3개월 신용점수 변화", "Change of the credit score in three months", None, -1),
    "rep_change_24m": ("최근 2년 대표자 변경", "Changes of representative in two years", None, 1),
}
FLAGS = {
    "sole_prop_flag": ("개인사업자", "Sole proprietor"),
    "franchise_flag": ("가맹점", "Franchise"),
    "guarantee_flag": ("신용보증 이용", "Has a credit guarantee"),
    "vat_late_flag": ("부가세 신고 지연", "VAT reported late"),
}
SIGNS = {name: sign for name, (_, _, _, sign) in NUMBERS.items() if sign} | {"vat_late_flag": 1, "credit_score_band": 1}

BUSINESS = InputRole(
    name="business",
    title=LocalText(ko="사업체 월별 현황", en="Businesses by month"),
    keyed_by=(MONTH,),
    columns=(
        key("biz_key", KEY_DOMAIN, "사업체 번호", "Number of the business"),
        column(MONTH, ColumnType.DATE, "기준월", "Month, by its first day", required=True),
        column(INDUSTRY, ColumnType.STRING, "업종", "Industry (KSIC)", role=QUASI),
        column("sigungu_code", ColumnType.STRING, "시군구", "District", role=QUASI),
        column("owner_age_band", ColumnType.STRING, "대표자 연령대", "Age band of the owner", role=QUASI),
        column("trade_area_code", ColumnType.STRING, "상권", "Trade area", role=QUASI),
        column(AGE, ColumnType.NUMBER, "영업 개월", "Months in business", unit="mo"),
        column("credit_score_band", ColumnType.INTEGER, "신용등급", "Credit band (1 is best)"),
        *(column(name, ColumnType.NUMBER, ko, en, unit=unit) for name, (ko, en, unit, _) in NUMBERS.items()),
        *(column(name, ColumnType.BOOLEAN, *words) for name, words in FLAGS.items()),
        column(LICENCE, ColumnType.STRING, "영업 상태", "Status of the licence"),
        column(CLOSED_ON, ColumnType.DATE, "폐업일", "Day of deregistration"),
        column("label_close_3m", ColumnType.BOOLEAN, "3개월 안 폐업", "Closes within 3 months"),
        column("label_close_12m", ColumnType.BOOLEAN, "12개월 안 폐업", "Closes within 12 months"),
        column("label_delinq90_12m", ColumnType.BOOLEAN, "12개월 안 90일 연체", "90 days delinquent within 12 months"),
    ),
    further=(ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN),
)
