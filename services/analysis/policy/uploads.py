"""Who may upload an ONNX method, see it, and host it."""

from services.analysis import messages
from services.analysis.models import OnnxMethod
from services.analysis.policy.methods import sees_every_method
from shared.auth import Principal, Role, require
from shared.contracts import HostingManifest
from shared.errors import Conflict, Forbidden, NotFound

UPLOADERS = (Role.REQUESTER, Role.CENTRE_ANALYST)


def check_may_upload(caller: Principal, manifest: HostingManifest) -> None:
    """A ministry uploads its own methods; the centre anybody's."""
    require(caller, *UPLOADERS)
    if not caller.has(Role.CENTRE_ANALYST) and manifest.card.owner != caller.ministry:
        sentence = messages.OTHER_OWNER(owner=manifest.card.owner, ministry=caller.ministry)
        raise Forbidden(sentence, right="centre-analyst")


def sees_every_upload(caller: Principal) -> bool:
    return sees_every_method(caller) or caller.has(Role.WORKER)


def check_may_see_upload(caller: Principal, method: OnnxMethod) -> None:
    if not sees_every_upload(caller) and caller.ministry != method.uploaded_ministry:
        raise NotFound(messages.NO_ONNX_METHOD)


def check_may_attach(caller: Principal, method: OnnxMethod, announced: bool) -> None:
    """Its uploader hands in the file, and another one as long as no worker has announced the method."""
    check_may_see_upload(caller, method)
    if caller.subject != method.uploaded_by:
        raise Forbidden(messages.NOT_UPLOADER, right=f"the person who uploaded {method.label}")
    if announced:
        raise Conflict(messages.ANNOUNCED_WITH_FILE(label=method.label))


def check_may_host(caller: Principal, method: OnnxMethod) -> None:
    require(caller, Role.WORKER, Role.METHOD_REVIEWER)
    if method.sha256 is None:
        raise NotFound(messages.NO_ONNX_FILE)


def upload_waiting(method: OnnxMethod, announced: bool) -> str | None:
    """What an upload lacks."""
    if method.sha256 is None:
        return f"Its file: {method.uploaded_by} hands it in (PUT .../file)."
    if method.fault:
        return f"No worker could host it: {method.fault}"
    return None if announced else "A stock worker that hosts uploads must announce it; it goes on by itself."
