"""The start page of the embedded suite, in Korean and English: the documents, health, the last demonstration's report."""

import base64
import hashlib
import json
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from services.analysis.scoring.calls import BASE
from shared.contracts.wording import Language, Sentence, said
from shared.errors import FieldError, NotFound, Problem, Unprocessable
from shared.problems import PROBLEM, language_of, said_in
from shared.times import KOREA

FOLDER = Path(__file__).parent
# What belongs to a part: where its documents begin, and its two states. The scoring door speaks a protocol that names them.
PARTS = {name: (f"/{name}", "healthz", "readyz") for name in ("catalog", "requests", "analysis", "results")}
PARTS["scoring"] = (BASE, "v2/health/live", "v2/health/ready")
WORDS: dict[str, Any] = json.loads((FOLDER / "words.json").read_text("utf-8"))
CSS = (FOLDER / "page.css").read_text("utf-8")
CSS_HASH = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{CSS_HASH}'; base-uri 'none'; form-action 'none'",
    "Content-Language": "ko",
    "Vary": "Accept-Language",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
# A page that the demonstration wrote into a file: nothing in it runs, and it reaches nothing of ours.
SEALED = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"}
ONLY_LANG = Sentence("The only parameter of this page is lang.", ko="이 화면에서 쓸 수 있는 매개변수는 lang뿐입니다.")
KO_OR_EN = Sentence("lang is ko or en.", ko="lang은 ko 또는 en이어야 합니다.")
ONLY_READ = Sentence("This page can only be read.", ko="이 화면은 조회만 할 수 있습니다.")
NO_DEMONSTRATION = Sentence("No demonstration has been run here: make demo.", ko="아직 실행한 시연이 없습니다(make demo).")
environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
PAGE = environment.get_template("page.html.j2")


def front(demo: Path) -> Starlette:
    """`/` and `/demo/report`. `demo`: the folder of the last demonstration, which need not be there."""

    async def start(request: Request) -> Response:
        lang = tongue(request)
        report = demo / f"report-{lang}.html"
        made = datetime.fromtimestamp(report.stat().st_mtime, ZoneInfo(KOREA)) if report.exists() else None
        other = next(each for each in WORDS if each != lang)
        page = PAGE.render(lang=lang, other=other, words=WORDS[lang], css=CSS, parts=PARTS, made=made)
        return HTMLResponse(page, headers=HEADERS | {"Content-Language": lang})

    async def report(request: Request) -> Response:
        file = demo / f"report-{tongue(request)}.html"
        if not file.exists():
            raise NotFound(NO_DEMONSTRATION)
        return HTMLResponse(file.read_bytes(), headers=SEALED | {"Cache-Control": "no-store"})

    return Starlette(
        routes=[Route("/", start), Route("/demo/report", report)],
        exception_handlers={Problem: refuse, HTTPException: not_allowed},
    )


def tongue(request: Request) -> str:
    """The language that the address names, else the one that the caller prefers (Accept-Language), else Korean."""
    if unknown := sorted(set(request.query_params) - {"lang"}):
        fault = FieldError(f"query/{unknown[0][:40]}", "unknown-parameter", ONLY_LANG)
        raise Unprocessable(ONLY_LANG, errors=[fault])
    chosen = request.query_params.get("lang")
    if chosen is None:
        return language_of(request.headers) if "Accept-Language" in request.headers else Language.KO
    if chosen not in WORDS:
        raise Unprocessable(KO_OR_EN, errors=[FieldError("query/lang", "unknown-language", KO_OR_EN)])
    return chosen


async def refuse(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    language = language_of(request.headers)
    document = problem.document("", request.url.path[:500], language) | {"type": "about:blank"}
    return JSONResponse(document, problem.status, said_in(language), PROBLEM)


async def not_allowed(request: Request, error: Exception) -> Response:
    """Another verb than GET."""
    assert isinstance(error, HTTPException)
    status, language = HTTPStatus(error.status_code), language_of(request.headers)
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": said(ONLY_READ, language)}
    return JSONResponse(document, status, {**(error.headers or {}), **said_in(language)}, PROBLEM)
