"""What a result holds, over HTTP: tables, metrics, figures, the report, and the restricted list."""

import asyncio
import json
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from services.results.actions.reading import open_restricted_list
from services.results.api.names import Name, ResultId
from services.results.disclosure import MAX_STORED, ListLine, line_batches, read_stored
from services.results.models import Result
from services.results.queries.contents import LIMIT, entry, load_json, load_table, load_tables
from services.results.queries.report import Background, background, report_view
from services.results.queries.results import readable_result
from services.results.report import CONTENT_POLICY, render_page, with_rows
from services.results.schemas import files
from services.results.schemas.results import Why
from shared.http import Caller, OptionalCaller, Route, as_asked
from shared.openapi import ANYBODY
from shared.sheets import csv_line, csv_table
from shared.storage import Storage

router = APIRouter(route_class=Route, tags=["results"])
CSV = "text/csv; charset=utf-8; header=present"
# Whoever opens a picture by itself opens no page of ours with it.
SEALED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Tongue(StrEnum):
    KO = "ko"
    EN = "en"


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


class ListFormat(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


async def readable(request: Request, result_id: ResultId, caller: OptionalCaller) -> Result:
    """The result, if the caller may read what is in it. No session stays open while files are read."""
    async with request.app.state.db.reading(caller=caller) as session:
        return await readable_result(session, caller, result_id)


Readable = Annotated[Result, Depends(readable)]


def storage_of(request: Request) -> Storage:
    storage: Storage = request.app.state.storage
    return storage


Stored = Annotated[Storage, Depends(storage_of)]


def file_answer(body: str | bytes, media_type: str, filename: str | None = None) -> Response:
    headers = dict(SEALED)
    if filename:
        headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return Response(body, media_type=media_type, headers=headers)


def json_answer(value: Any, media_type: str = "application/json") -> Response:
    return file_answer(json.dumps(value, ensure_ascii=False, allow_nan=False), media_type)


@router.get("/{result_id}/tables/{name}", response_class=Response, responses=files.TABLE_ANSWER, openapi_extra=ANYBODY)
async def read_table(
    result: Readable,
    name: Name,
    request: Request,
    storage: Stored,
    wanted: Annotated[Format | None, Query(alias="format")] = None,
) -> Response:
    """Read a table: as JSON, or as CSV by `?format=csv` or the Accept header. No text in the CSV can act as a formula."""
    table = await load_table(storage, result, name)
    if wanted is Format.CSV or (wanted is None and "text/csv" in request.headers.get("accept", "")):
        return file_answer(csv_table([column["name"] for column in table["columns"]], table["rows"]), CSV, f"{name}.csv")
    return json_answer(table)


@router.get("/{result_id}/metrics/{name}", response_class=Response, responses=files.METRICS_ANSWER, openapi_extra=ANYBODY)
async def read_metrics(result: Readable, name: Name, storage: Stored) -> Response:
    """Read metrics: each figure with the count it stands on."""
    return json_answer(await load_json(storage, entry(result, "metrics", name)["sha256"]))


@router.get("/{result_id}/figures/{name}.svg", response_class=Response, responses=files.SVG_ANSWER, openapi_extra=ANYBODY)
async def read_figure_svg(request: Request, result: Readable, name: Name, storage: Stored, lang: Tongue = Tongue.KO) -> Response:
    """Read a figure as SVG: drawn on the server, in Korean or English."""
    return file_answer(await storage.read(entry(result, "figures", name)["svg"][lang], LIMIT), as_asked(request, "image/svg+xml"))


@router.get("/{result_id}/figures/{name}.png", response_class=Response, responses=files.PNG_ANSWER, openapi_extra=ANYBODY)
async def read_figure_png(request: Request, result: Readable, name: Name, storage: Stored, lang: Tongue = Tongue.KO) -> Response:
    """Read a figure as PNG: drawn on the server, in Korean or English."""
    return file_answer(await storage.read(entry(result, "figures", name)["png"][lang], LIMIT), as_asked(request, "image/png"))


@router.get("/{result_id}/figures/{name}.json", response_class=Response, responses=files.SPEC_ANSWER, openapi_extra=ANYBODY)
async def read_figure_spec(result: Readable, name: Name, storage: Stored, lang: Tongue = Tongue.KO) -> Response:
    """Read a figure as a Vega-Lite specification: with the rows that it draws, for a browser to render."""
    spec = await load_json(storage, entry(result, "figures", name)["sha256"])
    return json_answer(with_rows(spec, await load_tables(storage, result), lang), "application/vnd.vegalite+json")


@router.get("/{result_id}/report", response_class=HTMLResponse, responses=files.REPORT_ANSWER, openapi_extra=ANYBODY)
async def read_report(
    result_id: ResultId, request: Request, storage: Stored, caller: OptionalCaller, lang: Tongue = Tongue.KO
) -> HTMLResponse:
    """Read the report: one page that loads nothing from anywhere, in Korean or English."""
    result, around = await result_and_background(request, result_id, caller)
    page = render_page(await report_view(storage, result, around, request.app.state.context.state["rules"]), lang)
    headers = {"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(page, headers=headers)


async def result_and_background(request: Request, result_id: ResultId, caller: OptionalCaller) -> tuple[Result, Background]:
    async with request.app.state.db.reading(caller=caller) as session:
        result = await readable_result(session, caller, result_id)
        return result, await background(session, result)


@router.get("/{result_id}/restricted-list", response_class=StreamingResponse, responses=files.LIST_ANSWER)
async def read_restricted_list(
    result_id: ResultId,
    request: Request,
    storage: Stored,
    caller: Caller,
    reason: Annotated[Why, Query(description="Why you read it; kept in the audit.", examples=["Visits of round three."])],
    name: Annotated[str | None, Query(max_length=63)] = None,
    wanted: Annotated[ListFormat, Query(alias="format")] = ListFormat.NDJSON,
) -> StreamingResponse:
    """Read the restricted list (requesters and stewards of the ministry that asked). The read is audited before the first byte.

    `sealed` is the entity's own key, sealed to the ministry: `python -m deploy.open_list` opens it, offline. It is null if the
    ministry had no valid key when the inputs were prepared.
    """
    async with request.app.state.db.transaction(caller=caller) as session:
        listed = await open_restricted_list(session, caller, result_id, name=name, reason=reason)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{listed["name"]}.{wanted}"', **SEALED}
    if wanted is ListFormat.NDJSON:
        return StreamingResponse(storage.open_stream(listed["sha256"]), media_type="application/x-ndjson", headers=headers)
    return StreamingResponse(list_as_csv(storage.open_stream(listed["sha256"])), media_type=CSV, headers=headers)


async def list_as_csv(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    yield csv_line(["pseudonym", "score", "codes", "reasons_ko", "reasons_en", "sealed"])
    async for batch in line_batches(chunks, MAX_STORED):
        yield await asyncio.to_thread(csv_of, batch)


def csv_of(batch: list[bytes]) -> str:
    """Lines of a restricted list as lines of a CSV."""
    lines = map(read_stored, batch)
    return "".join(csv_line([line.pseudonym, line.score, *reasons_of(line), line.sealed]) for line in lines)


def reasons_of(line: ListLine) -> list[str]:
    return ["; ".join(reason[part] for reason in line.reasons) for part in ("code", "ko", "en")]
