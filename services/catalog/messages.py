"""What the catalog service says to callers, in Korean and English."""

from typing import Final

from shared.contracts.wording import Sentence, Template

KEY_KNOWN: Final = Sentence(
    "This key was registered before.",
    ko="이미 등록되었던 키입니다.",
)
MAKE_NEW_KEY: Final = Sentence(
    "Make a new key.",
    ko="새 키를 만드십시오.",
)
OTHER_CODE: Final = Sentence(
    "Choose another code.",
    ko="다른 코드를 선택하십시오.",
)
CODE_TAKEN: Final = Sentence(
    "A member with this code has joined already.",
    ko="이 코드의 기관이 이미 참여하고 있습니다.",
)
DIGEST_FORM: Final = Sentence(
    "Send it as `sha-256=:<base64 of 32 bytes>:`.",
    ko="`sha-256=:<32바이트의 base64>:` 형식으로 보내십시오.",
)
DIGEST_UNREADABLE: Final = Sentence(
    "The digest header cannot be read.",
    ko="다이제스트 헤더를 읽을 수 없습니다.",
)
DIGEST_DIFFERS: Final = Sentence(
    "The bytes that arrived have another SHA-256.",
    ko="도착한 파일의 SHA-256 값이 다릅니다.",
)
ARRIVED_OTHERWISE: Final = Sentence(
    "The file did not arrive as it was sent. Send it again.",
    ko="파일이 보낸 그대로 도착하지 않았습니다. 다시 보내십시오.",
)
DATASET_MOVE: Final = Template(
    "The dataset is {state}; it cannot become {to}.",
    ko="데이터셋의 현재 상태({state})에서는 {to} 상태로 바꿀 수 없습니다.",
)
FILE_MOVE: Final = Template(
    "The file is {state}; it cannot become {to}.",
    ko="파일의 현재 상태({state})에서는 {to} 상태로 바꿀 수 없습니다.",
)
OWNERS_STEWARD: Final = Sentence(
    "Only a steward of the ministry that owns the dataset may do this.",
    ko="데이터셋을 보유한 기관의 데이터 책임자만 할 수 있습니다.",
)
OWN_LEAVING: Final = Sentence(
    "Nobody lets their own ministry leave.",
    ko="본인이 소속된 기관의 탈퇴는 처리할 수 없습니다.",
)
LEFT_BEFORE: Final = Sentence(
    "The ministry has left before.",
    ko="이미 탈퇴한 기관입니다.",
)
COLUMNS_SAME_NAME: Final = Sentence(
    "Two columns have the same name.",
    ko="이름이 같은 열이 두 개 있습니다.",
)
TABLE_TEXT: Final = Sentence(
    "A text of the table cannot be taken.",
    ko="표 정의에 받을 수 없는 글이 있습니다.",
)
REGISTER_NEW: Final = Sentence(
    "Register a new dataset for another table.",
    ko="표 구조가 다르면 새 데이터셋으로 등록하십시오.",
)
TABLE_FIXED: Final = Sentence(
    "The table is fixed as soon as a file of it is checked or published.",
    ko="파일이 점검 중이거나 공개된 뒤에는 표 구조를 바꿀 수 없습니다.",
)
DATASET_WITHDRAWN: Final = Sentence(
    "The dataset was withdrawn; nothing about it changes any more.",
    ko="철회된 데이터셋은 더 이상 변경할 수 없습니다.",
)
OWN_KEYS: Final = Sentence(
    "Only a steward of the ministry itself decides on its keys.",
    ko="기관의 키는 그 기관의 데이터 책임자만 정할 수 있습니다.",
)
KEY_CANNOT_BE_USED: Final = Sentence(
    "The key cannot be used.",
    ko="이 키는 사용할 수 없습니다.",
)
KEY_RETIRED: Final = Sentence(
    "The key was retired before.",
    ko="이미 폐기된 키입니다.",
)
TEXT_NOT_TAKEN: Final = Template(
    "The text cannot be taken: {why}.",
    ko="글을 받을 수 없습니다: {why}.",
)
NOT_X25519: Final = Sentence(
    "This is no public key of X25519 in base64url.",
    ko="base64url로 적은 X25519 공개키가 아닙니다.",
)
NEVER_VALID: Final = Sentence(
    "It lies before the key's first day, or in the past.",
    ko="키의 시작일보다 앞서거나 이미 지난 날짜입니다.",
)
COLUMN_NAMED_BEFORE: Final = Sentence(
    "An earlier column has this name.",
    ko="앞의 열과 이름이 같습니다.",
)
NO_DATASET: Final = Sentence(
    "There is no dataset with this id that you may see.",
    ko="이 식별자로 조회할 수 있는 데이터셋이 없습니다.",
)
NO_CHECK: Final = Sentence(
    "There is no file check with this number that you may see.",
    ko="이 번호로 조회할 수 있는 파일 점검 내역이 없습니다.",
)
NO_KEY: Final = Sentence(
    "The ministry has no such key.",
    ko="해당 기관에 그 키가 없습니다.",
)
NO_MEMBER: Final = Sentence(
    "There is no member with this code.",
    ko="이 코드의 회원 기관이 없습니다.",
)
KID_DIFFERS: Final = Sentence(
    "the kid is not the thumbprint of this key",
    ko="kid가 이 키의 지문(thumbprint)이 아닙니다",
)
NAME_AFTER: Final = Sentence(
    "a body that it follows bears its name until after valid_from",
    ko="승계받은 기관의 명칭은 valid_from 이후까지 유효하여야 합니다",
)
MEDIA_TYPE: Final = Sentence(
    "A dataset's file is CSV, Parquet or .xlsx; Content-Type must say which.",
    ko=("데이터셋의 파일은 CSV, Parquet, .xlsx 중 하나여야 하며 Content-Type에 그 형식을 적어야 합니다."),
)
CHARSET: Final = Sentence(
    "This charset is not taken. Save the file as UTF-8, or name one of `accepted` in Content-Type.",
    ko=("받지 않는 문자 집합입니다. 파일을 UTF-8로 저장하거나 `accepted` 중 하나를 Content-Type에 적으십시오."),
)
DELIMITER: Final = Sentence(
    "This delimiter is not taken. Name one of `accepted` in Content-Type.",
    ko="받지 않는 구분자입니다. `accepted` 중 하나를 Content-Type에 적으십시오.",
)
WAITING_FILES: Final = Sentence("files that wait for their check", ko="점검 대기 파일 수")
WAITING_BYTES: Final = Sentence("bytes that wait for their check", ko="점검 대기 파일의 용량(바이트)")
DAILY_FILES: Final = Sentence("files within 24 hours", ko="24시간 동안 제출한 파일 수")
DAILY_BYTES: Final = Sentence("bytes within 24 hours", ko="24시간 동안 제출한 파일의 용량(바이트)")
QUOTA_EXCEEDED: Final = Template(
    "Your ministry may have {most} {quota}, and has {used}. Nothing was kept of this file; send it again later.",
    ko="소속 기관의 한도를 넘었습니다. {quota}: 한도 {most}, 현재 {used}. 이 파일은 저장하지 않았으니 나중에 다시 제출하십시오.",
)
