"""Errors of the door: problem documents that are also error objects of the protocol."""

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared import problems
from shared.errors import Problem


def with_error(response: Response) -> Response:
    """The same document with the protocol's `error` beside `detail`."""
    document = orjson.loads(response.body)
    document["error"] = document["detail"]
    headers = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
    return JSONResponse(document, response.status_code, headers, problems.PROBLEM)


async def on_problem(request: Request, error: Exception) -> Response:
    return with_error(await problems.on_problem(request, error))


async def on_invalid(request: Request, error: Exception) -> Response:
    return with_error(await problems.on_invalid(request, error))


async def on_http_exception(request: Request, error: Exception) -> Response:
    return with_error(await problems.on_http_exception(request, error))


async def on_crash(request: Request, error: Exception) -> Response:
    return with_error(await problems.on_crash(request, error))


def install(app: FastAPI) -> None:
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_crash)
