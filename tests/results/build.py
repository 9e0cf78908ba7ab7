"""Builders of artefacts and events for the tests of the results service."""

import hashlib
import json
from typing import Any
from uuid import UUID

from shared.contracts import (
    Artefact,
    Audience,
    AudienceKind,
    CardColumn,
    ColumnRole,
    ColumnType,
    InputRole,
    Linkage,
    LocalText,
    MethodCard,
    MethodRef,
    Outcome,
    OutputKind,
    OutputSpec,
    RequestBrief,
    RunFinished,
    StoredObject,
)
from shared.ids import new_id
from shared.storage import Storage

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
AUTHOR = "requester.mohw"


def words(text: str) -> dict[str, str]:
    return {"ko": f"{text} (한)", "en": text}


def column(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": words(name), "kind": kind, **more}


def table(name: str = "by_region", rows: list[list[Any]] | None = None, **more: Any) -> dict[str, Any]:
    """region, households, blind (a part of households), rate of blind, mean score."""
    columns = [
        column("region", "dimension"),
        column("households", "count"),
        column("blind", "count", of="households"),
        column("rate", "rate", of="households", numerator="blind"),
        column("score", "measure", of="blind"),
    ]
    rows = rows if rows is not None else [["서울", 400, 40, 0.1, 0.71], ["부산", 200, 30, 0.15, 0.68]]
    return {"name": name, "title": words("By region"), "columns": columns, "rows": rows, "notes": words("Of a sample.")} | more


def figure(data: str = "by_region", **more: Any) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "title": words("Blind spots by region"),
        "data": {"name": data},
        "mark": "bar",
        "encoding": {
            "x": {"field": "region", "type": "nominal", "title": words("Region")},
            "y": {"field": "rate", "type": "quantitative", "axis": {"format": ".0%"}},
        },
        "usermeta": {"title": words("Blind spots by region"), "hidden": [1, 2, 3]},
    } | more


def metrics(name: str = "quality", **more: Any) -> dict[str, Any]:
    figures = [{"name": "auc", "title": words("AUC"), "value": 0.81, "count": 5000}]
    split = {"train": [2012, 2013], "test": 2014}
    return {"name": name, "figures": figures, "split": split, "notes": words("Out of fold.")} | more


def listing(count: int = 3) -> bytes:
    """A restricted list, as NDJSON."""
    reason = {"code": "low-income", "ko": "=소득이 낮음", "en": "=low income"}
    names = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(count)]
    lines = [{"pseudonym": name, "score": 0.9 - n / 100, "reasons": [reason]} for n, name in enumerate(names)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def listed(count: int = 3) -> bytes:
    """The same as its ministry reads it if nothing was sealed."""
    return listing(count).replace(b"}]}\n", b'}], "sealed": null}\n')


def brief(audience: Audience | None = None, **more: Any) -> RequestBrief:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "title": "Households that may miss out",
        "purpose": "Find households to contact.",
        "ministry": "mohw",
        "requester": AUTHOR,
        "dataset_ids": (new_id(), new_id()),
        "audience": audience or Audience(kind=AudienceKind.MEMBERS),
        "owners": ("nts", "molit"),
    }
    return RequestBrief(**(values | more))


METHOD = MethodRef(name="welfare_blind_spots", version="1.0.0", digest="a" * 64)


def card() -> MethodCard:
    """The card of METHOD."""
    title = LocalText(ko="사각지대 찾기", en="Find blind spots")
    column = CardColumn(name="id", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="person")
    return MethodCard(
        name=METHOD.name,
        version=METHOD.version,
        title=title,
        purpose="Find households to contact.",
        owner="mohw",
        inputs=(InputRole(name="income", title=title, columns=(column,)),),
        linkage=Linkage(key_domain="person", base="income"),
        parameters={},
        outputs=(OutputSpec(name="by_region", kind=OutputKind.TABLE, title=title),),
        must_not_conclude=("Nobody is poor because of a score & nothing else.",),
    )


async def artefact(storage: Storage, kind: OutputKind, name: str, content: Any) -> Artefact:
    raw = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    media = "application/x-ndjson" if kind is OutputKind.RESTRICTED_LIST else "application/json"
    return Artefact(name=name, kind=kind, object=await storage.put_bytes(raw, media))


async def outputs(storage: Storage) -> tuple[Artefact, ...]:
    """A table, a figure of it, metrics and a restricted list, all of which pass."""
    return (
        await artefact(storage, OutputKind.TABLE, "by_region", table()),
        await artefact(storage, OutputKind.FIGURE, "map", figure()),
        await artefact(storage, OutputKind.METRICS, "quality", metrics()),
        await artefact(storage, OutputKind.RESTRICTED_LIST, "households", listing()),
        await artefact(storage, OutputKind.LOG, "log", b"a line"),
    )


def missing_object() -> StoredObject:
    return StoredObject(sha256=hashlib.sha256(b"never stored").hexdigest(), size=12, media_type="application/json")


def finished(artefacts: tuple[Artefact, ...], *, run_id: UUID | None = None, fence: int = 1, **more: Any) -> RunFinished:
    values: dict[str, Any] = {
        "run_id": run_id or new_id(),
        "brief": brief(),
        "method": METHOD,
        "fence": fence,
        "outcome": Outcome.SUCCEEDED,
        "artefacts": artefacts,
        "match_rates": {"benefits": 0.98},
    }
    return RunFinished(**(values | more))
