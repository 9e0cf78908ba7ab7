"""What the services' common parts say to callers, in Korean and English."""

from typing import Final

from shared.contracts.wording import Sentence, Template

ROLE_MISSING: Final = Template(
    "This needs the role {right}, which your token does not carry.",
    ko="토큰에 필요한 역할({right})이 없습니다.",
)
MEMBER_ONCE: Final = Sentence(
    "Give each member of an object once.",
    ko="객체의 각 항목은 한 번만 적으십시오.",
)
MEMBER_TWICE: Final = Sentence(
    "An object of the body has two members of the same name.",
    ko="본문의 객체에 같은 이름의 항목이 두 개 있습니다.",
)
BODY_ENCODED: Final = Sentence(
    "The body has a Content-Encoding: send it as it is.",
    ko="본문에 Content-Encoding이 지정되어 있습니다. 압축하지 말고 그대로 보내십시오.",
)
BODY_TOO_LARGE: Final = Template(
    "The body may have {limit} bytes.",
    ko="본문은 {limit}바이트까지 보낼 수 있습니다.",
)
BODY_NUL: Final = Sentence(
    "The body holds a NUL character, which no text of ours may hold.",
    ko="본문에 사용할 수 없는 NUL 문자가 들어 있습니다.",
)
BODY_NOT_JSON_TYPE: Final = Sentence(
    "The body is JSON; Content-Type must say so.",
    ko="본문은 JSON이어야 하며, Content-Type에 이를 표시하여야 합니다.",
)
BODY_NOT_JSON: Final = Sentence(
    "The body is not well-formed JSON.",
    ko="본문이 올바른 형식의 JSON이 아닙니다.",
)
REMOVE_NUL: Final = Sentence(
    "Remove it.",
    ko="해당 문자를 지우십시오.",
)
CHECK_SYNTAX: Final = Sentence(
    "Check the syntax.",
    ko="문법을 확인하십시오.",
)
TIME_FORM: Final = Sentence(
    "a time is a text, such as 2026-11-24T09:00:00Z",
    ko="시각은 2026-11-24T09:00:00Z와 같은 문자열이어야 합니다",
)
OUTSIDE_CALENDAR: Final = Sentence(
    "it lies outside of the calendar in UTC",
    ko="협정세계시(UTC) 기준 달력의 범위를 벗어납니다",
)
STALE_VERSION: Final = Template(
    "It is at version {version} now, not {expected}.",
    ko="현재 버전은 {version}이며, 요청하신 버전({expected})과 다릅니다.",
)
AUDIT_AWAY: Final = Sentence(
    "The audit cannot be written. Nothing was changed.",
    ko="감사 기록을 남길 수 없습니다. 변경된 것은 없습니다.",
)
ATTEMPT_NOT_AUDITED: Final = Sentence(
    "The attempt cannot be audited just now, so it is not answered. Nothing was changed.",
    ko="지금은 이 요청의 감사 기록을 남길 수 없어 처리 결과를 알려 드릴 수 없습니다. 변경된 것은 없습니다.",
)
DATABASE_AWAY: Final = Sentence(
    "The database is busy or not reachable. Nothing was changed.",
    ko="데이터베이스를 일시적으로 사용할 수 없습니다. 변경된 내용은 없습니다.",
)
SEND_ALL_AGAIN: Final = Sentence(
    "Send all of it again.",
    ko="전체를 다시 보내십시오.",
)
BROKEN_OFF: Final = Sentence(
    "The request ended before all of its body had arrived.",
    ko="본문을 모두 받기 전에 요청이 끊어졌습니다.",
)
TOKEN_MISSING: Final = Sentence(
    "This needs a token: send it as `Authorization: Bearer <token>`.",
    ko="토큰이 필요합니다. `Authorization: Bearer <token>` 헤더로 보내십시오.",
)
ETAG_FORM: Final = Sentence(
    'Send the ETag as you got it, for example "3".',
    ko='조회할 때 받은 ETag를 그대로 보내십시오. 예: "3"',
)
ETAG_UNKNOWN: Final = Sentence(
    "If-Match does not hold one of our ETags.",
    ko="If-Match의 값이 이 서비스의 ETag가 아닙니다.",
)
NO_ADDRESS: Final = Sentence(
    "There is nothing at this address.",
    ko="이 주소에는 아무것도 없습니다.",
)
OUR_FAULT: Final = Sentence(
    "Something went wrong on our side. Nothing was changed.",
    ko="시스템 내부에서 오류가 발생하였습니다. 변경된 내용은 없습니다.",
)
TOKEN_HEADER: Final = Sentence(
    "The Authorization header is not of the form `Bearer <token>`.",
    ko="Authorization 헤더가 `Bearer <token>` 형식이 아닙니다.",
)
URL_NUL: Final = Sentence(
    "The URL holds a NUL character.",
    ko="주소(URL)에 NUL 문자가 들어 있습니다.",
)
KEY_FORM: Final = Sentence(
    "1 to 200 visible ASCII characters.",
    ko="공백이 아닌 ASCII 문자 1~200자로 적으십시오.",
)
KEY_UNUSABLE: Final = Sentence(
    "The Idempotency-Key is not usable.",
    ko="Idempotency-Key의 값을 사용할 수 없습니다.",
)
KEY_NEW: Final = Sentence(
    "Use a new key for another request.",
    ko="다른 요청에는 새로운 키를 사용하십시오.",
)
KEY_REUSED: Final = Sentence(
    "This Idempotency-Key was used for another request.",
    ko="이 Idempotency-Key는 이미 다른 요청에 사용되었습니다.",
)
ROLE_LOST: Final = Template(
    "This was done with the role {right}, which your token does not carry any more: the answer is not repeated.",
    ko="이 요청은 역할({right})이 있을 때 처리되었으나 현재 토큰에는 그 역할이 없으므로, 당시의 응답을 다시 제공하지 않습니다.",
)
PROVIDER_AWAY: Final = Sentence(
    "The keys of the identity provider cannot be read, so no token can be checked just now.",
    ko="인증기관의 공개키를 읽을 수 없어 지금은 토큰을 확인할 수 없습니다.",
)
NOT_A_MEMBER: Final = Template(
    "{ministry} is not a member: the council's secretary must let it join.",
    ko="{ministry}은(는) 회원 기관이 아닙니다. 협의회 간사가 참여를 승인하여야 합니다.",
)
HAS_LEFT: Final = Template(
    "{ministry} has left; its people do not act here any more.",
    ko="{ministry}은(는) 탈퇴한 기관으로, 소속 직원은 더 이상 업무를 처리할 수 없습니다.",
)
NOTHING_SEALED: Final = Sentence(
    "Nothing has been sealed yet.",
    ko="아직 봉인된 감사 기록이 없습니다.",
)
NO_DEAD_EVENT: Final = Sentence(
    "This event was not given up, or can never be handled.",
    ko="처리에 실패하여 중단된 이벤트가 아니거나, 다시 처리할 수 없는 이벤트입니다.",
)
NO_PROBLEM_TYPE: Final = Sentence(
    "There is no problem type of this name.",
    ko="이 이름의 오류 유형이 없습니다.",
)
CURSOR_FORM: Final = Sentence(
    "Use the cursor as the last page gave it.",
    ko="직전 응답에서 받은 커서를 그대로 사용하십시오.",
)
CURSOR_UNKNOWN: Final = Sentence(
    "The cursor is not one of ours.",
    ko="이 서비스에서 발급한 커서가 아닙니다.",
)
FILE_TOO_LARGE: Final = Template(
    "The file is larger than the {limit:,} bytes that are accepted.",
    ko="파일이 허용된 크기({limit:,}바이트)를 초과합니다.",
)
STORAGE_AWAY: Final = Sentence(
    "The object storage cannot be used just now. Nothing was changed.",
    ko="파일 저장소를 일시적으로 사용할 수 없습니다. 변경된 내용은 없습니다.",
)
CONTROL_CHARACTER: Final = Sentence(
    "it holds a control character",
    ko="제어 문자가 들어 있습니다",
)
TURNS_DIRECTION: Final = Sentence(
    "it holds a character that turns the direction of the text",
    ko="글의 방향을 바꾸는 문자가 들어 있습니다",
)
NOTHING_READABLE: Final = Sentence(
    "it holds nothing that can be read",
    ko="읽을 수 있는 글자가 없습니다",
)
MANY_LINES: Final = Sentence(
    "it has more than one line",
    ko="두 줄 이상입니다",
)
NOT_PRINTABLE: Final = Sentence(
    "it holds a character that cannot be printed",
    ko="출력할 수 없는 문자가 들어 있습니다",
)
NOT_NORMALIZED: Final = Sentence(
    "it is not normalized (NFKC), or holds a character that is not drawn",
    ko="정규화(NFKC)되지 않았거나 표시되지 않는 문자가 들어 있습니다",
)
MIXED_SCRIPTS: Final = Sentence(
    "it mixes scripts that are not written together",
    ko="함께 쓰지 않는 문자 체계가 섞여 있습니다",
)

MADE_TWICE: Final = Sentence(
    "Another request made the same at the same moment. Nothing was changed by this one.",
    ko="같은 순간에 다른 요청이 같은 내용을 만들었습니다. 이 요청으로 변경된 내용은 없습니다.",
)
MEMBERS_UNKNOWN: Final = Sentence(
    "The members are not known here yet: the catalog announces them. Nothing was changed.",
    ko="아직 회원 기관 목록을 받지 못하였습니다. 카탈로그 서비스가 곧 알립니다. 변경된 내용은 없습니다.",
)
FIELDS_AT_FAULT: Final = Template(
    "These fields cannot be accepted: {places}.",
    ko="다음 항목을 받을 수 없습니다: {places}.",
)
METHOD_NOT_ALLOWED: Final = Sentence(
    "This address does not take this method.",
    ko="이 주소에서는 이 메서드를 사용할 수 없습니다.",
)
NOT_READABLE: Final = Sentence(
    "The request cannot be read.",
    ko="요청을 읽을 수 없습니다.",
)
PARAMETER_UNKNOWN: Final = Template(
    "There is no such parameter. Did you mean `{nearest}`? Known are: {known}.",
    ko="이런 매개변수는 없습니다. 혹시 `{nearest}`입니까? 사용할 수 있는 매개변수: {known}.",
)
PARAMETER_UNKNOWN_HERE: Final = Sentence(
    "There is no such parameter: this address takes none.",
    ko="이런 매개변수는 없습니다. 이 주소에는 매개변수를 적지 않습니다.",
)
PARAMETER_TWICE: Final = Sentence(
    "Give the parameter once.",
    ko="매개변수는 한 번만 적으십시오.",
)
TOKEN_MALFORMED: Final = Sentence(
    "The token cannot be read: it is not a well-formed JSON Web Token.",
    ko="토큰을 읽을 수 없습니다. 올바른 형식의 JWT가 아닙니다.",
)
TOKEN_OVERSIZED: Final = Template(
    "The token is too long: at most {most} bytes are accepted.",
    ko="토큰이 너무 깁니다. {most}바이트까지 허용됩니다.",
)
TOKEN_UNSIGNED: Final = Sentence(
    "The token is not signed.",
    ko="토큰에 서명이 없습니다.",
)
TOKEN_ALGORITHM: Final = Sentence(
    "The token is signed in a way that is not accepted here.",
    ko="허용되지 않는 방식으로 서명된 토큰입니다.",
)
TOKEN_UNKNOWN_KEY: Final = Sentence(
    "The token is signed with a key that the identity provider does not publish.",
    ko="인증기관이 공개하지 않은 키로 서명된 토큰입니다.",
)
TOKEN_SIGNATURE: Final = Sentence(
    "The signature of the token is wrong: it was changed, or signed by somebody else.",
    ko="토큰의 서명이 올바르지 않습니다. 내용이 변경되었거나 다른 곳에서 서명한 토큰입니다.",
)
TOKEN_EXPIRED: Final = Sentence(
    "The token has expired: sign in again to get a new one.",
    ko="토큰이 만료되었습니다. 다시 로그인하여 새 토큰을 받으십시오.",
)
TOKEN_NOT_YET_VALID: Final = Sentence(
    "The token is not valid yet: the clocks may differ.",
    ko="아직 유효하지 않은 토큰입니다. 시스템 간 시각이 다를 수 있습니다.",
)
TOKEN_AUDIENCE: Final = Sentence(
    "The token was issued for another system.",
    ko="다른 시스템에 발급된 토큰입니다.",
)
TOKEN_ISSUER: Final = Sentence(
    "The token comes from an identity provider that is not trusted here.",
    ko="이 시스템에서 신뢰하지 않는 인증기관의 토큰입니다.",
)
TOKEN_MISSING_CLAIM: Final = Template(
    "The token lacks a claim that is needed here: {claims}.",
    ko="토큰에 필요한 항목(claim)이 없습니다: {claims}.",
)
TOKEN_INVALID_CLAIM: Final = Sentence(
    "A claim of the token is not of the form that is needed here.",
    ko="토큰의 항목(claim) 중 형식이 올바르지 않은 것이 있습니다.",
)
TOKEN_SUBJECT: Final = Sentence(
    "The claim `sub` can be taken for another one: it is not normalized (NFC, NFKC), or mixes "
    "scripts that are not written together (UTS 39, highly restrictive).",
    ko=(
        "`sub` 항목이 다른 사람과 혼동될 수 있습니다. 정규화(NFC, NFKC)되지 않았거나 함께 쓰지 "
        "않는 문자 체계가 섞여 있습니다(UTS 39, highly restrictive)."
    ),
)
TOKEN_MINISTRY: Final = Sentence(
    "The ministry in the token is not the code of one: small letters, digits, _ and -, at most 40.",
    ko="토큰의 기관이 기관 코드가 아닙니다. 코드는 소문자, 숫자, _, -로 40자 이내입니다.",
)
STATUS: Final = Template(
    "Status {status}.",
    ko="상태 코드 {status}.",
)
NO_EVENT: Final = Sentence(
    "There is no event of this id.",
    ko="이 식별자를 가진 이벤트가 없습니다.",
)
TOO_SLOW: Final = Template(
    "The body paused for more than {seconds} seconds, or came too slowly on the whole.",
    ko="본문 전송이 {seconds}초 넘게 멈추었거나 전체적으로 너무 느립니다.",
)
TURN_LATE: Final = Sentence(
    "Too many calls wait for the database. Nothing was changed.",
    ko="데이터베이스를 기다리는 요청이 너무 많습니다. 변경된 내용은 없습니다.",
)
CALLS_OF_ALL: Final = Template(
    "{most} calls are being answered at once: more are not taken just now.",
    ko="동시에 처리할 수 있는 요청({most}건)이 모두 찼습니다. 잠시 뒤 다시 시도하십시오.",
)
CALLS_OF_ONE: Final = Template(
    "You have {most} calls open at once: wait until one of them has ended.",
    ko="동시에 보낼 수 있는 요청은 {most}건까지입니다. 진행 중인 요청이 끝난 뒤 다시 시도하십시오.",
)
STREAMS_OF_ALL: Final = Template(
    "{most} streams are open at once: more are not opened just now.",
    ko="동시에 열 수 있는 스트림({most}개)이 모두 찼습니다. 잠시 뒤 다시 시도하십시오.",
)
STREAMS_OF_ONE: Final = Template(
    "You have {most} streams or long polls open at once: close one of them first.",
    ko="동시에 열 수 있는 스트림과 대기 요청은 {most}개까지입니다. 그중 하나를 닫은 뒤 다시 시도하십시오.",
)
BODY_VALUES: Final = Template(
    "The body may have {most} values.",
    ko="본문에는 값을 {most}개까지 담을 수 있습니다.",
)
BODY_MEMBERS: Final = Template(
    "An object of the body may have {most} members, and a list so many items.",
    ko="본문의 객체와 목록에는 항목을 {most}개까지 담을 수 있습니다.",
)
BODY_DEPTH: Final = Template(
    "Objects and lists of the body may stand {most} levels deep.",
    ko="본문의 객체와 목록은 {most}단계까지 겹쳐 쓸 수 있습니다.",
)
SEND_LESS: Final = Sentence(
    "Send less in one body.",
    ko="본문을 나누거나 줄여서 보내십시오.",
)
