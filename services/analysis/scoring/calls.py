"""The routes of calls: documented like any other, answered by the door."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from services.analysis.scoring.schemas import GIVEN, TAKEN, HeaderLength, ModelName, ModelVersion
from shared.http import Caller, summary_of
from shared.openapi import DocumentedApp

BASE: Final = "/analysis/scoring"
CALL: Final = re.compile(rf"{BASE}/v2/models/([^/]{{1,130}})(?:/versions/([^/]{{1,20}}))?/infer")


class CallRoute(APIRoute):
    """A documented route that the door answers, not the framework."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = scope["app"].state.door if scope["method"] == "POST" else super().handle
        await handle(scope, receive, send)


class ScoringApp(DocumentedApp):
    """An app whose calls go straight to the door; what the framework does on the way takes longer than scoring a row."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (found := CALL.fullmatch(scope["path"])):
            scope["app"] = self
            scope["route"] = self.state.calls[found[2] is not None]  # its name is the deed that a refusal is audited as
            scope["path_params"] = {"model_name": found[1], "model_version": found[2]}
            await self.state.door(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def infer_model(model_name: ModelName, caller: Caller, length: HeaderLength = None) -> None:
    """Score rows with the newest model of a name (released, and you have a grant on it).

    The Open Inference Protocol in JSON, or with the binary tensor data extension. The inputs are the model's tensors, or its
    features one by one. Every call counts for the grant; the counts are audited.
    """


async def infer_model_version(
    model_name: ModelName, model_version: ModelVersion, caller: Caller, length: HeaderLength = None
) -> None:
    """Score rows with one version of a model."""


def call_routes() -> list[APIRoute]:
    """That of a model's newest version, and that of one version."""
    model = f"{BASE}/v2/models/{{model_name}}"
    found: dict[str, Callable[..., Awaitable[None]]] = {
        f"{model}/infer": infer_model,
        f"{model}/versions/{{model_version}}/infer": infer_model_version,
    }
    return [
        CallRoute(
            path, endpoint, methods=["POST"], name=endpoint.__name__, summary=summary_of(endpoint.__doc__ or ""),
            operation_id=endpoint.__name__,
            tags=["inference"],
            responses=GIVEN, response_class=Response, openapi_extra=TAKEN,
        )
        for path, endpoint in found.items()
    ]  # fmt: skip
