"""The columns of the one input table: a series, a time, a value; and whatever else was known at that time."""

from services.analysis.methods.deviation.cards import KEY_DOMAIN
from shared.contracts import CardColumn, ColumnRole, ColumnType, InputRole, LocalText

BASE = "series"
VALUE, TIME, LABEL = "series__value", "series__time", "series__known_anomaly"

SERIES = InputRole(
    name=BASE,
    title=LocalText(ko="시계열", en="Series"),
    keyed_by=("time",),
    further=(ColumnType.NUMBER, ColumnType.INTEGER, ColumnType.BOOLEAN, ColumnType.STRING),
    columns=(
        CardColumn(
            name="series_key",
            type=ColumnType.STRING,
            role=ColumnRole.KEY,
            key_domain=KEY_DOMAIN,
            title=LocalText(ko="시계열 번호", en="Series number"),
        ),
        CardColumn(name="time", type=ColumnType.STRING, temporal=True, title=LocalText(ko="시각", en="Time")),
        CardColumn(name="value", type=ColumnType.NUMBER, role=ColumnRole.MEASURE, title=LocalText(ko="값", en="Value")),
        CardColumn(
            name="known_anomaly",
            type=ColumnType.BOOLEAN,
            required=False,
            title=LocalText(ko="이미 확인된 이상", en="Known to be abnormal"),
        ),
    ),
)
