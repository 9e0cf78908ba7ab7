"""The catalog service, put together."""

from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from services.catalog import actions, queries
from services.catalog.api import routers
from services.catalog.checks import check_next
from services.catalog.consumers import consumers
from services.catalog.models import PLUMBING, Base
from services.catalog.settings import Settings
from shared.bus import Bus
from shared.memory import settled
from shared.openapi import Tag
from shared.rabbit import RabbitBus
from shared.service import Context, build_service
from shared.telemetry import setup_logging

DESCRIPTION = """Which tables the member ministries offer for joint analysis, on what legal basis and for which purposes.

A steward registers a dataset with its table schema and hands in a file; the file is checked against the schema, and the
dataset is published whole or not at all. Nobody reads a raw file here."""
TAGS = (
    Tag("datasets", "Which tables are offered: register, find, change, withdraw.", "데이터셋의 등록, 검색, 변경, 철회."),
    Tag("files", "A dataset's file: hand it in, and see its check.", "데이터셋 파일의 제출과 점검 결과."),
    Tag("ministries", "Who is a member, and the keys that lists are sealed to.", "회원 기관과 제한 목록 봉인용 키."),
)


async def announce(context: Context) -> bool:
    """Say again who is a member."""
    every = timedelta(seconds=context.settings.announce_seconds)
    async with context.db.reading() as session:
        if not await queries.anything_to_announce(session, every):
            return False
    async with context.db.transaction() as session:
        return await actions.announce_members(session, every) > 0


def quota(settings: Settings) -> actions.Quota:
    return actions.Quota(settings.waiting_files, settings.waiting_bytes, settings.daily_files, settings.daily_bytes)


def build(settings: Settings, bus: Bus) -> FastAPI:
    return build_service(
        "catalog",
        settings=settings,
        bus=bus,
        metadata=Base.metadata,
        tables=PLUMBING,
        migrations=Path(__file__).with_name("migrations"),
        routers=routers,
        consumers=consumers,
        steps=[check_next],
        state={"quota": quota(settings)},
        chores=[announce],
        description=DESCRIPTION,
        tags=TAGS,
    )


def main() -> FastAPI:
    """The service alone: uvicorn --factory services.catalog.app:main"""
    settings = Settings()
    setup_logging("catalog", settings.log_level)
    if settings.amqp_url is None:
        raise ValueError("CATALOG_AMQP_URL is not set")
    return settled(build(settings, RabbitBus(settings.amqp_url.get_secret_value(), "catalog", prefix=settings.bus_prefix)))
