"""What the report page shows, gathered from the result, its votes, the names that were told, and the storage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from services.results.disclosure import Rules
from services.results.models import Known, ReleaseVote, Result, Status, Withdrawal
from services.results.queries.contents import LIMIT, load_json, load_tables
from services.results.queries.results import (
    alarms_shown,
    answers_by_result,
    balance_shown,
    method_card,
    votes_by_result,
    withheld,
)
from services.results.schemas.alarms import AlarmOut
from shared.db import Session
from shared.storage import Storage

Words = dict[str, str]


@dataclass(frozen=True)
class Background:
    """What the database knows around a result."""

    names: dict[str, Words]
    datasets: list[dict[str, Any]]
    card: dict[str, Any]
    votes: Sequence[ReleaseVote]
    alarms: Sequence[AlarmOut]

    def name(self, code: str) -> Words:
        return self.names.get(code, {"ko": code, "en": code})


async def background(session: Session, result: Result) -> Background:
    votes = (await votes_by_result(session, [result.id]))[result.id]
    alarms = alarms_shown(result, (await answers_by_result(session, [result.id]))[result.id], by_name=False)
    codes = {result.ministry, *result.owners, *result.audience.ministries, *(vote.ministry for vote in votes)}
    codes |= {alarm.answer.ministry for alarm in alarms if alarm.answer}
    titles = await told(session, "dataset", result.dataset_ids)
    stones = select(Withdrawal.key).where(Withdrawal.kind == "dataset", col(Withdrawal.key).in_(result.dataset_ids))
    gone = set((await session.exec(stones)).all())
    datasets = [{"title": titles.get(key, {}).get("title", key), "withdrawn": key in gone} for key in result.dataset_ids]
    return Background(await told(session, "ministry", codes), datasets, await method_card(session, result), votes, alarms)


async def told(session: Session, kind: str, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    query = select(Known).where(Known.kind == kind, col(Known.key).in_(list(keys)))
    return {known.key: known.facts for known in (await session.exec(query)).all()}


def rules_view(result: Result, rules: Rules) -> dict[str, Any]:
    """The profile that the result was checked by; its basis only where that profile is still in force."""
    label = result.rules or rules.label
    basis = {"ko": rules.legal_basis_ko or rules.legal_basis, "en": rules.legal_basis}
    return {"label": label, "verified": rules.verified, "basis": basis if label == rules.label else None}


async def report_view(storage: Storage, result: Result, around: Background, rules: Rules) -> dict[str, Any]:
    """Everything that the template names."""
    method = {"name": result.method_name, "version": result.method_version, "purpose": around.card.get("purpose")}
    method["title"] = around.card.get("title") or {"ko": result.method_name, "en": result.method_name}
    audience = {"kind": result.audience.kind.value, "names": [around.name(code) for code in result.audience.ministries]}
    return {
        "id": result.id,
        "request_id": result.request_id,
        "title": result.title,
        "purpose": result.purpose,
        "released_at": result.released_at if result.status is Status.RELEASED else None,
        "audience": audience,
        "method": method,
        "asked_by": around.name(result.ministry),
        "owners": [around.name(code) for code in result.owners],
        "datasets": around.datasets,
        "match_rates": result.match_rates,
        "balance": {role: each.model_dump() for role, each in balance_shown(result, exact=False).items()},
        "withheld": withheld(result),
        "alarms": [alarm_view(alarm, around) for alarm in around.alarms],
        "must_not_conclude": around.card.get("must_not_conclude", ()),
        "assumptions": around.card.get("assumptions", ()),
        "tables": list((await load_tables(storage, result)).values()),
        "metrics": [await load_json(storage, each["sha256"]) for each in result.contents.get("metrics", ())],
        "figures": [await figure_view(storage, each) for each in result.contents.get("figures", ())],
        "restricted": bool(result.contents.get("lists")),
        "chain": release_chain(result, around),
        "rules": rules_view(result, rules),
    }


def alarm_view(alarm: AlarmOut, around: Background) -> dict[str, Any]:
    answer = alarm.answer
    said = answer.model_dump() | {"body": around.name(answer.ministry)} if answer else None
    title = alarm.title.model_dump() if alarm.title else {"ko": alarm.detail, "en": alarm.detail}
    return {"code": alarm.code, "feature": alarm.feature, "detail": alarm.detail, "title": title, "answer": said}


async def figure_view(storage: Storage, figure: dict[str, Any]) -> dict[str, Any]:
    svg = {tongue: (await storage.read(sha256, LIMIT)).decode() for tongue, sha256 in figure["svg"].items()}
    return figure | {"svg": svg}


def release_chain(result: Result, around: Background) -> list[dict[str, Any]]:
    """Who let it out, by role and body. Votes appear only when the result is released."""
    chain: list[dict[str, Any]] = [{"step": "requested", "role": "requester", "body": around.name(result.ministry), "at": None}]
    chain += [{"step": "consented", "role": "steward", "body": around.name(code), "at": None} for code in result.owners]
    chain.append({"step": "checked", "role": "rules", "body": None, "at": result.held_at})
    if result.status is Status.RELEASED:
        for vote in around.votes:
            chain.append({"step": "approved", "role": "checker", "body": around.name(vote.ministry), "at": vote.created_at})
    return chain
