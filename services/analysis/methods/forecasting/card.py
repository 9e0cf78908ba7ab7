"""The method card: what forecasting takes, gives, assumes, and must not be used for."""

from typing import Any

from services.analysis.methods.toolkit.any_table import KEY_DOMAIN
from services.analysis.methods.toolkit.cards import column, key, outputs
from services.analysis.methods.toolkit.tables import TITLES
from shared.contracts import ColumnRole, ColumnType, InputRole, Linkage, LocalText, MethodCard, OutputKind, Resources

SEASONS = {"year": 1, "quarter": 4, "month": 12, "week": 52, "day": 7}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "frequency": {"enum": list(SEASONS), "default": "month", "description": "How long one period of the forecast is."},
        "horizon": {"type": "integer", "minimum": 1, "maximum": 60, "default": 6, "description": "How many periods ahead."},
        "statistic": {"enum": ["sum", "mean"], "default": "sum", "description": "Of the subjects' values in one period."},
        "level": {
            "type": "number",
            "minimum": 0.5,
            "maximum": 0.99,
            "default": 0.9,
            "description": "Share of the outcomes that the interval shall hold.",
        },
    },
}
SERIES = InputRole(
    name="series",
    title=LocalText(ko="기간별 값", en="Values by period"),
    columns=(
        key("subject", KEY_DOMAIN, "대상 번호", "Number of the subject"),
        column("period", ColumnType.DATE, "기간", "Day, or first day of the period", required=True),
        column("value", ColumnType.NUMBER, "값", "Value", required=True, role=ColumnRole.MEASURE),
        column("group", ColumnType.STRING, "구분", "Group", role=ColumnRole.QUASI_IDENTIFIER),
    ),
    keyed_by=("period",),
)
CARD = MethodCard(
    name="forecasting",
    version="1.0.0",
    title=LocalText(ko="예측", en="Forecasting"),
    purpose="Forecast a sum or mean of many subjects over the coming periods, for each group, with an interval and its record.",
    owner="mois",
    inputs=(SERIES,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="series"),
    parameters=SCHEMA,
    outputs=(
        *outputs(
            OutputKind.TABLE,
            {
                "forecast": ("관측과 예측", "Observed and forecast"),
                "record": ("과거 예측의 정확도", "How well it would have done"),
                "champion": TITLES["champion"],
            },
        ),
        *outputs(OutputKind.FIGURE, {"forecast_figure": ("관측과 예측", "Observed and forecast")}),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.MODEL, {"forecast_model": ("예측 모형", "Model of the forecast")}),
    ),
    assumptions=(
        "Three ways are compared on past periods that they had not seen: the same season the last time, the last value with "
        "its mean step, and a ridge on lags, trend and season. For each group the one with the lowest error is used.",
        "The interval comes from the errors that the chosen way made in the past at the same distance.",
        "The model that is handed in is a ridge of all groups together, one period ahead and free of scale. A released one is "
        "compared on periods after its training, or on the last ones if there are none, and changes no forecast.",
        "A period of fewer than ten subjects is not shown; a group with such a gap is joined into `other`.",
        "The last period of the data is taken as complete.",
    ),
    must_not_conclude=(
        "A forecast goes on as it was: it knows of no new law, no crisis and no change of the way of counting.",
        "Where the error is no lower than of the naive look (MASE 1 or more), the forecast adds nothing to it.",
    ),
    fairness_groups=("group",),
    resources=Resources(seconds=1800, memory_mb=2048),
)
