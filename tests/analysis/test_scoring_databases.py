"""On SQLite and on PostgreSQL: grants that are decided at once, the door's look-ups, its counts and its limits."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from services.analysis import actions, queries
from services.analysis.models import GrantState, ScoringBatch, Verdict
from services.analysis.rules import load_rules
from services.analysis.schemas import GrantIn
from shared.auth import Principal, Role
from shared.clock import now
from shared.contracts import MethodRef, ModelFormat, ModelRef
from shared.errors import Conflict
from shared.paging import PageQuery
from tests.analysis.scoring import NAME, ScoringDoor, expected, linear, tensor

ROWS = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]
KIM = Principal("kim", "mohw", frozenset({Role.REQUESTER}))


def reviewer(ministry: str) -> Principal:
    return Principal(f"reviewer.{ministry}", ministry, frozenset({Role.METHOD_REVIEWER}))


async def test_a_grant_is_decided_and_used(database_url: str, open_door: Callable[..., Awaitable[ScoringDoor]]) -> None:
    door = await open_door(database_url=database_url)
    stored = await door.storage.put_bytes(linear(), "application/octet-stream")
    method = MethodRef(name=NAME.split(".")[0], version="1.0.0", digest="ab" * 32)
    model = ModelRef(model_id=uuid4(), name="risk_model", method=method, format=ModelFormat.ONNX, object=stored)
    asked = GrantIn(
        model_id=model.model_id, client="scorer.mohw", purpose="Ranks visits.", legal_basis="Act, article 12",
        valid_from=now() - timedelta(days=1), valid_until=now() + timedelta(days=30), rows_per_day=5,
    )  # fmt: skip
    async with door.db.transaction(caller=KIM) as session:
        await actions.keep_released_model(session, model, "kosis")
        await actions.keep_released_model(session, model, "kosis")
        grant = await actions.ask_for_grant(session, KIM, asked, rules=load_rules())

    async def decide(ministry: str) -> Any:
        async with door.db.transaction(caller=reviewer(ministry)) as session:
            return (await actions.review_grant(session, reviewer(ministry), grant.id, Verdict.APPROVE, "Read it.")).state

    assert (await door.infer(tensor(ROWS))).status_code == 403
    found = await asyncio.gather(*(decide(ministry) for ministry in ("kostat", "moel", "mois")), return_exceptions=True)
    assert [state for state in found if isinstance(state, GrantState)].count(GrantState.GRANTED) == 1
    assert [type(each) for each in found if isinstance(each, Exception)] == [Conflict]
    answer = await door.infer(tensor(ROWS))
    assert answer.json()["outputs"][0]["data"] == expected(ROWS).ravel().tolist(), answer.text
    await door.app.state.ledger.flush()
    before = ScoringBatch(
        door=uuid4(), number=1, grant_id=grant.id, model_id=model.model_id, day=now().date(), requests=1, rows=2, began_at=now(),
        ended_at=now(),
    )  # fmt: skip
    async with door.db.transaction() as session:
        session.add(before)
    door.forget()
    assert (await door.infer(tensor(ROWS))).status_code == 429
    async with door.db.reading() as session:
        told, _ = await queries.list_grants(session, KIM, PageQuery(), state=GrantState.GRANTED)
        audit = door.db.tables.audit
        rows = (await session.execute(select(audit.c.actor).where(audit.c.action == "analysis.score"))).all()
    assert [(each.id, each.rows_today, len(each.reviews)) for each in told] == [(grant.id, 4, 2)]
    assert [row[0] for row in rows] == ["scorer.mohw"]
    async with door.db.transaction() as session:
        await actions.keep_withdrawn_model(session, model.model_id)
    door.forget()
    assert (await door.infer(tensor(ROWS))).status_code == 410


async def test_a_nul_byte_in_the_address(database_url: str, open_door: Callable[..., Awaitable[ScoringDoor]]) -> None:
    door = await open_door(database_url=database_url)
    for name, version in (("a%00b", None), (NAME, "%00")):
        answer = await door.infer(tensor(ROWS), name=name, version=version)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
