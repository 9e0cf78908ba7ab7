"""The requests service's deeds on a real SQLite file, without HTTP: for tests of actions and consumers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel import select as select_rows

from services.requests import actions
from services.requests.consumers import consumers
from services.requests.models import AnalysisRequest, HistoryEntry
from services.requests.schemas import DecisionIn, ReasonIn, RequestIn, RevocationIn, VoteIn
from shared.auth import Principal
from shared.clock import now
from shared.contracts import Envelope, Event
from shared.db import Database, Session
from shared.ids import new_id
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    KIM,
    RULES,
    approval,
    asked,
    ballot,
    member,
)

COUNCIL = ("moel", "moe", "msit")
REASON = ReasonIn(reason="Because.")
# Tests ask for the same as often as they like.
UNBOUNDED = actions.OpenLimits(each=1_000_000, identical=1_000_000)


@dataclass
class House:
    db: Database
    counts: dict[str, int] = field(default_factory=dict)
    limits: actions.OpenLimits = UNBOUNDED

    async def hear(self, *events: Event, sequence: int | None = None) -> None:
        """Handle events of other services, as the inbox would, each in a transaction of its own."""
        for event in events:
            self.counts[event.subject] = sequence or self.counts.get(event.subject, 0) + 1
            envelope = Envelope(
                id=new_id(),
                source=f"/{event.producer()}",
                type=event.type,
                subject=event.subject,
                time=now(),
                dataschema=Envelope.schema_url(event.type),
                sequence=self.counts[event.subject],
                data=event.model_dump(mode="json"),
            )
            async with self.db.transaction(cause=envelope) as session:
                await consumers[event.type](session, event, envelope)

    async def submit(self, who: Principal = KIM, **body: Any) -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            return await actions.submit_request(session, who, RequestIn(**asked(**body)), rules=RULES, limits=self.limits)

    async def resubmit(
        self, request_id: UUID, who: Principal = KIM, *, expected: int | None = None, **body: Any
    ) -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            data = RequestIn(**asked(**body))
            return await actions.resubmit_request(session, who, request_id, data, rules=RULES, expected=expected)

    async def send_back(self, request_id: UUID, who: Principal, *, expected: int | None = None) -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            return await actions.return_request(session, who, request_id, REASON, expected=expected)

    async def withdraw(self, request_id: UUID, who: Principal = KIM) -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            return await actions.withdraw_request(session, who, request_id, REASON)

    async def revoke(self, request_id: UUID, who: Principal, dataset_id: UUID, *, expected: int | None = None) -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            data = RevocationIn(dataset_id=dataset_id, reason="A court order.")
            return await actions.revoke_grant(session, who, request_id, data, expected=expected)

    async def decide(
        self, request_id: UUID, who: Principal, body: dict[str, Any], *, expected: int | None = None
    ) -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            data = DecisionIn(**body)
            return await actions.decide_dataset(session, who, request_id, data, rules=RULES, expected=expected)

    async def vote(self, request_id: UUID, who: Principal, side: str = "approve") -> AnalysisRequest:
        async with self.db.transaction(caller=who) as session:
            return await actions.cast_vote(session, who, request_id, VoteIn(**ballot(side)), rules=RULES)

    async def owners_approve(self, request_id: UUID, **income_terms: Any) -> AnalysisRequest:
        await self.decide(request_id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
        return await self.decide(request_id, INCOME_STEWARD, approval(INCOME_ID, **income_terms))

    async def in_council(self, **income_terms: Any) -> AnalysisRequest:
        return await self.owners_approve((await self.submit()).id, **income_terms)

    async def approved(self, **income_terms: Any) -> AnalysisRequest:
        request = await self.in_council(**income_terms)
        for ministry in COUNCIL:
            request = await self.vote(request.id, member(ministry))
        return request

    async def look(self, request_id: UUID) -> AnalysisRequest:
        async with self.db.reading() as session:
            return (await session.exec(select_rows(AnalysisRequest).where(col(AnalysisRequest.id) == request_id))).one()

    async def history(self, request_id: UUID) -> list[HistoryEntry]:
        query = select_rows(HistoryEntry).where(col(HistoryEntry.request_id) == request_id).order_by(col(HistoryEntry.seq))
        async with self.db.reading() as session:
            return list((await session.exec(query)).all())

    async def said(self) -> list[Event]:
        """The events that this service has said, in order."""
        table = self.db.tables.outbox
        async with self.db.reading() as session:
            bodies = (await session.execute(select(table.c.body).order_by(table.c.id))).scalars().all()
        return [Envelope.parse(body.encode()).event() for body in bodies]

    async def deeds(self) -> list[str]:
        """The deeds in the audit, in order."""
        table = self.db.tables.audit
        async with self.db.reading() as session:
            return list((await session.execute(select(table.c.action).order_by(table.c.id))).scalars().all())

    async def size(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self.db.reading() as session:
            return {table.name: await count(session, table) for table in self.db.metadata.sorted_tables}


async def count(session: Session, table: Any) -> int:
    return int((await session.execute(select(func.count()).select_from(table))).scalar_one())


def types(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]
