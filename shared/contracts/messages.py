"""What is said of events and value objects that contradict themselves, in Korean and English."""

from typing import Final

from shared.contracts.wording import Sentence, Template

CARD_COLUMN_MISSING: Final = Template(
    "the card has no column {missing}",
    ko="명세에 {missing} 열이 없습니다",
)
EXAMPLE_WIDTH: Final = Sentence(
    "an example has not one value for each feature",
    ko="예시의 값이 변수마다 하나씩 있지 않습니다",
)
EXAMPLE_LACKS_VALUE: Final = Sentence(
    "an example lacks a value, and the model takes no missing ones",
    ko="결측값을 받지 않는 모형인데 예시에 결측값이 있습니다",
)
FEATURE_NAME_TWICE: Final = Sentence(
    "two features have one name",
    ko="이름이 같은 변수가 두 개 있습니다",
)
MODEL_OUTPUTS: Final = Template(
    "a model gives score_bands, summary and highest, and no {other}",
    ko="모형의 결과물은 score_bands, summary, highest만 가능하며 {other}은(는) 둘 수 없습니다",
)
SHARES_AND_BOUNDS: Final = Sentence(
    "there is one share more than inner bounds",
    ko="비율의 수는 내부 경계의 수보다 하나 많아야 합니다",
)
FEATURE_TWICE: Final = Sentence(
    "a feature is named twice",
    ko="같은 변수가 두 번 지정되었습니다",
)
VERIFIED_WITHOUT_DAY: Final = Sentence(
    "what is verified names the day on which its basis was read",
    ko="확인된 규칙에는 근거를 확인한 날짜가 있어야 합니다",
)
KEY_DOMAIN_OF_KEY: Final = Sentence(
    "a key column, and only a key column, names its key_domain",
    ko="key_domain은 키 열에만, 그리고 키 열에는 반드시 적어야 합니다",
)
AUDIENCE_MINISTRIES: Final = Sentence(
    "ministries are named for the audience `ministries`, and only for it",
    ko="기관 목록은 열람 범위가 `ministries`일 때만, 그리고 그때는 반드시 적어야 합니다",
)
TIME_ZONE: Final = Sentence(
    "time_zone is no IANA name of a time zone, such as Asia/Seoul",
    ko="time_zone이 Asia/Seoul과 같은 IANA 시간대 이름이 아닙니다",
)
