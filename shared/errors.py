"""Errors a caller can act on: RFC 9457 problems, each with its status and a page of its own.

Deeds and rules raise them; `shared.http` renders them. Nothing here knows HTTP frameworks.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from shared.contracts.wording import Language, Sentence, said


@dataclass(frozen=True)
class FieldError:
    """One field at fault: a JSON pointer into the body (or `query`, `header`), a stable code, a sentence without the value."""

    pointer: str
    code: str
    detail: Sentence

    def as_dict(self, language: Language = Language.EN) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": said(self.detail, language)}


class Problem(Exception):
    """An expected error. `slug` names its type, `extensions` are further members of the problem document."""

    slug: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[Sentence] = Sentence("Internal error", ko="내부 오류")
    advice: ClassVar[Sentence] = Sentence(
        "This is our fault. Quote the request id to the operators.",
        ko="시스템의 잘못입니다. 요청 번호(request id)를 운영자에게 알려 주십시오.",
    )
    audited: ClassVar[bool] = False
    types: ClassVar[dict[str, type["Problem"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Problem.types[cls.slug] = cls

    def __init__(self, detail: Sentence | None = None, *, errors: list[FieldError] | None = None, **extensions: Any) -> None:
        super().__init__(detail or self.title)
        self.errors = errors or []
        self.extensions = extensions
        self.headers: dict[str, str] = {}

    @property
    def detail(self) -> Sentence:
        sentence: Sentence = self.args[0]
        return sentence

    def document(self, base_url: str, instance: str, language: Language = Language.EN) -> dict[str, Any]:
        """The problem document in the language; `base_url` is where the pages of the problem types are served."""
        document: dict[str, Any] = {
            "type": f"{base_url}/problems/{self.slug}",
            "title": said(self.title, language),
            "status": self.status,
            "detail": said(self.detail, language),
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [error.as_dict(language) for error in self.errors]
        return document | self.extensions


Problem.types[Problem.slug] = Problem


class BadRequest(Problem):
    slug, status, title = (
        "bad-request",
        400,
        Sentence(
            "The request cannot be read",
            ko="요청을 읽을 수 없음",
        ),
    )
    advice = Sentence(
        "Compare the request with the example in the API documentation.", ko="API 문서의 예시와 비교하여 확인하십시오."
    )


class Unauthorized(Problem):
    slug, status, title = (
        "unauthorized",
        401,
        Sentence(
            "A valid token is needed",
            ko="유효한 토큰이 필요함",
        ),
    )
    advice = Sentence(
        "Send `Authorization: Bearer <token>` with a token of the identity provider; `reason` says what was wrong with yours.",
        ko="인증기관에서 받은 토큰을 `Authorization: Bearer <token>`으로 보내십시오. 토큰의 문제는 `reason`에 있습니다.",
    )
    audited = True

    def __init__(self, detail: Sentence | None = None, *, reason: str = "missing-token") -> None:
        super().__init__(detail, reason=reason)
        error = "" if reason == "missing-token" else ', error="invalid_token"'
        self.headers = {"WWW-Authenticate": f'Bearer realm="dure"{error}'}


class Forbidden(Problem):
    slug, status, title = "forbidden", 403, Sentence("You may not do this", ko="권한 없음")
    advice = Sentence(
        "The member `right` names what is missing; your ministry's administrator can grant it.",
        ko="`right` 항목에 부족한 권한이 적혀 있습니다. 권한은 소속 기관의 관리자가 부여합니다.",
    )
    audited = True

    def __init__(self, detail: Sentence | None = None, *, right: str = "") -> None:
        super().__init__(detail, right=right)


class NotFound(Problem):
    slug, status, title = (
        "not-found",
        404,
        Sentence(
            "There is nothing here that you may see",
            ko="조회할 수 있는 대상이 없음",
        ),
    )
    advice = Sentence(
        "Check the id. What a caller may not see is answered like what does not exist.",
        ko="식별자를 확인하십시오. 조회 권한이 없는 대상은 존재하지 않는 대상과 같게 응답합니다.",
    )


class MethodNotAllowed(Problem):
    slug, status = "method-not-allowed", 405
    title = Sentence("This address does not take this method", ko="이 주소에서 쓸 수 없는 메서드")
    advice = Sentence(
        "The header Allow names the methods of the address.",
        ko="쓸 수 있는 메서드는 Allow 헤더에 있습니다.",
    )


class Conflict(Problem):
    slug, status, title = (
        "conflict",
        409,
        Sentence(
            "This does not fit the present state",
            ko="현재 상태에서 할 수 없음",
        ),
    )
    advice = Sentence(
        "Read the resource again: its `actions` say what you can do now.",
        ko="다시 조회하십시오. `actions` 항목에 지금 할 수 있는 일이 적혀 있습니다.",
    )
    audited = True


class StaleClaim(Conflict):
    slug, title = (
        "stale-claim",
        Sentence(
            "Another worker holds this run",
            ko="다른 실행기가 맡은 실행",
        ),
    )
    advice = Sentence(
        "Stop the method and drop its outputs: the run was given to somebody else, or has ended.",
        ko="분석 방법을 멈추고 결과물을 폐기하십시오. 실행이 다른 곳에 배정되었거나 종료되었습니다.",
    )


class Gone(Problem):
    slug, status, title = "gone", 410, Sentence("This was taken back", ko="철회 또는 회수됨")
    advice = Sentence(
        "The reason is in `detail`. Copies made earlier must be destroyed.",
        ko="사유는 `detail`에 있습니다. 이전에 만든 사본은 파기하여야 합니다.",
    )


class PreconditionFailed(Problem):
    slug, status, title = (
        "precondition-failed",
        412,
        Sentence(
            "It was changed since you read it",
            ko="조회한 뒤에 변경됨",
        ),
    )
    advice = Sentence(
        "Read it again, look at what changed, and send the new ETag in If-Match.",
        ko="다시 조회하여 변경된 내용을 확인하고, 새 ETag를 If-Match로 보내십시오.",
    )


class TooLarge(Problem):
    slug, status, title = (
        "too-large",
        413,
        Sentence(
            "This is larger than accepted",
            ko="허용된 크기를 초과함",
        ),
    )
    advice = Sentence("The limit is in `limit_bytes`.", ko="한도는 `limit_bytes` 항목에 있습니다.")


class UnsupportedMedia(Problem):
    slug, status, title = (
        "unsupported-media-type",
        415,
        Sentence(
            "This media type is not taken here",
            ko="받지 않는 형식",
        ),
    )
    advice = Sentence(
        "The accepted media types are in `accepted`.",
        ko="받는 형식은 `accepted` 항목에 있습니다.",
    )


class Unprocessable(Problem):
    slug, status, title = (
        "unprocessable",
        422,
        Sentence(
            "Some fields cannot be accepted",
            ko="받을 수 없는 항목이 있음",
        ),
    )
    advice = Sentence(
        "Each entry of `errors` points at one field and says what is wrong with it.",
        ko="`errors`의 각 항목이 잘못된 곳과 그 이유를 알려 줍니다.",
    )


class TooSlow(Problem):
    slug, status, title = (
        "too-slow",
        408,
        Sentence(
            "The body did not come in time",
            ko="본문이 제때 도착하지 않음",
        ),
    )
    advice = Sentence(
        "Nothing was changed. Send the request again, over a connection that carries it without long pauses.",
        ko="변경된 내용은 없습니다. 연결 상태를 확인한 뒤 끊김 없이 다시 보내십시오.",
    )

    def __init__(self, detail: Sentence | None = None) -> None:
        super().__init__(detail)
        self.headers = {"Connection": "close"}


class TooMany(Problem):
    slug, status, title = (
        "too-many-requests",
        429,
        Sentence(
            "Too many at once",
            ko="요청이 너무 많음",
        ),
    )
    advice = Sentence(
        "Try again after the seconds given in Retry-After.", ko="Retry-After에 적힌 초가 지난 뒤 다시 시도하십시오."
    )

    def __init__(self, detail: Sentence | None = None, *, retry_after: int = 1, **extensions: Any) -> None:
        super().__init__(detail, **extensions)
        self.headers = {"Retry-After": str(retry_after)}


class Unavailable(Problem):
    slug, status, title = (
        "unavailable",
        503,
        Sentence(
            "Not possible just now",
            ko="지금은 처리할 수 없음",
        ),
    )
    advice = Sentence(
        "Nothing was changed. Try again after the seconds given in Retry-After.",
        ko="변경된 내용은 없습니다. Retry-After에 적힌 초가 지난 뒤 다시 시도하십시오.",
    )

    def __init__(self, detail: Sentence | None = None, *, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after)}
