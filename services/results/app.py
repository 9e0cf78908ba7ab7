"""The results service, put together."""

from pathlib import Path

from fastapi import FastAPI

from services.results.api import ROUTERS
from services.results.checks import check_next
from services.results.consumers import consumers
from services.results.disclosure import Rules
from services.results.disclosure.rules import DEFAULT
from services.results.models import PLUMBING, Base
from services.results.settings import Settings
from services.results.vault import Vault
from services.results.webhooks import deliver
from shared.bus import Bus
from shared.clock import now
from shared.health import rules_part
from shared.memory import settled
from shared.openapi import Tag
from shared.rabbit import RabbitBus
from shared.service import Context, Part, build_service
from shared.telemetry import setup_logging

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTION = """What analyses gave: disclosure control, output check, release, recall, reading, and webhooks.

A result is checked by rule and then by two people of two bodies, neither the one that asked. A released one is read by its
audience as JSON, as CSV or as a report in Korean and English; whoever subscribed is told by a signed webhook."""
TAGS = (
    Tag("results", "Released results: find, read, check, recall.", "결과의 검색, 열람, 점검, 회수."),
    Tag("webhooks", "Have a system of yours told of results.", "결과를 기관 시스템에 알리는 웹훅."),
)


def build(settings: Settings, bus: Bus) -> FastAPI:
    """The service on these settings and this bus."""
    keys = [key.get_secret_value() for key in settings.secret_keys]
    return build_service(
        "results",
        settings=settings,
        bus=bus,
        metadata=Base.metadata,
        tables=PLUMBING,
        migrations=MIGRATIONS,
        routers=ROUTERS,
        consumers=consumers,
        steps=[check_next, deliver],
        checks=[webhooks_part, rules_checked],
        state={"rules": Rules.load(settings.disclosure_rules or DEFAULT), "vault": Vault(keys) if keys else None},
        description=DESCRIPTION,
        tags=TAGS,
    )


async def webhooks_part(context: Context) -> Part:
    if context.state["vault"] is None:
        return Part(name="webhooks", state="degraded", detail="no key is set to keep webhook secrets under")
    return Part(name="webhooks", state="ready")


async def rules_checked(context: Context) -> Part:
    """Whether the texts behind the disclosure profile have to be read again."""
    return rules_part({"disclosure profile": context.state["rules"]}, now().date())


def main() -> FastAPI:
    """The service alone: uvicorn --factory services.results.app:main"""
    settings = Settings()
    setup_logging("results", settings.log_level)
    if settings.amqp_url is None:
        raise ValueError("RESULTS_AMQP_URL is not set")
    return settled(build(settings, RabbitBus(settings.amqp_url.get_secret_value(), "results", prefix=settings.bus_prefix)))
