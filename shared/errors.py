"""Errors a caller can act on: RFC 9457 problems, each with its status and a page of its own.

Deeds and rules raise them; `shared.http` renders them. Nothing here knows HTTP frameworks.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One field at fault: a JSON pointer into the body (or `query`, `header`), a stable code, a sentence without the value."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class Problem(Exception):
    """An expected error. `slug` names its type, `extensions` are further members of the problem document."""

    slug: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    advice: ClassVar[str] = "This is our fault. Quote the request id to the operators."
    audited: ClassVar[bool] = False
    types: ClassVar[dict[str, type["Problem"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Problem.types[cls.slug] = cls

    def __init__(self, detail: str = "", *, errors: list[FieldError] | None = None, **extensions: Any) -> None:
        super().__init__(detail or self.title)
        self.errors = errors or []
        self.extensions = extensions
        self.headers: dict[str, str] = {}

    @property
    def detail(self) -> str:
        return str(self.args[0])

    def document(self, base_url: str, instance: str) -> dict[str, Any]:
        """The problem document; `base_url` is where the pages of the problem types are served."""
        document: dict[str, Any] = {
            "type": f"{base_url}/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [error.as_dict() for error in self.errors]
        return document | self.extensions


Problem.types[Problem.slug] = Problem


class BadRequest(Problem):
    slug, status, title = "bad-request", 400, "The request cannot be read"
    advice = "Compare the request with the example in the API documentation."


class Unauthorized(Problem):
    slug, status, title = "unauthorized", 401, "A valid token is needed"
    advice = (
        "Send `Authorization: Bearer <token>` with a token of the identity provider; `reason` says what was wrong with yours."
    )
    audited = True

    def __init__(self, detail: str = "", *, reason: str = "missing-token") -> None:
        super().__init__(detail, reason=reason)
        error = "" if reason == "missing-token" else ', error="invalid_token"'
        self.headers = {"WWW-Authenticate": f'Bearer realm="dure"{error}'}


class Forbidden(Problem):
    slug, status, title = "forbidden", 403, "You may not do this"
    advice = "The member `right` names what is missing; your ministry's administrator can grant it."
    audited = True

    def __init__(self, detail: str = "", *, right: str = "") -> None:
        super().__init__(detail, right=right)


class NotFound(Problem):
    slug, status, title = "not-found", 404, "There is nothing here that you may see"
    advice = "Check the id. What a caller may not see is answered like what does not exist."


class Conflict(Problem):
    slug, status, title = "conflict", 409, "This does not fit the present state"
    advice = "Read the resource again: its `actions` say what you can do now."
    audited = True


class StaleClaim(Conflict):
    slug, title = "stale-claim", "Another worker holds this run"
    advice = "Stop the method and drop its outputs: the run was given to somebody else, or has ended."


class Gone(Problem):
    slug, status, title = "gone", 410, "This was taken back"
    advice = "The reason is in `detail`. Copies made earlier must be destroyed."


class PreconditionFailed(Problem):
    slug, status, title = "precondition-failed", 412, "It was changed since you read it"
    advice = "Read it again, look at what changed, and send the new ETag in If-Match."


class TooLarge(Problem):
    slug, status, title = "too-large", 413, "This is larger than accepted"
    advice = "The limit is in `limit_bytes`."


class UnsupportedMedia(Problem):
    slug, status, title = "unsupported-media-type", 415, "This media type is not taken here"
    advice = "The accepted media types are in `accepted`."


class Unprocessable(Problem):
    slug, status, title = "unprocessable", 422, "Some fields cannot be accepted"
    advice = "Each entry of `errors` points at one field and says what is wrong with it."


class TooMany(Problem):
    slug, status, title = "too-many-requests", 429, "Too many at once"
    advice = "Try again after the seconds given in Retry-After."


class Unavailable(Problem):
    slug, status, title = "unavailable", 503, "Not possible just now"
    advice = "Nothing was changed. Try again after the seconds given in Retry-After."

    def __init__(self, detail: str = "", *, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after)}
