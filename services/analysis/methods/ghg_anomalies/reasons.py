"""Why a statement is doubted: the classes, their words, and how they are ordered when several fit one place."""

from enum import StrEnum


class Reason(StrEnum):
    """The eleven classes that the ministry asked for, then what else a statement can show."""

    UNIT_SLIP = "unit-slip"
    WRONG_FACTOR = "wrong-factor"
    WRONG_GWP = "wrong-gwp"
    MISSING_STREAM = "missing-stream"
    DUPLICATED_STREAM = "duplicated-stream"
    COPY_OF_LAST_YEAR = "copy-of-last-year"
    DECIMAL_SHIFT = "decimal-shift"
    STEP_CHANGE = "step-change"
    FLAT_LINE = "flat-line"
    CEMS_MISMATCH = "cems-mismatch"
    PERIOD_SHIFT = "period-shift"
    ARITHMETIC = "arithmetic-mismatch"
    UNIT_UNKNOWN = "unit-unknown"
    PERIOD_IMPLAUSIBLE = "period-implausible"
    BILLED_MISMATCH = "billed-mismatch"
    UNEXPLAINED = "far-from-expected"


class Layer(StrEnum):
    ARITHMETIC = "L0"
    PEERS = "L1"
    SOURCES = "L2"
    EXPECTED = "L3"
    WINDOWS = "L4"


REASONS = tuple(Reason)
LAYERS = tuple(Layer)

WORDS: dict[Reason, tuple[str, str]] = {
    Reason.UNIT_SLIP: ("단위 오류", "Unit slip"),
    Reason.WRONG_FACTOR: ("배출계수 오류", "Wrong emission factor"),
    Reason.WRONG_GWP: ("지구온난화지수 오류", "Wrong global warming potential"),
    Reason.MISSING_STREAM: ("배출원 누락", "Missing stream"),
    Reason.DUPLICATED_STREAM: ("배출원 중복", "Duplicated stream"),
    Reason.COPY_OF_LAST_YEAR: ("전년 값 복사", "Copy of last year"),
    Reason.DECIMAL_SHIFT: ("소수점 위치 오류", "Decimal shift"),
    Reason.STEP_CHANGE: ("생산량 변화 없는 급변", "Step change without production change"),
    Reason.FLAT_LINE: ("값이 멈춘 계측기", "Flat-lined meter"),
    Reason.CEMS_MISMATCH: ("굴뚝 측정과 물질수지 불일치", "Stack measurement and material balance differ"),
    Reason.PERIOD_SHIFT: ("기간 밀림", "Period shift"),
    Reason.ARITHMETIC: ("산식 불일치", "Total does not follow from the numbers beside it"),
    Reason.UNIT_UNKNOWN: ("알 수 없는 단위", "Unknown unit"),
    Reason.PERIOD_IMPLAUSIBLE: ("있을 수 없는 기간", "Implausible period"),
    Reason.BILLED_MISMATCH: ("청구량과 불일치", "Differs from what was billed"),
    Reason.UNEXPLAINED: ("기댓값과 큰 차이", "Far from what was to be expected"),
}
LAYER_WORDS: dict[Layer, tuple[str, str]] = {
    Layer.ARITHMETIC: ("산식 재계산", "arithmetic re-computation"),
    Layer.PEERS: ("동종 비교와 전년 대비", "peers and year on year"),
    Layer.SOURCES: ("자료 간 대조", "other sources"),
    Layer.EXPECTED: ("기댓값 대비 잔차", "residual against expected"),
    Layer.WINDOWS: ("기간 검정", "window tests"),
}
