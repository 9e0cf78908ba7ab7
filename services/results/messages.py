"""What the results service says to callers, in Korean and English."""

from typing import Final

from shared.contracts.wording import Sentence, Template

NO_LIST: Final = Sentence(
    "The result has no such restricted list.",
    ko="이 결과에는 해당 제한 목록이 없습니다.",
)
MOST_SUBSCRIPTIONS: Final = Template(
    "Your ministry has {most} subscriptions already: end one that is not needed.",
    ko="소속 기관의 구독이 이미 {most}건입니다. 필요 없는 구독을 해지하십시오.",
)
NO_DELIVERY: Final = Sentence(
    "There is no such delivery.",
    ko="해당 전송 내역이 없습니다.",
)
SUBSCRIPTION_DISABLED: Final = Sentence(
    "The subscription is disabled: rotate its secret to enable it.",
    ko="구독이 중지되어 있습니다. 다시 사용하려면 비밀키를 교체하십시오.",
)
OVERTAKEN: Final = Sentence(
    "A later event of this result was sent, or is on its way, to this system: send the latest again.",
    ko="이 결과에 관한 이후의 알림이 이미 전송되었거나 전송 중입니다. 가장 최근의 알림을 다시 전송하십시오.",
)
WITHDRAWAL_WAITS: Final = Sentence(
    "A withdrawal waits to be handled, so nothing is released. Your vote was not counted: vote again later.",
    ko=("처리 대기 중인 철회가 있어 지금은 공개할 수 없습니다. 표결은 반영되지 않았으니 나중에 다시 표결하십시오."),
)
NO_WEBHOOKS: Final = Sentence(
    "No key is set to keep webhook secrets under, so there are no webhooks here.",
    ko="웹훅 비밀키를 보호할 키가 설정되지 않아 웹훅을 사용할 수 없습니다.",
)
BEFORE_RELEASE: Final = Template(
    "The result is {status}; before release only output checkers read it.",
    ko="결과의 현재 상태는 {status}입니다. 공개 전에는 결과 점검자만 볼 수 있습니다.",
)
RESULT_MOVE: Final = Template(
    "The result is {status}, so it cannot become {to}.",
    ko="결과의 현재 상태({status})에서는 {to} 상태로 바꿀 수 없습니다.",
)
NO_RESULT: Final = Sentence(
    "There is no such result that you may see.",
    ko="조회할 수 있는 결과 중 해당하는 것이 없습니다.",
)
RECALLED: Final = Template(
    "The result was recalled: {reason}",
    ko="회수된 결과입니다. 사유: {reason}",
)
RECORD_ONLY: Final = Sentence(
    "You see the record of this result, not its data.",
    ko="이 결과는 처리 기록만 볼 수 있고 내용은 볼 수 없습니다.",
)
ASKERS_LIST: Final = Sentence(
    "Only the ministry that asked may read a restricted list.",
    ko="제한 목록은 요청한 기관만 볼 수 있습니다.",
)
LIST_AFTER_RELEASE: Final = Template(
    "The result is {status}; a restricted list is read after release.",
    ko="결과의 현재 상태는 {status}입니다. 제한 목록은 공개된 뒤에 볼 수 있습니다.",
)
OWN_RESULT: Final = Sentence(
    "Nobody checks the result of their own request.",
    ko="본인이 요청한 결과는 검토할 수 없습니다.",
)
OWN_BODYS_RESULT: Final = Sentence(
    "No ministry checks the result of its own request: two others do.",
    ko="소속 기관이 요청한 결과는 검토할 수 없습니다. 다른 두 기관이 검토합니다.",
)
OWN_ALARM: Final = Sentence(
    "Nobody answers an alarm of their own request.",
    ko="본인이 요청한 결과의 경보에는 답변할 수 없습니다.",
)
NO_ALARM: Final = Sentence(
    "The result has no alarm of this number.",
    ko="이 결과에 해당 번호의 경보가 없습니다.",
)
ALARM_ANSWERED: Final = Sentence(
    "This alarm was answered; an answer stands.",
    ko="이미 답변한 경보입니다. 답변은 변경할 수 없습니다.",
)
ALARM_NOT_OPEN: Final = Template(
    "The result is {status}; an alarm is answered while the result is held.",
    ko=("결과의 현재 상태는 {status}입니다. 경보에는 공개 심사 중(held)인 결과에만 답변할 수 있습니다."),
)
VOTED: Final = Sentence(
    "You have voted on this result; a vote stands.",
    ko="이 결과에 이미 표결하셨습니다. 표결은 변경할 수 없습니다.",
)
SAME_BODY_VOTED: Final = Template(
    "Somebody of {ministry} has voted already: the second checker is of another body.",
    ko="{ministry} 소속 검토자가 이미 표결하였습니다. 두 번째 검토자는 다른 기관 소속이어야 합니다.",
)
RESULT_NOT_OPEN: Final = Template(
    "The result is {status}; only a held result is voted on.",
    ko="결과의 현재 상태는 {status}입니다. 공개 심사 중(held)인 결과만 표결할 수 있습니다.",
)
NO_SUBSCRIPTION: Final = Sentence(
    "Your ministry has no such subscription.",
    ko="소속 기관에 해당 구독이 없습니다.",
)
NOTHING_OF_NAME: Final = Sentence(
    "The result shows nothing of this name.",
    ko="이 결과에는 이 이름의 항목이 없습니다.",
)
INVOLVED_CHECKER: Final = Sentence(
    "You decided or voted on the request, and nobody who did checks the result: one person has one part.",
    ko=("이 요청에 결정 또는 표결로 참여하셨으므로 결과를 점검할 수 없습니다. 한 사람은 하나의 역할만 맡을 수 있습니다."),
)
INVOLVED_ANSWERER: Final = Sentence(
    "You decided or voted on the request, and nobody who did answers its alarms: one person has one part.",
    ko=("이 요청에 결정 또는 표결로 참여하셨으므로 경보에 답변할 수 없습니다. 한 사람은 하나의 역할만 맡을 수 있습니다."),
)
ANSWERED_ALARM: Final = Template(
    "You answered an alarm of it as {role} of {ministry}: one person has one part.",
    ko=("이 결과의 경보에 {ministry}의 {role}(으)로 답변하셨습니다. 한 사람은 하나의 역할만 맡을 수 있습니다."),
)
ALARM_FIRST: Final = Template(
    "Alarm {number} ({alarm}) has to be answered before anybody votes: an output checker or an "
    "analyst of the centre says what it means, by POST "
    "/results/{result}/alarms/{number}/answers.",
    ko=(
        "표결하기 전에 경보 {number}번({alarm})에 답변하여야 합니다. 결과 점검자나 분석센터 "
        "담당자가 그 의미를 답변합니다: POST /results/{result}/alarms/{number}/answers."
    ),
)
URL_LETTERS: Final = Sentence(
    "The URL is too long or has letters that a URL cannot have.",
    ko="URL이 너무 길거나 URL에 쓸 수 없는 문자가 들어 있습니다.",
)
NOT_A_URL: Final = Sentence(
    "This is not a URL.",
    ko="URL이 아닙니다.",
)
HTTPS_ONLY: Final = Sentence(
    "Only https is called.",
    ko="https 주소만 사용할 수 있습니다.",
)
URL_PARTS: Final = Sentence(
    "The URL needs a host, and no user, password or fragment.",
    ko="URL에는 호스트가 있어야 하며 사용자, 비밀번호, 조각(#)은 없어야 합니다.",
)
NOT_PUBLIC: Final = Sentence(
    "The host has an address that is not public.",
    ko="호스트에 공개되지 않은 내부 주소가 있습니다.",
)
HOST_UNKNOWN: Final = Sentence(
    "The host cannot be looked up.",
    ko="호스트의 주소를 찾을 수 없습니다.",
)
ALARM_OF: Final = Template(
    "{code} of {feature}",
    ko="{feature}의 {code}",
)
