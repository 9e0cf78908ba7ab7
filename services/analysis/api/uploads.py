"""Methods that are an ONNX file and a manifest: upload them over HTTP; a stock worker hosts them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.analysis import actions, messages, queries
from services.analysis.api.methods import MethodName, Version
from services.analysis.schemas import FaultIn, ManifestIn, OnnxMethodOut, OnnxMethodSummary
from services.analysis.schemas.uploads import ONNX, ONNX_FILE
from shared.auth import Role
from shared.contracts import HostingManifest
from shared.errors import NotFound, UnsupportedMedia
from shared.http import Caller, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, ETAG, NEW
from shared.telemetry import routine

router = APIRouter(prefix="/onnx-methods", route_class=Route, tags=["onnx-methods"])
BYTES = "application/octet-stream"
AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": OnnxMethodOut, "description": "It was uploaded before, the same.", "headers": NEW}
}


@router.post(
    "",
    status_code=201,
    responses=CREATED | AGAIN,
)
async def upload_manifest(data: ManifestIn, session: Transaction, caller: Caller, response: Response) -> OnnxMethodOut:
    """Upload the manifest of an ONNX method (requester of the ministry that owns it, or centre-analyst). Its file comes next."""
    method, created = await actions.upload_manifest(session, caller, HostingManifest.model_validate(data.model_dump()))
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/analysis/onnx-methods/{method.name}/{method.release}"
    tagged(response, method)
    return await queries.describe_upload(session, method)


@router.put("/{name}/{version}/file", openapi_extra=ONNX, responses={200: {"headers": ETAG}})
async def attach_file(name: MethodName, version: Version, request: Request, caller: Caller, response: Response) -> OnnxMethodOut:
    """Hand in the ONNX file (who uploaded the manifest).

    It is checked at once without being run: standard operators alone, nothing outside of the file, a supported opset, one
    float32 matrix in and one number a row out. A stock worker then opens it in a sandboxed child and scores made-up rows, 1, 33
    and 4,096 of them; only then it announces the method, and two reviewers of two bodies make it live. What fails is told by
    `fault`, with a sentence that says what to export instead."""
    state = request.app.state
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != BYTES:
        raise UnsupportedMedia(messages.ONNX_MEDIA_TYPE(media_type=BYTES), accepted=[BYTES])
    async with state.db.transaction(caller=caller) as session:
        method = await actions.check_attach(session, caller, name, version)
    stored = await state.storage.put_stream(request.stream(), media_type=BYTES, limit=state.settings.model_limit)
    await actions.check_onnx_file(state.storage, stored.sha256, method)
    async with state.db.transaction(caller=caller) as session:
        method = await actions.attach_file(session, caller, name, version, stored)
        tagged(response, method)
        return await queries.describe_upload(session, method)


@router.get("")
async def list_uploads(
    session: Reading,
    caller: Caller,
    page: Paging,
    request: Request,
    response: Response,
    hostable: Annotated[bool, Query(description="Only those whose file is there and that no worker found fault with.")] = False,
) -> Page[OnnxMethodSummary]:
    """List uploaded ONNX methods, newest first: those of your ministry, or all for workers, reviewers and the centre."""
    if hostable and Role.WORKER in caller.roles:  # a worker looks every two seconds
        routine(request)
    items, cursor = await queries.list_uploads(session, caller, page, hostable=hostable)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{name}/{version}")
async def show_upload(name: MethodName, version: Version, session: Reading, caller: Caller) -> OnnxMethodOut:
    """Show an uploaded ONNX method: its manifest, what it lacks, and who must act."""
    return await queries.describe_upload(session, await queries.get_upload(session, caller, name, version))


@router.get("/{name}/{version}/file", response_class=StreamingResponse, responses=ONNX_FILE)
async def get_file(name: MethodName, version: Version, request: Request, caller: Caller) -> StreamingResponse:
    """Download the ONNX file (worker or method-reviewer). The reading is audited before the first byte leaves."""
    async with request.app.state.db.transaction(caller=caller) as session:
        method = await actions.read_file(session, caller, name, version)
    if method.sha256 is None:
        raise NotFound(messages.NO_ONNX_FILE)
    stream = request.app.state.storage.open_stream(method.sha256)
    return StreamingResponse(stream, media_type=BYTES, headers={"Content-Length": str(method.size)})


@router.post("/{name}/{version}/fault")
async def note_fault(name: MethodName, version: Version, data: FaultIn, session: Transaction, caller: Caller) -> OnnxMethodOut:
    """Say why an ONNX method cannot be hosted (worker); those who uploaded it read it in Korean and English."""
    return await queries.describe_upload(session, await actions.note_fault(session, caller, name, version, data))
