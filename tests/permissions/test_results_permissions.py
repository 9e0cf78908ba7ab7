"""Every cell of the results service's permission table."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from deploy.permissions import rows
from services.results.models import Delivery, DeliveryState, Result, Status
from services.results.vault import new_key
from shared.clock import now
from shared.contracts import Alarm, Audience, AudienceKind, ResultReleased
from shared.ids import new_id
from tests.permissions.matrix import REASON, Call, Headers, Who, World, common, mismatches, sealed
from tests.results.build import outputs
from tests.results.conftest import APPROVE, House
from tests.results.receivers import Receiver, listening

CONTENTS = {
    "read_table": "tables/by_region", "read_metrics": "metrics/quality", "read_figure_svg": "figures/map.svg",
    "read_figure_png": "figures/map.png", "read_figure_spec": "figures/map.json", "read_report": "report",
}  # fmt: skip
STATES = {" while held": "held", "": "released", " released to the public": "public"}
ALARM = Alarm(code="model-too-good", detail="The model ranks almost perfectly.")

cases = common("results")
cases.get_(list_results="/results", list_subscriptions="/results/subscriptions")
for operation, place in CONTENTS.items():
    for words, stage in STATES.items():
        cases.get_(**{operation + words: f"/results/{{w.{stage}}}/{place}"})
cases.get_(
    **{
        "show_result while held": "/results/{w.held}",
        "show_result once released": "/results/{w.released}",
        "show_result released to the public": "/results/{w.public}",
        "read_restricted_list": "/results/{w.released}/restricted-list?reason=Visits%20of%20round%20three.",
        "show_subscription": "/results/subscriptions/{w.subscription}",
        "list_deliveries": "/results/subscriptions/{w.subscription}/deliveries",
    }
)


@dataclass
class Results(World):
    """mohw asked, for itself and nts; checked once by the service, and copied from then on."""

    held: UUID
    url: str
    released: UUID = UUID(int=0)
    public: UUID = UUID(int=0)
    subscription: UUID = UUID(int=0)

    async def copy(self, **changes: Any) -> UUID:
        """A result like the one that the service has checked, in another state."""
        async with self.db.transaction() as session:
            row = (await session.exec(select(Result).where(Result.id == self.held))).one()
            new = Result(**row.model_dump() | {"id": new_id(), "run_id": new_id(), "request_id": new_id()} | changes)
            session.add(new)
        return new.id

    async def out(self, **changes: Any) -> UUID:
        return await self.copy(status=Status.RELEASED, released_at=now(), **changes)

    async def quiet(self) -> None:
        """What was sent again has arrived."""
        await super().quiet()
        async with asyncio.timeout(60):
            while await self.undelivered():
                await asyncio.sleep(0.05)

    async def undelivered(self) -> bool:
        async with self.db.reading() as session:
            waiting = select(Delivery.id).where(Delivery.state == DeliveryState.WAITING)
            return (await session.exec(waiting.limit(1))).first() is not None

    async def subscribed(self) -> UUID:
        headers = self.headers("requester", "mohw", subject="setup")
        answer = await self.client.post("/results/subscriptions", json=self.subscription_body, headers=headers)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    @property
    def subscription_body(self) -> dict[str, Any]:
        return {"url": self.url, "events": ["results.result-released.v1"]}


@cases.on("vote")
async def vote(world: Results, who: Who | None) -> Call:
    return Call("POST", f"/results/{await world.copy()}/votes", APPROVE)


@cases.on("answer")
async def answer(world: Results, who: Who | None) -> Call:
    result = await world.copy(alarms=[ALARM.model_dump(mode="json")])
    return Call("POST", f"/results/{result}/alarms/1/answers", {"verdict": "explained"} | REASON)


@cases.on("recall")
async def recall(world: Results, who: Who | None) -> Call:
    return Call("POST", f"/results/{await world.out()}/recall", REASON)


@cases.on("create_subscription")
async def create_subscription(world: Results, who: Who | None) -> Call:
    return Call("POST", "/results/subscriptions", world.subscription_body)


@cases.on("rotate_secret")
async def rotate_secret(world: Results, who: Who | None) -> Call:
    return Call("POST", f"/results/subscriptions/{await world.subscribed()}/rotate-secret")


@cases.on("end_subscription")
async def end_subscription(world: Results, who: Who | None) -> Call:
    return Call("DELETE", f"/results/subscriptions/{await world.subscribed()}")


@cases.on("redeliver")
async def redeliver(world: Results, who: Who | None) -> Call:
    subscription = await world.subscribed()
    async with world.db.transaction() as session:
        row = Delivery(
            subscription_id=subscription, event_id=new_id(), event_type=ResultReleased.type, result_id=world.released, body="{}",
            state=DeliveryState.DEAD, due_at=now() + timedelta(days=1),
        )  # fmt: skip
        session.add(row)
    return Call("POST", f"/results/subscriptions/{subscription}/deliveries/{row.id}/redeliver")


@pytest.mark.timeout(600)
async def test_every_cell(serve: Callable[..., Awaitable[Any]], headers: Headers, say: Any) -> None:
    client = await serve("results", secret_keys=[new_key()], webhook_private=True)
    house = House(client, headers, say)
    audience = Audience(kind=AudienceKind.MINISTRIES, ministries=("mohw", "nts"))
    held = await house.held(await outputs(house.storage), audience=audience)
    async with listening(Receiver()) as receiver:
        world = Results(client, headers, held.id, receiver.url)
        world.released = await world.out()
        world.public = await world.out(audience_kind=AudienceKind.PUBLIC, audience_ministries="")
        world.subscription = await world.subscribed()
        await sealed(world, "results")
        found = await mismatches(world, rows("results"), cases)
    assert not found, "\n".join(found)
