"""The columns of the indicator table: name, type, unit, and the only way in which each may move the score."""

from services.analysis.methods.toolkit.cards import column, key
from shared.contracts import CardColumn, ColumnRole, ColumnType, InputRole, LocalText

KEY_DOMAIN = "person"
WON = "KRW"
QUASI = ColumnRole.QUASI_IDENTIFIER
PUBLIC, ANY = "label_public_support_90d", "label_any_support_90d"
MONTH, CONTACT = "as_of_month", "contact_result"

MONTHS: dict[str, tuple[str, str]] = {
    "hi_arrears_months": ("건강보험료 체납 개월", "Months of health insurance arrears"),
    "pension_arrears_months": ("국민연금 체납 개월", "Months of pension arrears"),
    "elec_arrears_months": ("전기료 체납 개월", "Months of electricity arrears"),
    "water_arrears_months": ("수도요금 체납 개월", "Months of water arrears"),
    "gas_arrears_months": ("가스요금 체납 개월", "Months of gas arrears"),
    "telecom_arrears_months": ("통신비 체납 개월", "Months of telecom arrears"),
    "public_rent_arrears_months": ("공공임대 임대료 체납 개월", "Months of public rent arrears"),
    "apt_fee_arrears_months": ("공동주택 관리비 체납 개월", "Months of apartment fee arrears"),
}
AMOUNTS: dict[str, tuple[str, str]] = {
    "hi_arrears_amt": ("건강보험료 체납액", "Health insurance arrears"),
    "elec_arrears_amt": ("전기료 체납액", "Electricity arrears"),
    "fin_delinq_amt": ("금융 연체액", "Financial arrears"),
}
FLAGS: dict[str, tuple[str, str]] = {
    "elec_cut_90d": ("단전", "Power cut in the last 90 days"),
    "water_cut_90d": ("단수", "Water cut in the last 90 days"),
    "gas_cut_90d": ("가스 공급 중단", "Gas cut in the last 90 days"),
    "debt_adjust_stopped": ("채무조정 중지", "Debt adjustment stopped"),
    "rent_vulnerable": ("전월세 취약", "Vulnerable tenant"),
    "emp_insurance_lost": ("고용보험 상실", "Lost employment insurance"),
    "no_emp_insurance_12m": ("최근 1년 고용보험 미가입", "No employment insurance for a year"),
    "ui_benefit_end": ("실업급여 종료", "Unemployment benefit ended"),
    "business_closed": ("폐업 또는 휴업", "Business closed or suspended"),
    "daily_worker": ("일용 근로", "Daily worker"),
    "injury_care_end": ("산재 요양 종결 후 미취업", "Not working after industrial injury care"),
    "medical_overspend": ("과다한 의료비 지출", "Excessive medical cost"),
    "no_medical_use_12m": ("1년 이상 의료 미이용", "No medical use for a year"),
    "catastrophic_medical": ("재난적 의료비 지원", "Catastrophic medical support"),
    "severe_illness": ("중증질환 산정특례", "Severe illness"),
    "selfharm_visit": ("자해 또는 자살 시도 내원", "Hospital visit after self-harm"),
    "suicide_managed": ("자살 고위험군 관리", "In suicide-risk care"),
    "household_head_death": ("주 소득자 사망", "Death of the household head"),
    "disaster_or_fire": ("재난 또는 화재 피해", "Disaster or house fire"),
    "benefit_rejected_12m": ("최근 1년 급여 탈락 또는 중지", "Benefit rejected or stopped in a year"),
    "facility_leaver": ("시설 퇴소", "Left a facility"),
    "at_risk_student": ("위기 학생", "At-risk student"),
    "membership_not_applied": ("맞춤형 급여 안내 후 미신청", "Told of benefits, not applied"),
}
OTHERS: dict[str, tuple[str, str]] = {
    "household_size": ("가구원 수", "Members of the household"),
    "single_household": ("1인 가구", "Lives alone"),
    "disability_flag": ("장애인 가구", "A member has a disability"),
    "ltc_grade": ("장기요양 등급", "Long-term care grade"),
    "past_benefit_count_24m": ("최근 2년 급여 횟수", "Benefits in two years"),
}
INDICATORS = (*MONTHS, *AMOUNTS, *FLAGS)
"""What counts as a sign of need where it is above zero."""
SIGNS = dict.fromkeys(INDICATORS, 1)

INDICATOR_TABLE = InputRole(
    name="indicators",
    title=LocalText(ko="위기 징후 지표", en="Indicators of need"),
    keyed_by=(MONTH,),
    columns=(
        key("subject_key", KEY_DOMAIN, "대상 번호", "Number of the person or household"),
        column(MONTH, ColumnType.DATE, "기준월", "Month, by its first day", required=True),
        column("sigungu_code", ColumnType.STRING, "시군구", "District", role=QUASI),
        column("age_band", ColumnType.STRING, "연령대", "Age band", role=QUASI),
        column("sex", ColumnType.STRING, "성별", "Sex", role=QUASI),
        *(column(name, ColumnType.NUMBER, *words, unit="mo") for name, words in MONTHS.items()),
        *(column(name, ColumnType.NUMBER, *words, unit=WON) for name, words in AMOUNTS.items()),
        *(column(name, ColumnType.BOOLEAN, *words) for name, words in FLAGS.items()),
        column("household_size", ColumnType.INTEGER, *OTHERS["household_size"], role=QUASI),
        column("single_household", ColumnType.BOOLEAN, *OTHERS["single_household"], role=QUASI),
        column("disability_flag", ColumnType.BOOLEAN, *OTHERS["disability_flag"], role=QUASI),
        column("ltc_grade", ColumnType.INTEGER, *OTHERS["ltc_grade"]),
        column("past_benefit_count_24m", ColumnType.INTEGER, *OTHERS["past_benefit_count_24m"]),
        column(CONTACT, ColumnType.STRING, "접촉 결과", "What came of the contact"),
        column(PUBLIC, ColumnType.BOOLEAN, "90일 안 공적 지원", "Public support within 90 days", required=True),
        column(ANY, ColumnType.BOOLEAN, "90일 안 지원", "Any support within 90 days"),
    ),
    further=(ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN),
)
COLUMNS: tuple[CardColumn, ...] = INDICATOR_TABLE.columns
