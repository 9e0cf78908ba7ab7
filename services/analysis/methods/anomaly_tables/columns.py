"""The columns of the one input table: a key, what rows are compared within, and any others under names of their own."""

from services.analysis.methods.deviation.cards import KEY_DOMAIN
from shared.contracts import CardColumn, ColumnRole, ColumnType, InputRole, LocalText

BASE = "records"
PEERS, LABEL = "records__peer_group", "records__known_anomaly"

RECORDS = InputRole(
    name=BASE,
    title=LocalText(ko="기록", en="Records"),
    further=(ColumnType.NUMBER, ColumnType.INTEGER, ColumnType.BOOLEAN, ColumnType.STRING),
    columns=(
        CardColumn(
            name="record_key",
            type=ColumnType.STRING,
            role=ColumnRole.KEY,
            key_domain=KEY_DOMAIN,
            title=LocalText(ko="기록 번호", en="Record number"),
        ),
        CardColumn(
            name="peer_group",
            type=ColumnType.STRING,
            required=False,
            title=LocalText(ko="비교 집단", en="Peer group"),
        ),
        CardColumn(
            name="known_anomaly",
            type=ColumnType.BOOLEAN,
            required=False,
            title=LocalText(ko="이미 확인된 이상", en="Known to be abnormal"),
        ),
    ),
)
