"""Who may upload an ONNX method, see it, and host it."""

from collections.abc import Mapping

from services.analysis import messages
from services.analysis.models import OnnxMethod
from services.analysis.policy.methods import sees_every_method
from services.analysis.policy.outputs import without_cells
from shared.auth import Principal, Role, require
from shared.contracts import HostingManifest, LocalSentence, MethodCard, ModelFault, model_fault
from shared.errors import Conflict, Forbidden, NotFound

MOST_WORDS = 1000
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


def fault_told(card: MethodCard, code: str | None, values: Mapping[str, str], words: str | None) -> ModelFault:
    """A worker's fault: the platform's sentence of its code, or the worker's own words; no cell may stand in either."""
    plain = {name: without_cells(value, MOST_WORDS) for name, value in values.items()}
    try:
        fault = model_fault(code or "", **plain | {"memory_mb": card.resources.memory_mb})
    except (KeyError, ValueError, IndexError):
        told = without_cells(words or code or "", MOST_WORDS)
        return ModelFault(code=code or "not-hosted", detail=LocalSentence(ko=told, en=told))
    cut = {tongue: text[:MOST_WORDS] for tongue, text in fault.detail.model_dump().items()}
    return fault.model_copy(update={"detail": LocalSentence(**cut)})


def known_fault(method: OnnxMethod) -> ModelFault | None:
    """What is wrong with an upload; one that was noted before there were codes has its words in one language."""
    if method.fault is None:
        return None
    detail = LocalSentence(ko=method.fault_ko or method.fault, en=method.fault)
    return ModelFault(code=method.fault_code or "not-hosted", detail=detail)


def upload_waiting(method: OnnxMethod, announced: bool) -> str | None:
    """What an upload lacks."""
    if method.sha256 is None:
        return f"Its file: {method.uploaded_by} hands it in (PUT .../file)."
    if method.fault:
        return f"No worker could host it: {method.fault}"
    return None if announced else "A stock worker that hosts uploads must announce it, after a trial; it goes on by itself."
