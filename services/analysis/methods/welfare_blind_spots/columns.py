"""The columns of the three input tables: name, type, unit, and the only way in which each may move the score."""

from shared.contracts import CardColumn, ColumnRole, ColumnType, InputRole, LocalText

KEY_DOMAIN = "person"
DOLLAR = "USD"


def _key() -> CardColumn:
    title = LocalText(ko="개인 번호", en="Person number")
    return CardColumn(name="person_no", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain=KEY_DOMAIN, title=title)


def _amount(name: str, ko: str, en: str, *, required: bool = False) -> CardColumn:
    title = LocalText(ko=ko, en=en)
    return CardColumn(name=name, type=ColumnType.NUMBER, role=ColumnRole.MEASURE, unit=DOLLAR, required=required, title=title)


def _count(name: str, ko: str, en: str, *, required: bool = False, quasi: bool = False) -> CardColumn:
    role = ColumnRole.QUASI_IDENTIFIER if quasi else ColumnRole.ATTRIBUTE
    return CardColumn(name=name, type=ColumnType.INTEGER, role=role, required=required, title=LocalText(ko=ko, en=en))


def _flag(name: str, ko: str, en: str) -> CardColumn:
    return CardColumn(name=name, type=ColumnType.BOOLEAN, required=False, title=LocalText(ko=ko, en=en))


def _text(name: str, ko: str, en: str) -> CardColumn:
    return CardColumn(
        name=name,
        type=ColumnType.STRING,
        role=ColumnRole.QUASI_IDENTIFIER,
        required=False,
        title=LocalText(ko=ko, en=en),
    )


HOUSEHOLD = InputRole(
    name="household",
    title=LocalText(ko="가구와 주거", en="Household and housing"),
    columns=(
        _key(),
        _count("survey_year", "조사 연도", "Survey year", required=True),
        _text("region", "권역", "Region"),
        _text("area", "지역", "Area"),
        _count("age_of_head", "가구주 나이", "Age of the head", required=True, quasi=True),
        _count("household_size", "가구원 수", "Members", required=True, quasi=True),
        _count("families", "가구 안 가족 수", "Families in the household"),
        _flag("single_parent", "한부모", "One adult with children"),
        _count("children_under_6", "6세 미만 아동 수", "Children under 6"),
        _count("children_under_18", "18세 미만 아동 수", "Children under 18", required=True),
        _count("disabled_members", "장애인 가구원 수", "Members with a disability"),
        _amount("mortgage_interest", "주택담보대출 이자", "Mortgage interest paid"),
        _amount("property_tax", "재산세", "Property tax paid"),
    ),
)
INCOME = InputRole(
    name="income",
    title=LocalText(ko="소득과 세금", en="Income and tax"),
    columns=(
        _key(),
        _amount("wages", "근로소득", "Wages", required=True),
        _amount("business_income", "사업소득", "Business income"),
        _amount("farm_income", "농업소득", "Farm income"),
        _amount("interest_income", "이자소득", "Interest"),
        _amount("dividend_income", "배당소득", "Dividends"),
        _amount("private_pension", "사적연금", "Private pension"),
        _count("earners", "소득이 있는 가구원 수", "Earning members"),
    ),
)
BENEFITS_ROLE = InputRole(
    name="benefits",
    title=LocalText(ko="복지 급여", en="Benefits"),
    columns=(
        _key(),
        _amount("social_security", "공적연금", "Public pension"),
        _amount("unemployment_benefit", "실업급여", "Unemployment benefit"),
        _amount("veterans_benefit", "보훈급여", "Veterans' benefit"),
        _flag("medical_aid", "의료 지원 수급", "Receives medical aid"),
        _flag("income_support", "생계 지원 수급", "Receives income support"),
        _flag("family_aid", "가족 현금 지원 수급", "Receives family cash aid"),
        _flag("mother_child_nutrition", "모자 영양 지원 수급", "Receives mother and child nutrition aid"),
        _flag("food_aid", "식품 지원 수급", "Receives food aid"),
        _flag("housing_aid", "주거 지원 수급", "Receives housing aid"),
    ),
)
INPUTS = (HOUSEHOLD, INCOME, BENEFITS_ROLE)

BENEFITS = tuple(column.name for column in BENEFITS_ROLE.columns if column.type is ColumnType.BOOLEAN)
"""The label: a household receives if any of these is true; none of them is a feature."""

SIGNS: dict[str, int] = {
    "wages": -1,
    "business_income": -1,
    "farm_income": -1,
    "interest_income": -1,
    "dividend_income": -1,
    "private_pension": -1,
    "earners": -1,
    "social_security": 0,
    "veterans_benefit": 0,
    "unemployment_benefit": 1,
    "age_of_head": 0,
    "household_size": 0,
    "families": 0,
    "single_parent": 1,
    "children_under_6": 1,
    "children_under_18": 1,
    "disabled_members": 1,
    "mortgage_interest": -1,
    "property_tax": -1,
}
"""Feature -> the only way a rise of it may move the score: +1 up, -1 down, 0 either way."""

ALL_COLUMNS: dict[str, str] = {
    column.name: f"{role.name}__{column.name}"
    for role in INPUTS
    for column in role.columns
    if column.type is not ColumnType.STRING
}
TITLES: dict[str, tuple[str, str]] = {"income_per_member": ("가구원당 소득", "Income per member")} | {
    column.name: (column.title.ko, column.title.en) for role in INPUTS for column in role.columns if column.title
}
REQUIRED: tuple[str, ...] = (
    "pseudonym",
    *(ALL_COLUMNS[column.name] for role in INPUTS for column in role.columns if column.required and column.name in ALL_COLUMNS),
)
