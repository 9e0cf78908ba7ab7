"""What every HTTP door does the same way: sessions, callers, idempotency, ETags, pages, problems. Only doors import this."""

import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from difflib import get_close_matches
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import unquote

from fastapi import Depends, Header, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect

from shared import messages
from shared.admission import current_call
from shared.auth import Principal
from shared.bodies import JSON, Bounds, check_encoding, parse_json, read_body
from shared.db import Database, Row, Session
from shared.errors import BadRequest, FieldError, Unauthorized, Unprocessable
from shared.idempotency import Replay, begin_idempotent, keep_answer
from shared.members import check_member
from shared.paging import PageQuery
from shared.presence import CallerLeft
from shared.problems import MOST_ERRORS, nobody, pointer

log = logging.getLogger(__name__)
Item = TypeVar("Item")
# As the documents tell them; what does not fit is refused with a sentence of its own.
KEY_FORM: Final = r"^[\x21-\x7e]{1,200}$"
ETAG_FORM: Final = r'^(\*|(W/)?"\d{1,18}")$'
BYTES = "application/octet-stream"
LONGEST_NAME: Final = 100  # of a parameter that the caller made up
LARGE_BODY = 16 * 1024  # bytes: in a smaller one there is no room for so many faults that they take long
bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", scheme_name="bearer", description="A token of the identity provider.")


def page_example(schema: dict[str, Any], page: type[BaseModel]) -> None:
    """A page of what has an example shows that one."""
    for item in page.__pydantic_generic_metadata__["args"]:
        extra = getattr(item, "model_config", {}).get("json_schema_extra")
        if isinstance(extra, dict) and isinstance(shown := extra.get("examples"), list):
            schema["examples"] = [{"items": shown[:1], "next": "AZmhwAAAcACAAAAAAAAAAg"}]


class Page(BaseModel, Generic[Item]):
    """One page; `next` is the cursor of the following one, also in the `Link` header."""

    model_config = ConfigDict(json_schema_extra=page_example)

    items: list[Item]
    next: str | None = None


async def optional_caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal | None:
    if credentials is None:
        check_header(request)
        return None
    caller = await verified(request, credentials)
    db: Database = request.app.state.db
    async with db.reading(caller=caller) as session:
        await check_member(session, caller)
    return caller


def check_header(request: Request) -> None:
    """Unauthorized if there is an Authorization header, but no bearer token in it."""
    if request.headers.get("authorization"):
        raise Unauthorized(messages.TOKEN_HEADER, reason="malformed-header")


async def verified(request: Request, credentials: HTTPAuthorizationCredentials) -> Principal:
    """Who calls, by the token alone; looked at once. Unauthorized, TooMany."""
    if not hasattr(request.state, "caller"):
        count_as(request, await request.app.state.verifier.verify(credentials.credentials))
    caller: Principal = request.state.caller
    return caller


def count_as(request: Request, caller: Principal) -> None:
    """Note who calls, and count it as a call of theirs. TooMany."""
    request.state.caller = caller
    if (call := current_call()) is not None:
        call.of(caller.subject)


async def required_caller(caller: Annotated[Principal | None, Depends(optional_caller)]) -> Principal:
    if caller is None:
        raise Unauthorized(messages.TOKEN_MISSING)
    return caller


OptionalCaller = Annotated[Principal | None, Depends(optional_caller)]
Caller = Annotated[Principal, Depends(required_caller)]


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key with the same body gives the same answer, once done.",
        json_schema_extra={"pattern": KEY_FORM},
    ),
]


async def write_session(request: Request, caller: OptionalCaller, key: IdempotencyKey = None) -> AsyncIterator[Session]:
    db: Database = request.app.state.db
    async with db.transaction(caller=caller) as session:
        if key is not None:
            await begin_idempotent(request, session, caller, key)
        yield session


async def open_session(request: Request) -> AsyncIterator[Session]:
    db: Database = request.app.state.db
    async with db.transaction() as session:
        yield session


async def read_session(request: Request, caller: OptionalCaller) -> AsyncIterator[Session]:
    db: Database = request.app.state.db
    async with db.reading(caller=caller) as session:
        yield session


# scope="function": the commit comes before the answer, so nobody is told 201 of what was not kept.
Transaction = Annotated[Session, Depends(write_session, scope="function")]
OpenTransaction = Annotated[Session, Depends(open_session, scope="function")]
Reading = Annotated[Session, Depends(read_session, scope="function")]
Paging = Annotated[PageQuery, Query()]


async def if_match(
    header: Annotated[
        str | None, Header(alias="If-Match", description="ETag that you read", json_schema_extra={"pattern": ETAG_FORM})
    ] = None,
) -> int | None:
    if header is None or header == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"(\d{1,18})"', header.strip())
    if not found:
        error = FieldError("header/if-match", "bad-etag", messages.ETAG_FORM)
        raise BadRequest(messages.ETAG_UNKNOWN, errors=[error])
    return int(found[1])


IfMatch = Annotated[int | None, Depends(if_match)]


def tagged(response: Response, row: Row) -> None:
    """Give the answer the row's ETag."""
    response.headers["ETag"] = f'"{row.version}"'


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """RFC 8288: where the next page is."""
    if cursor:
        public = request.app.state.settings.public_url.rstrip("/")
        query = request.url.include_query_params(cursor=cursor).query
        response.headers["Link"] = f'<{public}{request.url.path}?{query}>; rel="next"'


def as_asked(request: Request, media_type: str) -> str:
    """The media type to give bytes as: `application/octet-stream` if the caller's Accept names that and not their own."""
    accepted = request.headers.get("accept", "")
    return BYTES if BYTES in accepted and media_type not in accepted else media_type


def taken(route: APIRoute) -> list[str]:
    """The media types of the body that the route takes; none if it takes no body."""
    documented = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return list(documented) or [JSON] * (route.body_field is not None)


def summary_of(description: str) -> str | None:
    """The first words of a description, up to a bracket or the end of the clause."""
    return re.split(r" \(|[.;:]\s|[.;:]$", description.strip(), maxsplit=1)[0].replace("\n", " ") or None


def query_names(dependant: Dependant) -> tuple[str, ...]:
    """The query parameters of a route and of what it depends on, in their order; those of a model one by one."""
    names: dict[str, None] = {}
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= {inner.alias or name: None for name, inner in kind.model_fields.items()}
        else:
            names[field.alias] = None
    for inner in dependant.dependencies:
        names |= dict.fromkeys(query_names(inner))
    return tuple(names)


async def identify(request: Request) -> None:
    """Find out who calls, before anything of the body is read. Unauthorized, TooMany."""
    if (credentials := await bearer(request)) is not None:
        await verified(request, credentials)
        return
    check_header(request)
    await stay_stranger(request)


async def identify_required(request: Request) -> None:
    """The same where nobody is answered without a token."""
    await identify(request)
    await required_caller(getattr(request.state, "caller", None))


async def stay_stranger(_: Request) -> None:
    """Count the call as one of its address, which has shown no token. TooMany."""
    if (call := current_call()) is not None:
        call.of(call.subject)


def depends_on(dependant: Dependant, *functions: Callable[..., Any]) -> bool:
    """Whether one of these is called for a route, at whatever depth."""
    return dependant.call in functions or any(depends_on(each, *functions) for each in dependant.dependencies)


class Route(APIRoute):
    """A route that knows who calls before it reads a body, and that within bounds; it replays known answers and answers
    If-None-Match."""

    def identification(self) -> Callable[[Request], Awaitable[object]]:
        """What finds out who calls, for this route."""
        if depends_on(self.dependant, required_caller):
            return identify_required
        return identify if depends_on(self.dependant, optional_caller) else stay_stranger

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        self.summary = self.summary or summary_of(self.description)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, identified = super().get_route_handler(), self.identification()
        accepted, model = taken(self), model_of(self)
        known = query_names(self.dependant)

        async def handler(request: Request) -> Response:
            if "\0" in unquote(request.url.path + request.url.query):
                raise BadRequest(messages.URL_NUL)
            if request.scope["query_string"]:
                check_query(request.query_params, known)
            try:
                await identified(request)
                if accepted:
                    check_encoding(request, accepted)
                if self.body_field is not None:
                    settings = request.app.state.settings
                    bounds = Bounds(settings.body_values, settings.body_members, settings.body_depth)
                    parse_json(request, await read_body(request, settings.body_limit), bounds)
                    check_large(request, model)
                response = await handle(request)
            except CallerLeft:
                return nobody()
            except Replay as replay:
                return replay.response
            except ClientDisconnect:
                raise broken_off() from None
            await keep_answer(request, response)
            if request.method == "GET" and response.headers.get("etag", "-") == request.headers.get("if-none-match"):
                return Response(status_code=304, headers={"ETag": response.headers["etag"]})
            return response

        return handler


def check_query(query: QueryParams, known: Collection[str]) -> None:
    """Unprocessable if a parameter is unknown or given twice, since a filter that is ignored filters nothing."""
    counts = Counter(name for name, _ in query.multi_items())
    errors = [unknown_parameter(name, known) for name in counts if name not in known]
    errors += [
        FieldError(f"query/{name}", "parameter-twice", messages.PARAMETER_TWICE)
        for name, count in counts.items()
        if name in known and count > 1
    ]
    if errors:
        named = ", ".join(error.pointer for error in errors[:5])[:400]
        raise Unprocessable(messages.FIELDS_AT_FAULT(places=named), errors=errors[:MOST_ERRORS])


def unknown_parameter(name: str, known: Collection[str]) -> FieldError:
    place = pointer(("query", name[:LONGEST_NAME]))
    if not known:
        return FieldError(place, "unknown-parameter", messages.PARAMETER_UNKNOWN_HERE)
    nearest = get_close_matches(name[:LONGEST_NAME].casefold(), known, n=1, cutoff=0)[0]
    return FieldError(place, "unknown-parameter", messages.PARAMETER_UNKNOWN(nearest=nearest, known=", ".join(known)))


def model_of(route: APIRoute) -> type[BaseModel] | None:
    """The model of the route's body."""
    found = route.body_field.field_info.annotation if route.body_field is not None else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def check_large(request: Request, model: type[BaseModel] | None) -> None:
    """Where a body of very many values has very many faults, let only some be described: each takes its time."""
    if model is None or len(getattr(request, "_body", b"")) < LARGE_BODY:
        return
    try:
        model.model_validate(request._json)
    except ValidationError as error:
        if error.error_count() <= MOST_ERRORS:
            return
        found = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found]) from None


def broken_off() -> BadRequest:
    """Nobody hears it any more, but it is no crash of ours; whatever streams a body in leaves nothing of it behind."""
    error = FieldError("#", "broken-off", messages.SEND_ALL_AGAIN)
    return BadRequest(messages.BROKEN_OFF, errors=[error])
