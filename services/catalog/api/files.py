"""Files over HTTP: handed in as a stream, never given out; and the reports of their checks."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from services.catalog import actions, messages, policy, queries
from services.catalog.digests import check_digests, declared_sha256
from services.catalog.models import UNCHECKED, Dataset, DatasetFile
from services.catalog.profile.media import CSV, PARQUET, XLSX, UnknownMediaError, declared
from services.catalog.schemas.causes import sentence
from services.catalog.schemas.files import CheckOut, FileErrorOut
from services.catalog.schemas.reports import FileError, Report
from shared.auth import Principal
from shared.contracts import StoredObject
from shared.errors import TooLarge, UnsupportedMedia
from shared.http import Caller, Reading, Route, tagged
from shared.messages import FILE_TOO_LARGE
from shared.openapi import NEW, UNCHANGED

router = APIRouter(prefix="/datasets/{dataset_id}", route_class=Route, tags=["files"])
FileNumber = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
# Generators of clients know no other media type for bytes; which of them it is the bytes say, or Content-Type.
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "CSV, Parquet or .xlsx. Beside `application/octet-stream`, where the bytes say which it is, "
        f"Content-Type may be `{CSV}`, `{PARQUET}` or `{XLSX}`.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "person_no,tax_year,wages\n0000-4073-2979,2012,100757\n0000-9818-1151,2012,\n",
            },
        },
    }
}
STORED: dict[int | str, dict[str, Any]] = {200: {"model": CheckOut, "headers": NEW}, 202: {"headers": NEW}}
REFUSED = {
    "media type": messages.MEDIA_TYPE,
    "charset": messages.CHARSET,
    "delimiter": messages.DELIMITER,
}


@router.put(
    "/file",
    status_code=202,
    openapi_extra=BODY,
    responses=STORED,
)
async def attach_file(dataset_id: UUID, request: Request, caller: Caller, response: Response) -> CheckOut:
    """Hand in the dataset's file (steward of its ministry), as CSV, as Parquet or as .xlsx with one sheet.

    The header has the names of the table's columns, or their source_name, in any order. CSV is UTF-8 with commas unless
    Content-Type says otherwise: `text/csv; charset=cp949; delimiter=semicolon` (charset: utf-8, euc-kr, cp949, utf-16;
    delimiter: comma, semicolon, tab, pipe). For application/octet-stream and application/vnd.ms-excel the bytes decide.
    The digest is that of what is sent. A file in another form than plain CSV or Parquet is converted when it passes.
    The answer comes when the file is stored; its check goes on, and `Location` says where to look. The same file again
    is the same version. Send `Repr-Digest` to have the transfer verified. What is published stays so until the new file
    has passed. What a ministry may have waiting for a check, and may hand in within a day, is bounded (429, with the quota).
    """
    db, settings, quota = request.app.state.db, request.app.state.settings, request.app.state.context.state["quota"]
    async with db.reading(caller=caller) as session:
        dataset = await queries.find_dataset(session, caller, dataset_id)
        policy.may_attach(caller, dataset)
        used = await queries.usage(session, dataset.ministry, but_waiting_for=dataset.id)
    media_type, declared = accepted_media_type(request), declared_sha256(request.headers)
    check_length(request, settings.upload_limit)
    room = quota.left(used)
    quota.check(used, length(request))
    try:
        stored = await request.app.state.storage.put_stream(
            request.stream(), media_type=media_type, limit=min(settings.upload_limit, room)
        )
    except TooLarge:
        quota.check(used, min(settings.upload_limit, room) + 1)  # names the quota, if that was the limit
        raise
    check_digests(declared, stored)
    async with db.transaction(caller=caller) as session:
        file = await actions.attach_file(session, caller, dataset_id, stored, quota=quota)
        dataset = await queries.find_dataset(session, caller, dataset_id)
    response.status_code = 202 if file.state in UNCHECKED else 200
    response.headers["Location"] = f"/catalog/datasets/{dataset_id}/checks/{file.number}"
    return shown(caller, dataset, file, response)


@router.get("/checks/{version}", responses=UNCHANGED)
async def get_check(dataset_id: UUID, version: FileNumber, session: Reading, caller: Caller, response: Response) -> CheckOut:
    """Show the check of a handed-in file (steward of its ministry): every fault by line and column, never by its value."""
    dataset = await queries.own_dataset(session, caller, dataset_id)
    return shown(caller, dataset, await queries.find_file(session, dataset, version), response)


def accepted_media_type(request: Request) -> str:
    """The declared media type with charset and delimiter where they are not the usual ones."""
    try:
        return str(declared(request.headers.get("content-type", "")))
    except UnknownMediaError as unknown:
        raise UnsupportedMedia(REFUSED[unknown.what], accepted=unknown.accepted) from None


def length(request: Request) -> int:
    """Bytes of the body as declared; 0 if they are not."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else 0


def check_length(request: Request, limit: int) -> None:
    """Refuse what says itself that it is too large before any of it is read."""
    if length(request) > limit:
        raise TooLarge(FILE_TOO_LARGE(limit=limit), limit_bytes=limit)


def shown(caller: Principal, dataset: Dataset, file: DatasetFile, response: Response) -> CheckOut:
    tagged(response, file)
    report = Report.model_validate(file.report) if file.report else None
    return CheckOut(
        dataset_id=dataset.id,
        version=file.number,
        state=file.state,
        object=file.stored,
        uploaded_by=file.uploaded_by,
        uploaded_at=file.created_at,
        checked_at=file.checked_at,
        rows=report and report.rows,
        error_count=report and report.error_count,
        errors=[explained(error) for error in report.errors] if report else [],
        warnings=[explained(warning) for warning in report.warnings] if report else [],
        keys=report.keys if report else [],
        charset=report and report.charset,
        converted=StoredObject.model_validate(file.converted) if file.converted else None,
        actions=[action for action in policy.actions_for(caller, dataset) if action == "file"],
    )


def explained(error: FileError) -> FileErrorOut:
    return FileErrorOut(
        line=error.line,
        column=error.column,
        source_name=error.source_name,
        code=error.code,
        cause=error.cause,
        lines=error.lines,
        count=error.count,
        detail=sentence(error),
    )
