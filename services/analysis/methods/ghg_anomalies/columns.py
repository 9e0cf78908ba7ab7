"""The columns of the three input tables: one row is a facility, a source stream and a period."""

from shared.contracts import CardColumn, ColumnRole, ColumnType, InputRole, LocalText

KEY_DOMAIN = "facility"
BASE = "statements"


def _column(name: str, kind: ColumnType, ko: str, en: str, *, unit: str | None = None, required: bool = False) -> CardColumn:
    role = ColumnRole.MEASURE if kind is ColumnType.NUMBER else ColumnRole.ATTRIBUTE
    return CardColumn(name=name, type=kind, role=role, unit=unit, required=required, title=LocalText(ko=ko, en=en))


def _text(name: str, ko: str, en: str, *, required: bool = False) -> CardColumn:
    return _column(name, ColumnType.STRING, ko, en, required=required)


def _time(name: str, ko: str, en: str, *, required: bool = False) -> CardColumn:
    return _text(name, ko, en, required=required).model_copy(update={"temporal": True})


def _number(name: str, ko: str, en: str, unit: str | None = None, *, required: bool = False) -> CardColumn:
    return _column(name, ColumnType.NUMBER, ko, en, unit=unit, required=required)


def _key() -> CardColumn:
    title = LocalText(ko="사업장 번호", en="Facility number")
    return CardColumn(name="facility_key", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain=KEY_DOMAIN, title=title)


STREAM = _text("stream", "배출원 번호", "Source stream", required=True)
PERIOD = _time("period", "기간 (2022, 2022-03 또는 2022-03-25)", "Period (2022, 2022-03 or 2022-03-25)", required=True)

STATEMENTS = InputRole(
    name=BASE,
    title=LocalText(ko="배출량 명세서", en="Emission statements"),
    keyed_by=("stream", "period"),
    columns=(
        _key(),
        STREAM,
        PERIOD,
        _number("reported_tco2e", "보고 배출량", "Reported emissions", "tCO2e", required=True),
        _number("activity_qty", "활동 자료", "Activity data"),
        _text("activity_unit", "활동 자료 단위", "Unit of the activity data"),
        _text("fuel_type", "연료", "Fuel"),
        _text("source_category", "배출 활동", "Source category"),
        _text("ksic_code", "업종 (KSIC)", "Industry (KSIC)"),
        _text("region_code", "지역", "Region"),
        _text("peer_group", "비교 집단", "Peer group"),
        _number("ncv", "순발열량 (GJ/t, MJ/Nm3, MJ/L)", "Net calorific value (GJ/t, MJ/Nm3, MJ/L)"),
        _number("ef_co2", "CO2 배출계수 (t/TJ 등)", "CO2 factor (t/TJ, or of a unit)"),
        _number("ef_ch4", "CH4 배출계수 (kg/TJ 등)", "CH4 factor (kg/TJ, or of a unit)"),
        _number("ef_n2o", "N2O 배출계수 (kg/TJ 등)", "N2O factor (kg/TJ, or of a unit)"),
        _number("oxidation_factor", "산화율", "Oxidation factor"),
        _number("calc_tier", "산정 등급", "Tier"),
        _text("method", "산정 방법 (calc 또는 cems)", "Method (calc or cems)"),
        _number("production_qty", "생산량", "Production"),
        _text("production_unit", "생산량 단위", "Unit of production"),
        _number("floor_area_m2", "연면적", "Floor area", "m2"),
        _number("capacity", "설비 용량", "Capacity"),
        _number("operating_hours", "가동 시간", "Operating hours", "h"),
        _number("hdd", "난방도일", "Heating degree days"),
        _number("cdd", "냉방도일", "Cooling degree days"),
        _number("electricity_kwh", "전력 사용량", "Electricity used", "kWh"),
        _number("prev_year_tco2e", "전년 같은 기간 배출량", "Emissions of the same period a year before", "tCO2e"),
        _time("submitted_at", "제출일", "Day of submission"),
        _number("kepco_billed_kwh", "한전 청구 전력량", "Electricity billed", "kWh"),
        _number("gas_billed", "도시가스 청구량", "Gas billed", "Nm3"),
        _number("cems_co2_t", "굴뚝 측정 배출량", "Stack measurement of CO2", "t"),
    ),
)
BILLING = InputRole(
    name="billing",
    title=LocalText(ko="에너지 청구 자료", en="Billed energy"),
    required=False,
    keyed_by=("period",),
    columns=(
        _key(),
        PERIOD,
        _number("kepco_billed_kwh", "한전 청구 전력량", "Electricity billed", "kWh"),
        _number("gas_billed", "도시가스 청구량", "Gas billed", "Nm3"),
    ),
)
STACKS = InputRole(
    name="stacks",
    title=LocalText(ko="굴뚝 자동측정 자료", en="Stack measurements"),
    required=False,
    keyed_by=("stream", "period"),
    columns=(_key(), STREAM, PERIOD, _number("cems_co2_t", "굴뚝 측정 배출량", "Stack measurement of CO2", "t")),
)
INPUTS = (STATEMENTS, BILLING, STACKS)

TEXTS = tuple(
    column.name
    for column in STATEMENTS.columns
    if column.type is ColumnType.STRING and column.name not in ("facility_key", "stream", "period")
)
NUMBERS = tuple(column.name for column in STATEMENTS.columns if column.type is ColumnType.NUMBER)


def places(name: str) -> tuple[str, ...]:
    """Where a column may stand in the linked table: with the ministry that keeps it, else in the statements."""
    return tuple(f"{role.name}__{name}" for role in reversed(INPUTS) if name in {column.name for column in role.columns})
