"""The catalog service, put together."""

from pathlib import Path

from fastapi import FastAPI

from services.catalog.api import routers
from services.catalog.checks import check_next
from services.catalog.consumers import consumers
from services.catalog.models import PLUMBING, Base
from services.catalog.settings import Settings
from shared.bus import Bus
from shared.memory import settled
from shared.rabbit import RabbitBus
from shared.service import build_service
from shared.telemetry import setup_logging

DESCRIPTION = """Which tables the member ministries offer for joint analysis, on what legal basis and for which purposes.

A steward registers a dataset with its table schema and hands in a file; the file is checked against the schema, and the
dataset is published whole or not at all. Nobody reads a raw file here."""


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
        description=DESCRIPTION,
    )


def main() -> FastAPI:
    """The service alone: uvicorn --factory services.catalog.app:main"""
    settings = Settings()
    setup_logging("catalog", settings.log_level)
    if settings.amqp_url is None:
        raise ValueError("CATALOG_AMQP_URL is not set")
    return settled(build(settings, RabbitBus(settings.amqp_url.get_secret_value(), "catalog", prefix=settings.bus_prefix)))
