"""The door of the clock: a new result's outputs are read, checked by rule, drawn, and held for the output checkers."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlmodel import col, select

from services.results.actions.results import hold_result, put_off_check
from services.results.disclosure import (
    MAX_STORED,
    Finding,
    Rules,
    UnreadableError,
    Verdict,
    check_figure,
    check_metrics,
    check_table,
    line_batches,
    parse_json,
)
from services.results.joining import JoinedList
from services.results.models import Result, Status
from services.results.report import Picture, draw, with_rows
from services.results.report.pictures import TONGUES, tables_named
from shared.contracts import Artefact, OutputKind, SealedKeys
from shared.due import claim, db_now, record
from shared.errors import Unavailable
from shared.service import Context
from shared.storage import Corrupt, MissingObject, Storage

log = logging.getLogger(__name__)
MOST = 1 << 40


async def check_next(ctx: Context) -> bool:
    """Check the result that has waited longest. False when none waits."""
    where = [col(Result.status) == Status.CHECKING]
    async with ctx.db.reading() as session:
        if (await session.exec(select(Result.id).where(*where, col(Result.due_at) <= db_now()).limit(1))).first() is None:
            return False
    async with ctx.db.transaction() as session:
        claimed = await claim(session, Result, n=1, lease=ctx.settings.check_lease, where=where)
    if not claimed:
        return False
    result, rules = claimed[0], ctx.state["rules"]
    if result.attempts > ctx.settings.check_attempts:  # none of its checks came back: it takes the process with it
        async with ctx.db.transaction() as session:
            await put_off_check(session, result.id, result.fence, code="check-crashed", limit=ctx.settings.check_attempts)
        return True
    try:
        check = Check(ctx.storage, rules, result.sealed)
        async with lease_kept(ctx, result):
            await check.all(result.outputs)
    except Exception as error:
        code = "outputs-unreadable" if isinstance(error, MissingObject | Corrupt) else "check-failed"
        # A storage that is away says nothing of the result: it waits as long as it takes.
        limit = None if isinstance(error, Unavailable) else ctx.settings.check_attempts
        log.warning("result not checked", extra={"result": str(result.id), "code": code}, exc_info=error)
        async with ctx.db.transaction() as session:
            await put_off_check(session, result.id, result.fence, code=code, limit=limit)
        return True
    verdicts = [verdict.as_json() for verdict in check.verdicts]
    async with ctx.db.transaction() as session:
        await hold_result(session, result.id, result.fence, rules=rules.label, verdicts=verdicts, contents=check.contents)
    return True


@asynccontextmanager
async def lease_kept(ctx: Context, result: Result) -> AsyncIterator[None]:
    """Prolong the claim while the work goes on: short leases bring work of a dead process back soon."""
    ended = asyncio.Event()

    async def prolong() -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ctx.settings.check_lease.total_seconds() / 4):
                    await ended.wait()
            if ended.is_set():
                return
            with suppress(Unavailable):
                async with ctx.db.transaction() as session:
                    await record(session, Result, result.id, result.fence, due_at=db_now(ctx.settings.check_lease))

    task = asyncio.create_task(prolong())
    try:
        yield
    finally:
        ended.set()
        await task


@dataclass
class Check:
    """One check of one result: the verdicts, and what passed, stored cleaned under its own digest."""

    storage: Storage
    rules: Rules
    sealed_keys: SealedKeys | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"tables": [], "figures": [], "metrics": [], "lists": []}
    )

    async def all(self, artefacts: list[Artefact]) -> None:
        """Tables first: a figure stands or falls with the tables that it draws. Logs never leave."""
        for artefact in of_kind(artefacts, OutputKind.TABLE):
            await self.table(artefact)
        for artefact in of_kind(artefacts, OutputKind.METRICS):
            await self.metrics(artefact)
        await self.figures(list(of_kind(artefacts, OutputKind.FIGURE)))
        for artefact in of_kind(artefacts, OutputKind.RESTRICTED_LIST):
            await self.restricted_list(artefact)

    async def verdict(self, artefact: Artefact, rule: Callable[[Any], Verdict]) -> Verdict:
        """Read one JSON artefact and judge it, beside the event loop: a large table takes its time."""
        limit = self.rules.max_bytes
        kind = artefact.kind.value
        try:
            if artefact.object.size > limit:
                raise UnreadableError("too-large")
            raw = await self.storage.read(artefact.object.sha256, limit)
            verdict = await asyncio.to_thread(lambda: rule(parse_json(raw, limit=limit)))
        except UnreadableError as error:
            verdict = Verdict(kind, artefact.name, (Finding(error.code),))
        if verdict.passed and kind != "figure" and verdict.name != artefact.name:
            verdict = Verdict(kind, artefact.name, (Finding("name-differs", at="name"),))
        return Verdict(kind, artefact.name, verdict.findings, verdict.content)

    async def keep(self, content: Any) -> str:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return (await self.storage.put_bytes(text.encode(), "application/json")).sha256

    async def table(self, artefact: Artefact) -> None:
        verdict = await self.verdict(artefact, partial(check_table, rules=self.rules))
        self.verdicts.append(verdict)
        if verdict.passed:
            table = self.tables[artefact.name] = verdict.content
            entry = {"name": artefact.name, "title": table["title"], "rows": len(table["rows"])}
            entry["sha256"] = await self.keep(table)
            self.contents["tables"].append(entry)

    async def metrics(self, artefact: Artefact) -> None:
        verdict = await self.verdict(artefact, partial(check_metrics, rules=self.rules))
        self.verdicts.append(verdict)
        if verdict.passed:
            entry = {"name": artefact.name, "figures": len(verdict.content["figures"])}
            entry["sha256"] = await self.keep(verdict.content)
            self.contents["metrics"].append(entry)

    async def figures(self, artefacts: list[Artefact]) -> None:
        passed: dict[str, dict[str, Any]] = {}
        for artefact in artefacts:
            rule = partial(check_figure, name=artefact.name, tables=self.tables, rules=self.rules)
            verdict = await self.verdict(artefact, rule)
            if verdict.passed:
                passed[artefact.name] = verdict.content
            else:
                self.verdicts.append(verdict)
        pictures = await draw({f"{n}.{t}": with_rows(spec, self.tables, t) for n, spec in passed.items() for t in TONGUES})
        for name, spec in passed.items():
            await self.figure(name, spec, {tongue: pictures[f"{name}.{tongue}"] for tongue in TONGUES})

    async def figure(self, name: str, spec: dict[str, Any], pictures: dict[str, Picture]) -> None:
        faults = {picture.fault for picture in pictures.values() if picture.fault}
        self.verdicts.append(Verdict("figure", name, tuple(map(Finding, sorted(faults)))))
        if faults:
            return
        svg, png = {}, {}
        for tongue, picture in pictures.items():
            svg[tongue] = (await self.storage.put_bytes(picture.svg.encode(), "image/svg+xml")).sha256
            png[tongue] = (await self.storage.put_bytes(picture.png, "image/png")).sha256
        self.contents["figures"].append(
            {
                "name": name,
                "title": title_of(spec, name),
                "tables": sorted(tables_named(spec)),
                "svg": svg,
                "png": png,
                "sha256": await self.keep(spec),
            }
        )

    async def restricted_list(self, artefact: Artefact) -> None:
        """Line by line, never whole in memory; stored cleaned, each line with its entity's own key as prepare sealed it."""
        if artefact.object.size > self.rules.max_list_bytes:
            self.verdicts.append(Verdict("restricted_list", artefact.name, (Finding("too-large", at="1 lines"),)))
            return
        with closing(JoinedList()) as joined:
            found: Counter[str] = Counter()
            async for batch in line_batches(self.storage.open_stream(artefact.object.sha256)):
                found += await asyncio.to_thread(joined.take, batch)
            findings = tuple(Finding(code, at=f"{count} lines") for code, count in found.items())
            self.verdicts.append(Verdict("restricted_list", artefact.name, findings))
            if not findings and joined.lines:
                self.contents["lists"].append({"name": artefact.name, **await self.join(joined)})

    async def join(self, joined: JoinedList) -> dict[str, Any]:
        if self.sealed_keys:
            await asyncio.to_thread(joined.index)
            async for batch in line_batches(self.storage.open_stream(self.sealed_keys.object.sha256), MAX_STORED):
                await asyncio.to_thread(joined.seal, batch)
        stored = await self.storage.put_stream(joined.chunks(), media_type="application/x-ndjson", limit=MOST)
        kid = self.sealed_keys.kid if self.sealed_keys else None
        sealed = await asyncio.to_thread(joined.sealed)
        return {"lines": joined.lines, "sealed": sealed, "kid": kid, "sha256": stored.sha256, "size": stored.size}


def of_kind(artefacts: list[Artefact], kind: OutputKind) -> list[Artefact]:
    """The artefacts of one kind, each name once."""
    return list({artefact.name: artefact for artefact in artefacts if artefact.kind is kind}.values())


def title_of(spec: dict[str, Any], name: str) -> dict[str, str]:
    """A figure's title in both languages, from wherever the specification has one."""
    title = spec.get("usermeta", {}).get("title") or spec.get("title")
    if isinstance(title, dict) and not isinstance(title.get("text"), str):
        title = title.get("text", title)
    if isinstance(title, dict):
        return {tongue: str(title.get(tongue, name)) for tongue in TONGUES}
    return dict.fromkeys(TONGUES, title if isinstance(title, str) else name)
