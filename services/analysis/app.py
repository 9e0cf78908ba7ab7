"""The analysis service, put together."""

from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from services.analysis import actions, claims, queries
from services.analysis.api import routers
from services.analysis.consumers import consumers
from services.analysis.models import PLUMBING, Base
from services.analysis.prepare.clearing import clear_next, clear_outputs_next, clear_sealed_next
from services.analysis.prepare.readers import Limits
from services.analysis.prepare.steps import PrepareTerms, prepare_next
from services.analysis.rules import HOUSE_RULES, load_rules
from services.analysis.settings import Settings
from shared.bus import Bus
from shared.memory import settled
from shared.openapi import Tag
from shared.rabbit import RabbitBus
from shared.service import Context, Part, build_service
from shared.telemetry import setup_logging

DESCRIPTION = """Methods, and the runs of approved requests.

A method is announced by the program that runs it, reviewed by two people of two bodies, and then live. An approved request
becomes a run: the centre links its inputs under a key of the request's own, and a worker gets only that pseudonymised bundle."""
MIGRATIONS = Path(__file__).with_name("migrations")
FORGOTTEN = timedelta(days=1)
TAGS = (
    Tag("methods", "What can be computed: announce, review, withdraw a version.", "분석 방법 버전의 등록, 검토, 철회."),
    Tag("onnx-methods", "Methods that are an ONNX file and a manifest.", "ONNX 파일과 명세로 된 분석 방법."),
    Tag("runs", "What is being computed: follow, cancel, put first.", "분석 실행의 조회, 추적, 취소, 우선순위."),
    Tag("models", "Trained models: read, review, withdraw.", "학습된 모형의 조회, 검토, 철회."),
    Tag("grants", "Who may score with a released model, and for what.", "공개된 모형의 이용 허가."),
    Tag("quotas", "How many runs a ministry may have under way.", "기관별 동시 실행 한도."),
    Tag("worker", "For programs that compute: claim a run, hand in its outputs.", "실행기용: 실행 배정과 결과물 제출."),
)


async def prepare(context: Context) -> bool:
    """Link the inputs of the run whose turn it is."""
    return await prepare_next(context.db, context.storage, context.state["prepare_terms"])


async def clear(context: Context) -> bool:
    """Delete what a run that has ended, or a request that is closed, left in the storage."""
    db, storage, grace = context.db, context.storage, timedelta(days=context.settings.refused_output_days)
    return await clear_next(db, storage) or await clear_sealed_next(db, storage) or await clear_outputs_next(db, storage, grace)


async def reap(context: Context) -> bool:
    """End runs whose last worker was lost, and forget workers that are long gone."""
    return await actions.reap(context.db, context.settings.max_attempts, FORGOTTEN)


async def workers_part(context: Context) -> Part:
    """Whether workers call, and whether each has every layer of the sandbox; what is not built in does not run without.

    A worker that brings its methods in a program of its own need not say: then that is told, and no fault."""
    try:
        async with context.db.reading() as session:
            workers = await queries.missing_layers(session, timedelta(seconds=context.settings.worker_seen_seconds))
    except Exception:  # the part `database` says why
        return Part(name="workers", state="ready", detail="not known while the database does not answer")
    if not workers:
        return Part(name="workers", state="ready", detail="no worker has called lately")
    told = []
    if lacking := [missing for missing in workers if missing]:
        names = ", ".join(sorted({name for missing in lacking for name in missing}))
        told.append(f"{len(lacking)} of {len(workers)} workers lack layers of the sandbox: {names}")
    if silent := workers.count(None):
        told.append(f"{silent} of {len(workers)} workers do not say which layers of the sandbox they have")
    return Part(name="workers", state="degraded" if lacking else "ready", detail="; ".join(told) or None)


def build(settings: Settings, bus: Bus) -> FastAPI:
    limits = Limits(memory_mb=settings.prepare_memory_mb, threads=settings.prepare_threads)
    lease = timedelta(seconds=settings.prepare_lease_seconds)
    aging = timedelta(seconds=settings.aging_seconds)
    terms = PrepareTerms(
        settings.wrapping_bytes, limits, lease, settings.max_attempts, settings.scratch, aging, settings.time_zone
    )
    return build_service(
        "analysis",
        settings=settings,
        bus=bus,
        metadata=Base.metadata,
        tables=PLUMBING,
        migrations=MIGRATIONS,
        routers=[*routers, claims.router],
        consumers=consumers,
        steps=[prepare],
        chores=[clear, reap],
        checks=[workers_part],
        state={"prepare_terms": terms, "rules": load_rules(settings.rules or HOUSE_RULES)},
        description=DESCRIPTION,
        tags=TAGS,
    )


def main() -> FastAPI:
    """The service alone: uvicorn --factory services.analysis.app:main"""
    settings = Settings()
    setup_logging("analysis", settings.log_level)
    if settings.amqp_url is None:
        raise ValueError("ANALYSIS_AMQP_URL is not set")
    return settled(build(settings, RabbitBus(settings.amqp_url.get_secret_value(), "analysis", prefix=settings.bus_prefix)))
