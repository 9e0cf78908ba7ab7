"""The requests service, put together."""

from pathlib import Path

from fastapi import FastAPI

from services.requests.actions import OpenLimits
from services.requests.api import router
from services.requests.consumers import consumers
from services.requests.models import PLUMBING, Base
from services.requests.rules import HOUSE_RULES, Rules, load_rules
from services.requests.settings import Settings
from shared.bus import Bus
from shared.clock import now
from shared.health import rules_part
from shared.memory import settled
from shared.openapi import Tag
from shared.rabbit import RabbitBus
from shared.service import Context, Part, build_service
from shared.telemetry import setup_logging

MIGRATIONS = Path(__file__).with_name("migrations")
DESCRIPTION = """Requests for analyses: what was asked, who has to decide, what they said and why.

A request names a live method and a dataset for each of its inputs, and is checked at once. Every owner of every dataset decides,
then the council votes; a request may be returned, corrected, or taken back at any stop. `waiting` says who must act, `actions`
what the caller may do now."""
TAGS = (
    Tag(
        "requests",
        "Ask for an analysis, decide on it, vote on it, and see where it stands.",
        "분석 요청, 데이터 제공 결정, 협의회 표결, 진행 상황.",
    ),
)


def build(settings: Settings, bus: Bus) -> FastAPI:
    return build_service(
        "requests",
        settings=settings,
        bus=bus,
        metadata=Base.metadata,
        tables=PLUMBING,
        migrations=MIGRATIONS,
        routers=[router],
        consumers=consumers,
        checks=[rules_checked],
        state={
            "rules": load_rules(settings.rules or HOUSE_RULES),
            "open_limits": OpenLimits(settings.open_each, settings.open_identical),
        },
        description=DESCRIPTION,
        tags=TAGS,
    )


async def rules_checked(context: Context) -> Part:
    """Whether the texts of a rule have to be read again."""
    rules: Rules = context.state["rules"]
    return rules_part(rules.based, rules.day(now()))


def main() -> FastAPI:
    """The service alone: uvicorn --factory services.requests.app:main"""
    settings = Settings()
    setup_logging("requests", settings.log_level)
    if settings.amqp_url is None:
        raise ValueError("REQUESTS_AMQP_URL is not set")
    return settled(build(settings, RabbitBus(settings.amqp_url.get_secret_value(), "requests", prefix=settings.bus_prefix)))
