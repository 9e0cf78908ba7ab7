"""What the requests service says to callers, in Korean and English."""

from typing import Final

from shared.contracts.wording import Sentence, Template

DECISION_FAULTY: Final = Sentence(
    "The decision cannot be taken like this.",
    ko="이와 같이 결정할 수 없습니다.",
)
DATASET_NOT_ASKED: Final = Sentence(
    "The request does not ask for this dataset.",
    ko="이 요청에 포함되지 않은 데이터셋입니다.",
)
METHOD_WITHDRAWN: Final = Sentence(
    "The method was withdrawn: the request has to be returned or withdrawn.",
    ko="분석 방법이 철회되었습니다. 요청을 반려하거나 철회하여야 합니다.",
)
DATASET_WITHDRAWN: Final = Sentence(
    "The dataset was withdrawn: the request has to be returned or withdrawn.",
    ko="데이터셋이 철회되었습니다. 요청을 반려하거나 철회하여야 합니다.",
)
NO_MEMBER: Final = Sentence(
    "No member has this code.",
    ko="이 코드의 회원 기관이 없습니다.",
)
NO_METHOD: Final = Sentence(
    "No method of this name is live.",
    ko="이 이름으로 운영 중인 분석 방법이 없습니다.",
)
CHAMPION_WITHDRAWN: Final = Sentence(
    "This model was withdrawn.",
    ko="철회된 모형입니다.",
)
NO_CHAMPION: Final = Sentence(
    "No released model that your ministry may use has this id.",
    ko="소속 기관이 이용할 수 있는 공개 모형 중 이 식별자를 가진 것이 없습니다.",
)
CHAMPION_OTHER_METHOD: Final = Sentence(
    "Another method trained this model.",
    ko="다른 분석 방법으로 학습한 모형입니다.",
)
ASKED_ALREADY: Final = Template(
    "You have {count} open requests that ask for exactly this, the last of {at} UTC; at most {most} may be open at a time. "
    "Wait for one of them, or withdraw it.",
    ko="같은 내용의 요청 {count}건이 이미 처리 중입니다(마지막 제출: {at} UTC). 같은 내용으로는 {most}건까지 둘 수 있습니다. "
    "처리가 끝나기를 기다리거나 철회하십시오.",
)
ASKED_THE_SAME: Final = Sentence(
    "An open request of yours asks for exactly the same.",
    ko="처리 중인 본인의 요청과 내용이 같습니다.",
)
TOO_MANY_OPEN: Final = Template(
    "You have {count} open requests; at most {most} of one person may be open. Withdraw some, or wait.",
    ko="처리 중인 요청이 {count}건입니다. 한 사람이 동시에 둘 수 있는 요청은 {most}건까지입니다. 일부를 철회하거나 기다리십시오.",
)
NO_REQUEST: Final = Sentence(
    "There is no request of this id that you may see.",
    ko="이 식별자로 조회할 수 있는 요청이 없습니다.",
)
MODEL_WITHDRAWN: Final = Sentence(
    "The model was withdrawn: the request has to be returned or withdrawn.",
    ko="모형이 철회되었습니다. 요청을 반려하거나 철회하여야 합니다.",
)
UNKNOWN_INPUT: Final = Template(
    "The method has no such input; it has {known}.",
    ko="분석 방법에 이 입력이 없습니다. 사용할 수 있는 입력: {known}",
)
INPUT_MISSING: Final = Template(
    "The method needs a dataset for its input {name}.",
    ko="분석 방법의 {name} 입력에 데이터셋을 지정하여야 합니다.",
)
NO_LINKAGE_KEY: Final = Template(
    "No column of this input links it as a key of {domain}.",
    ko="이 입력에는 {domain} 영역의 키로 연계할 열이 없습니다.",
)
OWNER_WITHDREW: Final = Sentence(
    "This dataset was withdrawn by its owner.",
    ko="데이터 보유 기관이 철회한 데이터셋입니다.",
)
NO_DATASET: Final = Sentence(
    "There is no dataset with this id in the catalog.",
    ko="카탈로그에 이 식별자의 데이터셋이 없습니다.",
)
COLUMN_REQUIRED: Final = Sentence(
    "The method needs this column; it cannot be left out.",
    ko="분석 방법에 꼭 필요한 열이므로 제외할 수 없습니다.",
)
GROUND_MISSING: Final = Template(
    "A refusal names its ground, one of: {codes}.",
    ko="거부할 때에는 다음 중 하나의 사유를 적어야 합니다: {codes}.",
)
REFUSAL_COLUMNS: Final = Sentence(
    "A refusal lets no column leave: do not name any.",
    ko="거부하면 어떤 열도 제공되지 않으므로 열을 적지 마십시오.",
)
REFUSAL_CONDITIONS: Final = Sentence(
    "A refusal has no conditions: return the request instead.",
    ko="거부에는 조건을 붙일 수 없습니다. 조건이 있으면 요청을 반려하십시오.",
)
APPROVAL_GROUND: Final = Sentence(
    "Only a refusal names a ground.",
    ko="사유 코드는 거부할 때만 적습니다.",
)
GROUND_UNKNOWN: Final = Template(
    "There is no such ground of refusal; there are: {codes}.",
    ko="해당하는 거부 사유가 없습니다. 사용할 수 있는 사유: {codes}.",
)
COLUMN_NOT_ASKED: Final = Sentence(
    "This column is not asked for.",
    ko="요청에 포함되지 않은 열입니다.",
)
PARAMETERS_TOO_LARGE: Final = Template(
    "All parameters together may have {limit} bytes.",
    ko="매개변수는 모두 합하여 {limit}바이트까지 적을 수 있습니다.",
)
CARD_UNUSABLE: Final = Sentence(
    "The method's card refers to a schema that it does not hold.",
    ko="분석 방법 명세가 그 안에 없는 스키마를 참조합니다.",
)
PARAMETER_MISSING: Final = Sentence(
    "The method needs this parameter.",
    ko="분석 방법에 이 매개변수가 필요합니다.",
)
REQUEST_MOVE: Final = Template(
    "The request is {status}; it cannot become {to}.",
    ko="요청의 현재 상태({status})에서는 {to} 상태로 바꿀 수 없습니다.",
)
OWN_REQUEST: Final = Sentence(
    "Nobody decides on their own request.",
    ko="본인의 요청은 스스로 결정할 수 없습니다.",
)
ASKERS_REQUESTER: Final = Sentence(
    "Only a requester of the ministry that asked may do this.",
    ko="요청한 기관의 요청 담당자만 할 수 있습니다.",
)
OWNERS_STEWARD: Final = Sentence(
    "Only a steward of the ministry that owns the dataset decides on it.",
    ko="데이터셋을 보유한 기관의 데이터 책임자만 결정할 수 있습니다.",
)
COUNCIL_VOTES: Final = Sentence(
    "Only members of the council vote.",
    ko="협의회 위원만 표결할 수 있습니다.",
)
RECUSED: Final = Sentence(
    "You are recused: your ministry has a part in this request, as requester or as owner of a dataset.",
    ko="소속 기관이 요청기관 또는 데이터 보유 기관으로 이 요청과 관련되어 있어 제척됩니다.",
)
DECIDERS_RETURN: Final = Sentence(
    "Only those who decide on the request may return it.",
    ko="이 요청을 결정하는 사람만 반려할 수 있습니다.",
)
REQUEST_NOT_OPEN: Final = Template(
    "The request is {status}; this is possible only while it is {wanted}.",
    ko="요청의 현재 상태는 {status}입니다. 상태가 {wanted}일 때만 할 수 있습니다.",
)
DATASET_DECIDED: Final = Sentence(
    "This dataset has been decided on already; an approval is taken back by a revocation.",
    ko="이 데이터셋은 이미 결정되었습니다. 승인은 승인 취소로만 되돌릴 수 있습니다.",
)
RESULT_RELEASED: Final = Sentence(
    "A result has been released: an output checker or the council's secretary may recall it.",
    ko="결과가 이미 공개되었습니다. 결과 점검자나 협의회 간사가 회수할 수 있습니다.",
)
NO_APPROVAL: Final = Sentence(
    "There is no approval of this dataset to take back.",
    ko="취소할 승인이 이 데이터셋에 없습니다.",
)
NOTHING_WAITS: Final = Sentence(
    "No dataset of your ministry waits for a decision.",
    ko="소속 기관의 데이터셋 중 결정을 기다리는 것이 없습니다.",
)
NOTHING_APPROVED: Final = Sentence(
    "Your ministry has approved no dataset for this request.",
    ko="소속 기관이 이 요청에 승인한 데이터셋이 없습니다.",
)
PART_ALREADY: Final = Template(
    "You have a part in this request already, as {part} {ministry}: one person has one part.",
    ko=("이 요청에 이미 다른 역할로 참여하셨습니다({part} {ministry}). 한 사람은 하나의 역할만 맡을 수 있습니다."),
)
VOTED: Final = Sentence(
    "You have voted already; a vote is not taken back.",
    ko="이미 표결하셨습니다. 표결은 철회할 수 없습니다.",
)
MINISTRY_VOTED: Final = Sentence(
    "Your ministry has voted already: one vote for each ministry.",
    ko="소속 기관이 이미 표결하였습니다. 기관마다 한 표입니다.",
)
TOO_DEEP: Final = Template(
    "it is nested deeper than {deepest} levels",
    ko="중첩이 {deepest}단계를 넘습니다",
)
HALF_CHARACTER: Final = Sentence(
    "a text holds half a Unicode character",
    ko="글에 온전하지 않은 유니코드 문자가 들어 있습니다",
)
PARAMETER_TYPE: Final = Template(
    "It must be of type {wanted}.",
    ko="유형이 {wanted}이어야 합니다.",
)
PARAMETER_ENUM: Final = Template(
    "It must be one of {wanted}.",
    ko="다음 중 하나여야 합니다: {wanted}.",
)
PARAMETER_CONST: Final = Template(
    "It must be {wanted}.",
    ko="값이 {wanted}이어야 합니다.",
)
PARAMETER_MINIMUM: Final = Template(
    "It must be at least {wanted}.",
    ko="{wanted} 이상이어야 합니다.",
)
PARAMETER_MORE_THAN: Final = Template(
    "It must be more than {wanted}.",
    ko="{wanted}보다 커야 합니다.",
)
PARAMETER_MAXIMUM: Final = Template(
    "It must be at most {wanted}.",
    ko="{wanted} 이하여야 합니다.",
)
PARAMETER_LESS_THAN: Final = Template(
    "It must be less than {wanted}.",
    ko="{wanted}보다 작아야 합니다.",
)
PARAMETER_MULTIPLE_OF: Final = Template(
    "It must be a multiple of {wanted}.",
    ko="{wanted}의 배수여야 합니다.",
)
PARAMETER_MIN_LENGTH: Final = Template(
    "It must have at least {wanted} characters.",
    ko="{wanted}자 이상이어야 합니다.",
)
PARAMETER_MAX_LENGTH: Final = Template(
    "It must have at most {wanted} characters.",
    ko="{wanted}자 이하여야 합니다.",
)
PARAMETER_MIN_ITEMS: Final = Template(
    "It must have at least {wanted} items.",
    ko="{wanted}개 이상이어야 합니다.",
)
PARAMETER_MAX_ITEMS: Final = Template(
    "It must have at most {wanted} items.",
    ko="{wanted}개 이하여야 합니다.",
)
PARAMETER_PATTERN: Final = Template(
    "It must match the pattern {wanted}.",
    ko="{wanted} 형식에 맞아야 합니다.",
)
PARAMETER_OTHER: Final = Template(
    "It does not meet `{rule}` of the method's card.",
    ko="분석 방법 명세의 `{rule}` 조건에 맞지 않습니다.",
)
PARAMETER_UNKNOWN: Final = Template(
    "The method has no such parameter; it has {known}.",
    ko="분석 방법에 이런 매개변수가 없습니다. 사용할 수 있는 매개변수: {known}.",
)
NONE: Final = Sentence(
    "none",
    ko="없음",
)
COLUMN_NOT_THERE: Final = Template(
    "The dataset has no column {name}; it has {known}.",
    ko="데이터셋에 {name} 열이 없습니다. 데이터셋의 열: {known}.",
)
CARD_COLUMN_UNKNOWN: Final = Template(
    "The method's input {role} has no such column.",
    ko="분석 방법의 {role} 입력에 이런 열이 없습니다.",
)
COLUMN_NAME_TWICE: Final = Sentence(
    "Another column of this input has this name; case does not count.",
    ko="이 입력에 같은 이름의 열이 이미 있습니다(대소문자는 구분하지 않습니다).",
)
RAW_KEY: Final = Template(
    "{name} is a key: keys link the inputs and never reach a method.",
    ko=("{name}은(는) 키 열입니다. 키는 입력을 연계하는 데에만 쓰이고 분석 방법에 제공되지 않습니다."),
)
FURTHER_TYPES: Final = Template(
    "Further columns of this input are of type {types}; {name} is {type}.",
    ko="이 입력에 추가하는 열의 유형은 {types}이어야 하나 {name}의 유형은 {type}입니다.",
)
OTHER_KEY_DOMAIN: Final = Template(
    "The method wants a key of {domain}; {name} is not one.",
    ko="분석 방법에는 {domain} 영역의 키가 필요하나 {name}은(는) 그러한 키가 아닙니다.",
)
OTHER_TYPE: Final = Template(
    "The method wants {wanted}; {name} is {type}.",
    ko="분석 방법에는 {wanted} 유형이 필요하나 {name}의 유형은 {type}입니다.",
)
OTHER_UNIT: Final = Template(
    "The method wants {wanted}; {name} is in {unit}.",
    ko="분석 방법에는 {wanted} 단위가 필요하나 {name}의 단위는 {unit}입니다.",
)
KEYS_AMBIGUOUS: Final = Template(
    "Several columns would link this input: {names}. Leave all but one out.",
    ko="이 입력을 연계할 열이 여러 개입니다: {names}. 하나만 남기고 제외하십시오.",
)
PURPOSES: Final = Template(
    "The dataset's allowed purposes are: {allowed}.",
    ko="데이터셋에 허용된 활용 목적은 다음과 같습니다: {allowed}.",
)
NO_UNIT: Final = Sentence(
    "no unit",
    ko="없음",
)
COLUMNS_NEEDED: Final = Template(
    "The method cannot run without {columns}: let them leave, or refuse or return the request.",
    ko=("{columns} 열이 없으면 분석 방법을 실행할 수 없습니다. 해당 열을 제공하거나, 요청을 거부 또는 반려하십시오."),
)
DATASET_CHANGED: Final = Sentence(
    "The dataset has changed since it was asked for: return the request for correction.",
    ko="요청 이후에 데이터셋이 변경되었습니다. 보완을 위해 요청을 반려하십시오.",
)
NO_SEALING_KEY: Final = Template(
    "The method makes a restricted list, and {ministry} has no valid key to seal it to. A "
    "steward of {ministry} has to register one: POST /catalog/ministries/{ministry}/keys.",
    ko=(
        "이 분석 방법은 제한 목록을 만드나 {ministry}에 목록을 봉인할 유효한 키가 없습니다. "
        "{ministry}의 데이터 책임자가 키를 등록하여야 합니다: POST "
        "/catalog/ministries/{ministry}/keys."
    ),
)
MISFIT: Final = Template(
    "The request does not fit the method, the catalog or the members: {places}.",
    ko="요청이 분석 방법, 카탈로그 또는 회원 기관과 맞지 않습니다: {places}.",
)
VERSION_WITHDRAWN: Final = Template(
    "This version was withdrawn; live: {others}.",
    ko="철회된 버전입니다. 운영 중인 버전: {others}.",
)
VERSION_UNKNOWN: Final = Template(
    "No such version is live; live: {others}.",
    ko="운영 중인 버전이 아닙니다. 운영 중인 버전: {others}.",
)
NO_QUORUM: Final = Template(
    "The council needs {quorum} votes of members without a part in the request, and fewer are "
    "left: {barred} ask for it or own its data. Ask for fewer owners' data at once.",
    ko=(
        "협의회 의결에는 요청과 관련 없는 회원 기관 {quorum}곳의 표가 필요하나 그보다 적게 "
        "남습니다. 요청 기관 또는 데이터 보유 기관: {barred}. 한 번에 요청하는 보유 기관의 수를 "
        "줄이십시오."
    ),
)
PART_REQUESTER: Final = Sentence(
    "a requester of",
    ko="요청 담당자:",
)
PART_OWNER: Final = Sentence(
    "who decided for",
    ko="데이터 보유 기관의 결정자:",
)
PART_COUNCIL: Final = Sentence(
    "the council's member of",
    ko="협의회 위원:",
)
NAMED_NOT_THERE: Final = Template(
    "The input {role} of this request has no column of this name; it has {names}.",
    ko="이 요청의 입력 {role}에 이 이름의 열이 없습니다. 있는 열은 {names}입니다.",
)
NAMED_OTHER_TYPE: Final = Template(
    "The method takes a column of type {types} here; this one is {found}.",
    ko="여기에는 자료형이 {types}인 열을 적어야 하는데, 이 열의 자료형은 {found}입니다.",
)
COLUMNS_NAMED: Final = Template(
    "These parameters of the request name columns that would be kept back: {parameters}. "
    "Let these columns leave, or refuse or return the request.",
    ko="요청의 다음 매개변수가 제공하지 않으려는 열을 가리킵니다: {parameters}. "
    "해당 열을 제공하거나, 요청을 거부 또는 반려하십시오.",
)
