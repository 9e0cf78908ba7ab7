"""Errors become answers: a problem document in the caller's language, a row in the audit where the attempt was refused."""

import json
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from shared import messages
from shared.contracts.wording import Language, preferred
from shared.db import Database
from shared.errors import BadRequest, FieldError, MethodNotAllowed, NotFound, Problem, Unavailable, Unprocessable
from shared.members import NotAMember
from shared.presence import CallerLeft
from shared.refusals import Refusals
from shared.validation import sentence

PROBLEM = "application/problem+json"
MOST_ERRORS: Final = 100
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def nobody() -> Response:
    """What is answered to a caller who has left: the server throws it away, the access log says 499."""
    return Response(status_code=499)


def pointer(location: tuple[Any, ...]) -> str:
    """A JSON pointer into the body, or `query/name`, `path/name`, `header/name`."""
    place, *rest = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "/".join(["#" if place == "body" else place, *rest])


async def audit_refusal(request: Request, problem: Problem) -> Problem:
    """A refused attempt is a row of its own. Gives what is answered: where there is no row, not the refusal."""
    db: Database = request.app.state.db
    refusals: Refusals = request.app.state.refusals
    caller = getattr(request.state, "caller", None)
    # Whoever is no member is a stranger, though one with a name: any number of bodies can be made up.
    known = caller is not None and not isinstance(problem, NotAMember)
    route = request.scope.get("route")
    action = f"{db.service}.{getattr(route, 'name', 'unknown').replace('_', '-')}"
    detail = {
        "problem": problem.slug,
        "method": request.method,
        **{k: v for k, v in problem.extensions.items() if k in ("right", "reason")},
    }
    try:
        await refusals.record(caller, action, request.url.path, detail, known=known)
    except Unavailable as unavailable:
        return unavailable
    return problem


def render(request: Request, problem: Problem) -> JSONResponse:
    settings, service = request.app.state.settings, request.app.state.db.service
    base = f"{settings.public_url.rstrip('/')}/{service}"
    language = language_of(request.headers)
    headers = problem.headers | said_in(language)
    return JSONResponse(problem.document(base, request.url.path[:500], language), problem.status, headers, PROBLEM)


def language_of(headers: Headers) -> Language:
    """The language that the caller reads best of those that we have."""
    return preferred(",".join(headers.getlist("accept-language")))


def said_in(language: Language) -> dict[str, str]:
    """The headers of an answer that another caller would get in another language."""
    return {"Content-Language": language, "Vary": "Accept-Language"}


async def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    known_caller_was_denied = isinstance(error, NotFound) and hasattr(request.state, "caller")
    if error.audited or known_caller_was_denied:
        error = await audit_refusal(request, error)
    return render(request, error)


async def on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [FieldError(pointer(each["loc"]), each["type"], sentence(each)) for each in error.errors()[:MOST_ERRORS]]
    named = ", ".join(each.pointer for each in errors[:5])[:400]
    return render(request, Unprocessable(messages.FIELDS_AT_FAULT(places=named), errors=errors))


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem: Problem = BadRequest(messages.NOT_READABLE)
    if error.status_code == 404:
        problem = NotFound(messages.NO_ADDRESS)
    elif error.status_code == 405:
        problem = MethodNotAllowed(messages.METHOD_NOT_ALLOWED)
        problem.headers["Allow"] = allowed(request)
    response = render(request, problem)
    if error.status_code not in (400, 404, 405):
        body = json.loads(bytes(response.body)) | {"status": error.status_code, "title": str(error.detail)[:200]}
        headers = dict(error.headers or {}) | said_in(language_of(request.headers))
        return JSONResponse(body, error.status_code, headers, PROBLEM)
    return response


def allowed(request: Request) -> str:
    """Every method of the address; the framework names those of its first route only."""
    asked = {name: value for name, value in request.scope.items() if name not in ("fastapi", "route", "endpoint", "path_params")}
    routes = [route for route in request.app.router.routes if not isinstance(route, Mount)]
    found = [verb for verb in VERBS if any(route.matches(asked | {"method": verb})[0] is Match.FULL for route in routes)]
    return ", ".join(found or ("GET", "HEAD"))  # files of the documentation


async def on_left(request: Request, error: Exception) -> Response:
    return nobody()


async def on_crash(request: Request, error: Exception) -> Response:
    return render(request, Problem(messages.OUR_FAULT))


def install(app: FastAPI) -> None:
    """Have the app answer every error with a problem document."""
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(CallerLeft, on_left)
    app.add_exception_handler(Exception, on_crash)
