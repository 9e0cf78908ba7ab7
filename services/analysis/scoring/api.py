"""Health and metadata of the protocol, and the metrics of the process."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from services.analysis.scoring.registry import ModelFile, check_database, visible_models
from services.analysis.scoring.schemas import (
    Live,
    ModelMetadata,
    ModelName,
    ModelReady,
    ModelVersion,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from services.analysis.scoring.sessions import Model, check_format
from shared.auth import Principal
from shared.db import Database
from shared.health import METRICS_TEXT
from shared.http import Caller, Route
from shared.telemetry import Metrics

router = APIRouter(route_class=Route)
protocol = APIRouter(prefix="/v2", route_class=Route, tags=["inference"])


@router.get("/metrics", response_class=PlainTextResponse, responses=METRICS_TEXT, tags=["health"], name="scoring_metrics")
async def metrics(request: Request) -> Response:
    """Read Prometheus metrics of this process."""
    kept: Metrics = request.app.state.metrics
    return Response(kept.render(), media_type="text/plain; version=0.0.4")


@protocol.get("", include_in_schema=False)
@protocol.get("/")
async def show_server() -> ServerMetadata:
    """Show the server: its name, version and extensions."""
    return ServerMetadata()


@protocol.get("/health/live")
async def server_live() -> Live:
    """Check that the server is alive: the process answers."""
    return Live()


@protocol.get("/health/ready")
async def server_ready(request: Request) -> Ready:
    """Check that the server is ready: the database, which holds the grants, answers."""
    db: Database = request.app.state.db
    async with db.reading() as session:
        await check_database(session)
    return Ready()


async def visible(request: Request, caller: Principal, name: str, release: str | None) -> list[ModelFile]:
    """The models, in a transaction that is over before a file is opened."""
    db: Database = request.app.state.db
    async with db.reading(caller=caller) as session:
        return await visible_models(session, caller, name, release)


async def opened(request: Request, found: ModelFile) -> Model:
    check_format(found.format)
    model: Model = await request.app.state.door.shelf.get(found.sha256)
    return model


@protocol.get("/models/{model_name}/ready")
async def model_ready(model_name: ModelName, request: Request, caller: Caller) -> ModelReady:
    """Check that the newest model of a name can be asked; its file is opened for that."""
    await opened(request, (await visible(request, caller, model_name, None))[0])
    return ModelReady(name=model_name)


@protocol.get("/models/{model_name}/versions/{model_version}/ready")
async def model_version_ready(model_name: ModelName, model_version: ModelVersion, request: Request, caller: Caller) -> ModelReady:
    """Check that a version of a model can be asked."""
    await opened(request, (await visible(request, caller, model_name, model_version))[0])
    return ModelReady(name=model_name)


@protocol.get("/models/{model_name}")
async def show_model(model_name: ModelName, request: Request, caller: Caller) -> ModelMetadata:
    """Show the newest model of a name: what it takes and gives, and the versions that you may know of."""
    found = await visible(request, caller, model_name, None)
    return described(found, await opened(request, found[0]))


@protocol.get("/models/{model_name}/versions/{model_version}")
async def show_model_version(
    model_name: ModelName, model_version: ModelVersion, request: Request, caller: Caller
) -> ModelMetadata:
    """Show a version of a model: what it takes and gives."""
    found = await visible(request, caller, model_name, model_version)
    return described(found, await opened(request, found[0]))


def described(found: list[ModelFile], model: Model) -> ModelMetadata:
    signature = model.signature
    return ModelMetadata(
        name=found[0].name,
        versions=[each.release for each in found],
        inputs=[TensorMetadata(**spec.as_json()) for spec in signature.inputs],
        outputs=[TensorMetadata(**spec.as_json()) for spec in signature.outputs],
        properties={
            "features": ",".join(signature.features),
            "missing_values": str(signature.missing).lower(),
            "sha256": found[0].sha256,
        },
    )
