"""What the analysis service says to callers, in Korean and English."""

from typing import Final

from shared.contracts.wording import Sentence, Template

NO_BUNDLE_FILE: Final = Sentence(
    "The bundle has no such file.",
    ko="입력 묶음에 이 이름의 파일이 없습니다.",
)
NO_RUN: Final = Sentence(
    "There is no such run.",
    ko="해당 실행 건이 없습니다.",
)
NO_LOG: Final = Sentence(
    "No log of this run was kept: its worker was not told to send any, or it was deleted.",
    ko=("이 실행의 로그가 보관되어 있지 않습니다. 실행기가 로그를 보내도록 설정되지 않았거나 로그가 삭제되었습니다."),
)
MOST_FILES: Final = Template(
    "An attempt may hand in {most} files.",
    ko="한 번의 실행에서 제출할 수 있는 파일은 {most}개까지입니다.",
)
NO_GRANT: Final = Sentence(
    "There is no such grant.",
    ko="해당 이용 허가가 없습니다.",
)
OTHER_CARD: Final = Template(
    "{name}@{version} was uploaded with another card: announce a new version.",
    ko="{name}@{version}은(는) 다른 명세로 등록되어 있습니다. 새 버전으로 등록하십시오.",
)
NO_METHOD_VERSION: Final = Sentence(
    "There is no such method version.",
    ko="해당 분석 방법 버전이 없습니다.",
)
WITHDRAWAL_WAITS: Final = Sentence(
    "A withdrawal waits to be handled, so nothing is released. Your review was not counted: try again later.",
    ko=("처리 대기 중인 철회가 있어 지금은 공개할 수 없습니다. 검토 의견은 반영되지 않았으니 나중에 다시 시도하십시오."),
)
ALARMS_FIRST: Final = Sentence(
    "The run raised alarms: its model is released after its result, when a person has answered each.",
    ko=("실행 중 경보가 발생하였습니다. 모든 경보에 대한 답변과 결과 공개가 끝난 뒤에 모형을 공개할 수 있습니다."),
)
MODEL_CANNOT_BE_RELEASED: Final = Template(
    "The model cannot be released: {detail}",
    ko="모형을 공개할 수 없습니다. 사유: {detail}",
)
NO_MODEL: Final = Sentence(
    "There is no such model.",
    ko="해당 모형이 없습니다.",
)
METHOD_EXISTS: Final = Template(
    "{name}@{version} is a method already: upload a new version.",
    ko="{name}@{version}은(는) 이미 등록된 분석 방법입니다. 새 버전으로 올리십시오.",
)
FILE_UNLIKE_MANIFEST: Final = Sentence(
    "The file does not fit its manifest.",
    ko="파일이 명세(manifest)와 맞지 않습니다.",
)
NO_ONNX_METHOD: Final = Sentence(
    "There is no such ONNX method.",
    ko="해당 ONNX 분석 방법이 없습니다.",
)
OTHER_MANIFEST: Final = Template(
    "{label} was uploaded with another manifest or by somebody else: upload a new version.",
    ko="{label}은(는) 다른 명세로, 또는 다른 사람이 이미 올렸습니다. 새 버전으로 올리십시오.",
)
FILE_NOT_A_METHOD: Final = Sentence(
    "The file cannot be taken as a method.",
    ko="파일을 분석 방법으로 등록할 수 없습니다.",
)
LOG_DAMAGED: Final = Sentence(
    "The log is damaged or was deleted.",
    ko="로그가 손상되었거나 삭제되었습니다.",
)
ONNX_MEDIA_TYPE: Final = Template(
    "An ONNX file is sent as {media_type}.",
    ko="ONNX 파일은 {media_type} 형식으로 보내야 합니다.",
)
NO_ONNX_FILE: Final = Sentence(
    "The file of this ONNX method has not been handed in.",
    ko="이 ONNX 분석 방법의 파일이 아직 제출되지 않았습니다.",
)
RUN_TOKEN_MISSING: Final = Sentence(
    "This needs the run token that the claim gave: send it as `Authorization: Bearer <token>`.",
    ko=("실행을 배정받을 때 받은 실행 토큰이 필요합니다. `Authorization: Bearer <token>` 헤더로 보내십시오."),
)
OTHER_RUN_TOKEN: Final = Sentence(
    "This run token speaks for another run.",
    ko="다른 실행에 발급된 실행 토큰입니다.",
)
BUNDLE_DAMAGED: Final = Sentence(
    "A file of the bundle is damaged; the run was ended.",
    ko="입력 묶음의 파일이 손상되어 실행을 종료하였습니다.",
)
MODEL_FILE_NOT_TAKEN: Final = Sentence(
    "This model file is not taken.",
    ko="이 모형 파일은 받을 수 없습니다.",
)
WHOLE_CHARACTERS: Final = Template(
    "Whole Unicode characters, nested at most {deepest} levels.",
    ko="올바른 유니코드 문자로 적고, 중첩은 {deepest}단계까지만 하십시오.",
)
SCHEMA_UNKEEPABLE: Final = Sentence(
    "The schema of the parameters cannot be kept.",
    ko="매개변수의 스키마를 저장할 수 없습니다.",
)
CARD_TOO_LARGE: Final = Template(
    "The method card has {size:,} bytes; {limit:,} are accepted.",
    ko="분석 방법 명세의 크기는 {size:,}바이트이며, {limit:,}바이트까지 허용됩니다.",
)
CARD_CONTRADICTS: Final = Sentence(
    "The method card contradicts itself.",
    ko="분석 방법 명세의 내용이 서로 맞지 않습니다.",
)
TEXT_NOT_TAKEN: Final = Template(
    "The text cannot be taken: {wrong}.",
    ko="글을 받을 수 없습니다: {wrong}.",
)
PARAMETERS_OBJECT: Final = Sentence(
    'Parameters are an object: give `"type": "object"`.',
    ko='매개변수는 객체여야 합니다. `"type": "object"`를 적으십시오.',
)
INPUT_NAME_TWICE: Final = Sentence(
    "Another input has this name; case does not count.",
    ko="같은 이름의 입력이 이미 있습니다(대소문자는 구분하지 않습니다).",
)
BASE_REQUIRED: Final = Sentence(
    "The base is one of the required inputs.",
    ko="기준 입력은 필수 입력 중 하나여야 합니다.",
)
TWO_UNDERSCORES: Final = Sentence(
    "Two underscores divide input and column in the bundle: not in a name.",
    ko="밑줄 두 개는 입력과 열을 구분하는 데 쓰이므로 이름에 사용할 수 없습니다.",
)
COLUMN_NAME_TWICE: Final = Sentence(
    "Another column has this name; case does not count.",
    ko="같은 이름의 열이 이미 있습니다(대소문자는 구분하지 않습니다).",
)
ONE_KEY: Final = Template(
    "Each input has one required key of the domain {key_domain}.",
    ko="입력마다 영역이 {key_domain}인 필수 키 열이 하나씩 있어야 합니다.",
)
COLUMN_NAMED_BEFORE: Final = Sentence(
    "This column is named before.",
    ko="앞에서 이미 지정한 열입니다.",
)
OUTPUT_NAME_TWICE: Final = Sentence(
    "Another output of this kind has this name.",
    ko="같은 종류의 결과물에 이 이름이 이미 있습니다.",
)
NOT_JSON_SCHEMA: Final = Sentence(
    "This is not valid JSON Schema (2020-12).",
    ko="올바른 JSON Schema(2020-12)가 아닙니다.",
)
POINTS_OUTSIDE: Final = Template(
    "{name} may only point into the schema itself.",
    ko="{name}은(는) 스키마 안의 위치만 가리킬 수 있습니다.",
)
OTHER_JSON_SCHEMA: Final = Sentence(
    "Only JSON Schema 2020-12 is taken.",
    ko="JSON Schema 2020-12만 받습니다.",
)
NO_USE: Final = Template(
    "{name} has no use here.",
    ko="여기서는 {name}을(를) 사용하지 않습니다.",
)
KEY_DOMAIN: Final = Sentence(
    "A key, and only a key, names its key domain.",
    ko="키 영역은 키 열에만, 그리고 키 열에는 반드시 적어야 합니다.",
)
SIGN: Final = Sentence(
    "The sign is -1, 0 or 1.",
    ko="부호는 -1, 0, 1 중 하나여야 합니다.",
)
KEY_TYPES: Final = Template(
    "Its type is one of {types}.",
    ko="유형은 {types} 중 하나여야 합니다.",
)
GRANT_MOVE: Final = Template(
    "The grant is {state} and cannot become {to}.",
    ko="이용 허가의 현재 상태({state})에서는 {to} 상태로 바꿀 수 없습니다.",
)
LIMIT_BASIS: Final = Template(
    "At most {value:,}: {legal_basis}",
    ko="최대 {value:,}까지 가능합니다. 근거: {legal_basis}",
)
FEWER_ROWS: Final = Sentence(
    "A grant may have fewer rows than are asked for.",
    ko="신청한 행 수가 이용 허가의 한도를 초과합니다.",
)
NOT_RELEASED_MODEL: Final = Sentence(
    "It is not the id of a released model.",
    ko="공개된 모형의 식별자가 아닙니다.",
)
NO_RELEASED_MODEL: Final = Sentence(
    "There is no such released model.",
    ko="해당하는 공개 모형이 없습니다.",
)
MODEL_WITHDRAWN: Final = Sentence(
    "This model was withdrawn: nothing is scored with it any more.",
    ko="철회된 모형으로, 더 이상 점수를 산출할 수 없습니다.",
)
OBJECTORS: Final = Sentence(
    "Only stewards of the owners of the data that the model was trained on object.",
    ko="모형 학습에 사용된 데이터를 보유한 기관의 데이터 책임자만 이의를 제기할 수 있습니다.",
)
OWN_GRANT: Final = Sentence(
    "Nobody decides on what their own ministry asked for.",
    ko="소속 기관이 신청한 건은 스스로 결정할 수 없습니다.",
)
GRANT_NOT_OPEN: Final = Template(
    "The grant is {state}; only one that is asked for is decided on.",
    ko="이용 허가의 현재 상태는 {state}입니다. 신청 상태인 건만 결정할 수 있습니다.",
)
GRANT_DECIDED: Final = Sentence(
    "You decided on this grant already; a decision is not changed.",
    ko="이 이용 허가에 대하여 이미 결정하셨습니다. 결정은 변경할 수 없습니다.",
)
GRANT_SAME_BODY: Final = Template(
    "Somebody of {ministry} decided already: the second reviewer is of another body.",
    ko="{ministry} 소속 검토자가 이미 결정하였습니다. 두 번째 검토자는 다른 기관 소속이어야 합니다.",
)
OTHER_DIGEST: Final = Template(
    "{label} is registered with another card or digest: announce a new version.",
    ko="{label}은(는) 다른 명세 또는 다이제스트로 등록되어 있습니다. 새 버전으로 등록하십시오.",
)
OTHER_CLIENT: Final = Template(
    "{label} was announced by another client: a claim needs the client that was reviewed with it.",
    ko=("{label}은(는) 다른 클라이언트가 등록하였습니다. 검토받은 클라이언트로 실행을 배정받아야 합니다."),
)
VERSION_WITHDRAWN: Final = Template(
    "{label} was withdrawn: announce a new version.",
    ko="{label}은(는) 철회되었습니다. 새 버전으로 등록하십시오.",
)
OWN_METHOD: Final = Sentence(
    "Nobody reviews what they announced or uploaded themselves.",
    ko="본인이 등록하거나 올린 분석 방법은 검토할 수 없습니다.",
)
OWN_BODYS_METHOD: Final = Sentence(
    "No ministry reviews the method that it announced or uploaded: two others do.",
    ko="소속 기관이 등록하거나 올린 분석 방법은 검토할 수 없습니다. 다른 두 기관이 검토합니다.",
)
METHOD_NOT_OPEN: Final = Template(
    "{label} is {state}; only a registered version is reviewed.",
    ko="{label}의 현재 상태는 {state}입니다. 등록 상태인 버전만 검토할 수 있습니다.",
)
VERSION_REVIEWED: Final = Sentence(
    "You reviewed this version already; a review is not changed.",
    ko="이 버전을 이미 검토하셨습니다. 검토 의견은 변경할 수 없습니다.",
)
VERSION_SAME_BODY: Final = Template(
    "Somebody of {ministry} reviewed this version already: the second reviewer is of another body.",
    ko=("{ministry} 소속 검토자가 이 버전을 이미 검토하였습니다. 두 번째 검토자는 다른 기관 소속이어야 합니다."),
)
VERSION_REJECTED: Final = Sentence(
    "This version was rejected and cannot go live: announce a corrected one under a new version.",
    ko="부결된 버전은 운영할 수 없습니다. 수정하여 새 버전으로 등록하십시오.",
)
OWN_MODEL: Final = Sentence(
    "Nobody reviews a model of their own method or request.",
    ko="본인의 분석 방법이나 요청에서 나온 모형은 검토할 수 없습니다.",
)
OWN_BODYS_MODEL: Final = Sentence(
    "No ministry reviews the model that it asked for: two others do.",
    ko="소속 기관이 요청한 모형은 검토할 수 없습니다. 다른 두 기관이 검토합니다.",
)
MODEL_NOT_OPEN: Final = Template(
    "The model is {state}; only a registered one is reviewed.",
    ko="모형의 현재 상태는 {state}입니다. 등록 상태인 모형만 검토할 수 있습니다.",
)
MODEL_REVIEWED: Final = Sentence(
    "You reviewed this model already; a review is not changed.",
    ko="이 모형을 이미 검토하셨습니다. 검토 의견은 변경할 수 없습니다.",
)
MODEL_SAME_BODY: Final = Template(
    "Somebody of {ministry} reviewed this model already: the second reviewer is of another body.",
    ko=("{ministry} 소속 검토자가 이 모형을 이미 검토하였습니다. 두 번째 검토자는 다른 기관 소속이어야 합니다."),
)
MODEL_REJECTED: Final = Sentence(
    "This model was rejected and is never released: train another one in a new round.",
    ko="부결된 모형은 공개할 수 없습니다. 다음 회차에 새로 학습하십시오.",
)
ROLE_NEEDED: Final = Template(
    "This needs the role {right}.",
    ko="필요한 역할: {right}",
)
MANIFEST_UNLIKE_RUN: Final = Sentence(
    "The manifest in the file does not fit the run.",
    ko="파일 안의 명세가 실행 내용과 맞지 않습니다.",
)
MANIFEST_OTHER_METHOD: Final = Sentence(
    "The manifest names another method than the run's.",
    ko="명세의 분석 방법이 실행의 분석 방법과 다릅니다.",
)
MANIFEST_OTHER_RUN: Final = Sentence(
    "The manifest names another run.",
    ko="명세의 실행 식별자가 이 실행과 다릅니다.",
)
RUN_MOVE: Final = Template(
    "The run is {status} and cannot become {to}.",
    ko="실행의 현재 상태({status})에서는 {to} 상태로 바꿀 수 없습니다.",
)
METHOD_MOVE: Final = Template(
    "The method version is {state} and cannot become {to}.",
    ko="분석 방법 버전의 현재 상태({state})에서는 {to} 상태로 바꿀 수 없습니다.",
)
MODEL_MOVE: Final = Template(
    "The model is {state} and cannot become {to}.",
    ko="모형의 현재 상태({state})에서는 {to} 상태로 바꿀 수 없습니다.",
)
OUTPUT_MEDIA_TYPE: Final = Template(
    "A {kind} is sent as {media_type}.",
    ko="{kind} 결과물은 {media_type} 형식으로 보내야 합니다.",
)
OUTPUT_NOT_ON_CARD: Final = Sentence(
    "The method card names no such output.",
    ko="분석 방법 명세에 이 이름의 결과물이 없습니다.",
)
OUTPUT_UNREVIEWED: Final = Sentence(
    "This output is not on the method card that was reviewed.",
    ko="검토받은 분석 방법 명세에 없는 결과물입니다.",
)
CANNOT_END: Final = Sentence(
    "The run cannot end like this.",
    ko="실행을 이와 같이 끝낼 수 없습니다.",
)
FAILED_WITHOUT_REASON: Final = Sentence(
    "A failed run gives its reason.",
    ko="실패한 실행에는 사유를 적어야 합니다.",
)
WORKER_REASONS: Final = Template(
    "A worker's reason is one of {codes}.",
    ko="실행기의 사유는 {codes} 중 하나여야 합니다.",
)
SUCCEEDED_WITHOUT_OUTPUTS: Final = Sentence(
    "A run that succeeded names its outputs.",
    ko="성공한 실행에는 결과물을 적어야 합니다.",
)
OUTPUT_ONCE: Final = Sentence(
    "Each output is named once.",
    ko="결과물은 한 번씩만 적어야 합니다.",
)
OUTPUT_NOT_UPLOADED: Final = Sentence(
    "This attempt has not uploaded it.",
    ko="이번 실행에서 제출하지 않은 결과물입니다.",
)
OTHER_BYTES: Final = Sentence(
    "Other bytes were uploaded under this name.",
    ko="이 이름으로 제출된 파일의 내용이 다릅니다.",
)
RUN_ENDED: Final = Template(
    "The run has ended already: it {ended}.",
    ko="이미 종료된 실행입니다(종료 상태: {ended}).",
)
QUOTAS_AT_CENTRE: Final = Sentence(
    "Quotas are shown at the centre.",
    ko="할당량은 분석센터에서만 볼 수 있습니다.",
)
NOT_UPLOADER: Final = Sentence(
    "Only who uploaded the manifest hands in its file.",
    ko="명세를 올린 사람만 그 파일을 제출할 수 있습니다.",
)
ANNOUNCED_WITH_FILE: Final = Template(
    "{label} was announced with its file: another file is a new version.",
    ko="{label}은(는) 파일과 함께 이미 등록되었습니다. 다른 파일은 새 버전으로 올리십시오.",
)
CLAIM_LOST: Final = Sentence(
    "This claim no longer holds: the run was given to another worker, or has ended.",
    ko="이 배정은 더 이상 유효하지 않습니다. 실행이 다른 실행기에 배정되었거나 종료되었습니다.",
)
CLAIM_TAKEN: Final = Sentence(
    "This claim no longer holds: the run was given to another worker.",
    ko="이 배정은 더 이상 유효하지 않습니다. 실행이 다른 실행기에 배정되었습니다.",
)
JSON_TOO_LARGE: Final = Template(
    "The JSON may have {limit} bytes: send a larger batch as binary.",
    ko="JSON은 {limit}바이트까지 보낼 수 있습니다. 더 큰 묶음은 이진 형식으로 보내십시오.",
)
JSON_LENGTH: Final = Sentence(
    "It is the length of the JSON at the beginning.",
    ko="본문 앞부분에 있는 JSON의 길이를 적으십시오.",
)
HEADER_LENGTH: Final = Sentence(
    "Inference-Header-Content-Length is not a length within the body.",
    ko="Inference-Header-Content-Length가 본문의 길이를 벗어납니다.",
)
BYTES_LEFT: Final = Template(
    "{count} bytes follow that belong to no tensor.",
    ko="어느 텐서에도 속하지 않는 {count}바이트가 남습니다.",
)
NO_NAN: Final = Sentence(
    "Check the syntax; neither NaN nor Infinity is JSON.",
    ko="문법을 확인하십시오. NaN과 Infinity는 JSON이 아닙니다.",
)
NOT_JSON_UTF8: Final = Sentence(
    "The body is not well-formed JSON in UTF-8.",
    ko="본문이 UTF-8로 된 올바른 형식의 JSON이 아닙니다.",
)
SIZES_DIFFER: Final = Sentence(
    "The sizes of the binary tensors do not add up to the body.",
    ko="이진 텐서의 크기를 합한 값이 본문의 크기와 다릅니다.",
)
BODY_COMPRESSED: Final = Sentence(
    "The body is compressed: send it as it is.",
    ko="본문이 압축되어 있습니다. 압축하지 말고 그대로 보내십시오.",
)
TOO_MANY_BATCHES: Final = Sentence(
    "Too many large batches are being scored; try again, or send smaller ones.",
    ko="처리 중인 대량 요청이 너무 많습니다. 잠시 뒤 다시 시도하거나 더 작게 나누어 보내십시오.",
)
BODY_TOO_SLOW: Final = Template(
    "The body did not come within {seconds:g} seconds.",
    ko="{seconds:g}초 안에 본문이 도착하지 않았습니다.",
)
ROWS_PER_DAY: Final = Sentence(
    "This call would exceed the rows that the grant allows in a day.",
    ko="이 호출은 이용 허가의 하루 행 수 한도를 초과합니다.",
)
NO_VALID_GRANT: Final = Template(
    "{ministry} has no valid grant for this client on {label}: ask for one with POST /analysis/grants.",
    ko=(
        "{ministry}에는 이 클라이언트로 {label}을(를) 이용할 수 있는 유효한 허가가 없습니다. POST "
        "/analysis/grants로 신청하십시오."
    ),
)
MODEL_REFUSED: Final = Sentence(
    "The model cannot be applied to these values.",
    ko="모형을 이 값에 적용할 수 없습니다.",
)
NOT_FINITE: Final = Template(
    "The model gives no finite number in its output {name} for at least one of these rows.",
    ko="이 행 가운데 하나 이상에 대하여 모형의 출력 {name}이(가) 유한한 숫자가 아닙니다.",
)
MODEL_FILE_DAMAGED: Final = Sentence(
    "The model's file is missing or damaged; the operators must look.",
    ko="모형 파일이 없거나 손상되었습니다. 운영자의 확인이 필요합니다.",
)
RUN_TOKEN_UNKNOWN: Final = Sentence(
    "The run token is not one of ours: use the one that the claim gave.",
    ko="이 서비스에서 발급한 실행 토큰이 아닙니다. 실행을 배정받을 때 받은 토큰을 사용하십시오.",
)
ANY_DOMAIN_ONCE: Final = Template(
    "Only a method of one input takes keys of {domain} domain: what is linked has one issuer.",
    ko=("영역이 {domain}인 키는 입력이 하나인 분석 방법만 받을 수 있습니다. 연계하는 키는 발급기관이 같아야 합니다."),
)
FLOOR_TOO_LOW: Final = Template(
    "Below {least:.0%} only with `floor_reason`, which says why so few base rows may be found.",
    ko=("{least:.0%}보다 낮으면 기준 행이 그만큼 적게 연계되어도 되는 이유를 `floor_reason`에 적어야 합니다."),
)
KEY_COLUMN: Final = Sentence(
    "What identifies a row beside its key is a required column of this input, and no key.",
    ko="키와 함께 행을 식별하는 열은 이 입력의 필수 열이어야 하며 키 열이 아니어야 합니다.",
)
NOT_OF_BASE: Final = Template(
    "The base {base} is not keyed by a column of this name and type.",
    ko="기준 입력 {base}에는 이름과 유형이 같은 식별 열이 없습니다.",
)
OTHER_DISCLOSURE: Final = Template(
    "A {kind} leaves as {disclosure}, and in no other way.",
    ko="{kind} 결과물은 {disclosure}(으)로만 내보낼 수 있습니다.",
)
ENDS_BEFORE: Final = Sentence(
    "It ends before it begins.",
    ko="종료일이 시작일보다 앞섭니다.",
)
ENDED_ALREADY: Final = Sentence(
    "It has ended already.",
    ko="이미 지난 기간입니다.",
)
TERM_TOO_LONG: Final = Template(
    "A grant lasts {days} days at most.",
    ko="이용 허가 기간은 최대 {days}일입니다.",
)
ONE_PART: Final = Sentence(
    "You decided or voted on the request that trained it: one person has one part.",
    ko=("이 모형을 학습한 요청에 결정 또는 표결로 이미 참여하셨습니다. 한 사람은 하나의 역할만 맡을 수 있습니다."),
)
OTHER_OWNER: Final = Template(
    "The card names {owner} as the owner; you upload for {ministry}.",
    ko="명세의 소유 기관은 {owner}이나 {ministry} 소속으로 올리셨습니다.",
)
ROWS_PER_MINUTE: Final = Sentence(
    "This call would exceed the rows that the grant allows in a minute: send smaller or fewer ones.",
    ko="이 호출은 이용 허가의 분당 행 수 한도를 초과합니다. 더 작게 나누거나 덜 자주 보내십시오.",
)
FORM_OF_WORKERS: Final = Sentence(
    "This model was released in a form that only a worker opens, not as ONNX.",
    ko="이 모형은 ONNX가 아니라 실행기에서만 열 수 있는 형식으로 공개되었습니다.",
)
NOT_A_TENSOR_TYPE: Final = Template(
    "The model takes or gives {kind}; this server takes tensors of {kinds}.",
    ko="모형의 입력 또는 출력이 {kind}입니다. 이 서버는 {kinds} 텐서만 다룹니다.",
)
ROWS_NOT_FIRST: Final = Sentence(
    "The first dimension of the model's tensors is not the rows.",
    ko="모형 텐서의 첫 번째 차원이 행이 아닙니다.",
)
MANIFEST_UNREADABLE: Final = Sentence(
    "The manifest inside the model's file cannot be read.",
    ko="모형 파일 안의 명세를 읽을 수 없습니다.",
)
NO_TENSOR: Final = Sentence(
    "The model gives something that is not a tensor.",
    ko="모형의 출력 중에 텐서가 아닌 것이 있습니다.",
)
NOT_LOADABLE: Final = Sentence(
    "The model's file cannot be opened by the runtime.",
    ko="실행 환경에서 모형 파일을 열 수 없습니다.",
)
NOT_A_LIST: Final = Sentence(
    "The data of a tensor is a list, flat or nested as its shape says.",
    ko="텐서의 데이터는 평평한 목록이거나 shape대로 중첩된 목록이어야 합니다.",
)
VALUE_COUNT: Final = Template(
    "The shape asks for {wanted} values; {count} are there.",
    ko="shape에 따르면 값이 {wanted}개여야 하나 {count}개입니다.",
)
VALUE_TYPE: Final = Template(
    "Every value of a tensor of {datatype} is {fitting}.",
    ko="{datatype} 텐서의 모든 값은 {fitting}이어야 합니다.",
)
OUT_OF_RANGE: Final = Template(
    "A value is too large for {datatype}.",
    ko="{datatype}(으)로 나타낼 수 없을 만큼 큰 값이 있습니다.",
)
LIST_LENGTHS: Final = Sentence(
    "The lists of the data are not as long as the shape says.",
    ko="데이터 목록의 길이가 shape와 다릅니다.",
)
LIST_NESTING: Final = Sentence(
    "The lists of the data are not nested as the shape says.",
    ko="데이터 목록의 중첩이 shape와 다릅니다.",
)
BYTE_COUNT: Final = Template(
    "The shape asks for {wanted} bytes; {count} are announced.",
    ko="shape에 따르면 {wanted}바이트여야 하나 {count}바이트로 표시되어 있습니다.",
)
BOOLEAN_BYTE: Final = Sentence(
    "A boolean is the byte 0 or 1.",
    ko="논리값은 바이트 0 또는 1이어야 합니다.",
)
TEXT_TOO_LONG: Final = Sentence(
    "A text is longer than the bytes that are left.",
    ko="남은 바이트보다 긴 문자열이 있습니다.",
)
NOT_UTF8: Final = Sentence(
    "A text is not UTF-8.",
    ko="UTF-8이 아닌 문자열이 있습니다.",
)
TEXT_COUNT: Final = Template(
    "The shape asks for {count} texts; there are more or fewer.",
    ko="shape에 따른 문자열의 수({count})와 실제 수가 다릅니다.",
)
INFINITE: Final = Sentence(
    "A value is infinite.",
    ko="무한한 값이 있습니다.",
)
INFINITE_OR_MISSING: Final = Sentence(
    "A value is infinite or missing, and this model takes no missing values.",
    ko="무한한 값이나 빈 값이 있습니다. 이 모형은 결측값을 받지 않습니다.",
)
A_TEXT: Final = Sentence(
    "text",
    ko="문자열",
)
TRUE_OR_FALSE: Final = Sentence(
    "true or false",
    ko="true 또는 false 값",
)
A_NUMBER: Final = Sentence(
    "a number",
    ko="수의 값",
)
A_WHOLE_NUMBER: Final = Sentence(
    "a whole number",
    ko="정숫값",
)
TENSOR_BYTES: Final = Sentence(
    "It is not a number of bytes that follow the JSON.",
    ko="JSON 뒤에 이어지는 바이트의 수가 아닙니다.",
)
ID_FORM: Final = Template(
    "The id is a text of at most {most} characters.",
    ko="id는 {most}자 이하의 문자열이어야 합니다.",
)
BODY_OBJECT: Final = Sentence(
    "The body is an object with `inputs`.",
    ko="본문은 `inputs`가 있는 객체여야 합니다.",
)
PARAMETERS_FORM: Final = Sentence(
    "The parameters are an object.",
    ko="parameters는 객체여야 합니다.",
)
NOT_SUPPORTED: Final = Template(
    "{name} is not supported here.",
    ko="{name}은(는) 지원하지 않습니다.",
)
INPUTS_FORM: Final = Template(
    "The inputs are a list of one to {most} tensors.",
    ko="inputs는 텐서 1~{most}개의 목록이어야 합니다.",
)
INPUT_FORM: Final = Sentence(
    "An input is an object with name, shape, datatype and data.",
    ko="입력은 name, shape, datatype, data가 있는 객체여야 합니다.",
)
INPUT_UNKNOWN: Final = Sentence(
    "The model has no input of this name; its metadata lists them.",
    ko="모형에 이 이름의 입력이 없습니다. 입력의 목록은 모형의 메타데이터에 있습니다.",
)
INPUT_TWICE: Final = Sentence(
    "An input is given twice.",
    ko="같은 입력이 두 번 있습니다.",
)
DATATYPE: Final = Template(
    "The model takes {datatype} here.",
    ko="이 입력의 datatype은 {datatype}이어야 합니다.",
)
DATA_TWICE: Final = Sentence(
    "A binary tensor has no data in the JSON.",
    ko="이진 텐서는 JSON에 data를 적지 않습니다.",
)
SHAPE_FORM: Final = Sentence(
    "The shape is a list of whole numbers.",
    ko="shape는 정수의 목록이어야 합니다.",
)
SHAPE_EMPTY: Final = Sentence(
    "Every dimension of the shape is at least 1.",
    ko="shape의 모든 차원은 1 이상이어야 합니다.",
)
SHAPE_OTHER: Final = Template(
    "The model takes the shape {shape} here; -1 is any number.",
    ko="이 입력의 shape는 {shape}이어야 합니다(-1은 임의의 수).",
)
BATCH_TOO_LARGE: Final = Template(
    "A batch has at most {rows} rows and {values} values.",
    ko="한 번에 최대 {rows}행, {values}개의 값을 보낼 수 있습니다.",
)
ROWS_DIFFER: Final = Sentence(
    "The inputs differ in their number of rows.",
    ko="입력마다 행의 수가 다릅니다.",
)
VALUES_TOO_MANY: Final = Template(
    "A batch has at most {values} values.",
    ko="한 번에 최대 {values}개의 값을 보낼 수 있습니다.",
)
INPUTS_MISSING: Final = Template(
    "These inputs of the model are missing: {names}.",
    ko="다음 입력이 없습니다: {names}.",
)
OUTPUTS_FORM: Final = Sentence(
    "The outputs are a list.",
    ko="outputs는 목록이어야 합니다.",
)
OUTPUT_UNKNOWN: Final = Sentence(
    "The model has no output of this name, or it is asked for twice.",
    ko="모형에 이 이름의 출력이 없거나 같은 출력을 두 번 요청하였습니다.",
)
TRUE_OR_FALSE_HERE: Final = Template(
    "{name} is true or false.",
    ko="{name}은(는) true 또는 false여야 합니다.",
)
COLUMN_OF_NOBODY: Final = Template(
    "`{keyword}` names an input of the card: one of {roles}.",
    ko="`{keyword}`에는 명세서의 입력 중 하나를 적어야 합니다: {roles}.",
)
COLUMN_OF_NO_TYPE: Final = Template(
    "`{keyword}` is a list of types: {types}.",
    ko="`{keyword}`에는 자료형의 목록을 적어야 합니다: {types}.",
)
FAULT_EMPTY: Final = Sentence(
    "a fault has a code or a detail",
    ko="코드와 내용 중 하나는 있어야 합니다",
)
