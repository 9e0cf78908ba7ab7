"""A small method on two tables, the approval of a request for it, and the people around it."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

from shared.auth import Principal, Role
from shared.contracts import (
    ApprovedInput,
    Audience,
    AudienceKind,
    Column,
    MethodCard,
    MethodRef,
    RequestApproved,
    RequestBrief,
    StoredObject,
)

CSV = "text/csv"
KEY = {"name": "site_no", "type": "string", "role": "key", "key_domain": "facility"}
SITES_TABLE = (
    Column(name="site", type="string", role="key", key_domain="facility"),
    Column(name="region", type="string", role="quasi_identifier"),
    Column(name="area", type="number", role="measure", unit="m2"),
    Column(name="secret", type="string", role="attribute"),
)
METER_TABLE = (
    Column(name="site_no", type="string", role="key", key_domain="facility"),
    Column(name="kwh", type="integer", role="measure", unit="kWh"),
    Column(name="read_on", type="date", role="attribute"),
)
SITES_COLUMNS = {"site_no": "site", "region": "region", "area": "area"}
METER_COLUMNS = {"site_no": "site_no", "kwh": "kwh", "read_on": "read_on"}
SITES = [(f"가-{n:04d}", "서울" if n % 2 else "부산", n * 1.5, f"s{n}") for n in range(40)]
METERS = [(f"가-{n:04d}", n * 100, "2025-03-01") for n in range(10, 45)]


def both(words: str) -> dict[str, str]:
    return {"ko": words, "en": words}


def card(**changes: Any) -> MethodCard:
    told: dict[str, Any] = {
        "name": "peers",
        "version": "1.0.0",
        "title": both("동료 비교"),
        "purpose": "Compares sites.",
        "owner": "motie",
        "inputs": [
            {
                "name": "site",
                "title": both("시설"),
                "columns": [
                    KEY,
                    {"name": "region", "type": "string", "role": "quasi_identifier"},
                    {"name": "area", "type": "number", "required": False},
                ],
            },
            {
                "name": "meter",
                "title": both("계량"),
                "columns": [
                    KEY,
                    {"name": "kwh", "type": "number"},
                    {"name": "read_on", "type": "date", "required": False},
                ],
            },
        ],
        "linkage": {"key_domain": "facility", "base": "site", "match_floor": 0.5},
        "parameters": {"type": "object", "properties": {"peers": {"type": "integer", "minimum": 1}}},
        "outputs": [
            {"name": "by_region", "kind": "table", "title": both("지역별")},
            {"name": "odd_sites", "kind": "restricted_list", "title": both("목록")},
        ],
    }
    return MethodCard.model_validate(told | changes)


DIGEST = "ab" * 32
METHOD = MethodRef(name="peers", version="1.0.0", digest=DIGEST)


def as_csv(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows(rows)
    return text.getvalue().encode()


def stored(data: bytes, media_type: str = CSV) -> StoredObject:
    return StoredObject(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)


def given(
    role: str,
    table: tuple[Column, ...],
    columns: dict[str, str],
    data: bytes,
    *,
    dataset_id: UUID | None = None,
    media_type: str = CSV,
) -> ApprovedInput:
    return ApprovedInput(
        role=role,
        dataset_id=dataset_id or uuid4(),
        dataset_version=1,
        ministry="motie",
        object=stored(data, media_type),
        table=table,
        columns=columns,
    )


SITES_FILE, METERS_FILE = as_csv(SITES_TABLE, SITES), as_csv(METER_TABLE, METERS)


def inputs(sites: bytes = SITES_FILE, meters: bytes = METERS_FILE) -> tuple[ApprovedInput, ApprovedInput]:
    return (
        given("site", SITES_TABLE, SITES_COLUMNS, sites),
        given("meter", METER_TABLE, METER_COLUMNS, meters),
    )


def approved(
    *,
    request_id: UUID | None = None,
    method: MethodRef = METHOD,
    ministry: str = "mohw",
    of: tuple[ApprovedInput, ...] | None = None,
) -> RequestApproved:
    chosen = of or inputs()
    brief = RequestBrief(
        request_id=request_id or uuid4(),
        title="에너지",
        purpose="Saving.",
        ministry=ministry,
        requester=f"requester.{ministry}",
        audience=Audience(kind=AudienceKind.PUBLIC),
        dataset_ids=tuple(each.dataset_id for each in chosen),
        owners=("motie",),
    )
    return RequestApproved(brief=brief, method=method, parameters={"peers": 3}, inputs=chosen, rules_version="1")


def person(role: str, ministry: str = "mohw", subject: str | None = None) -> Principal:
    return Principal(subject or f"{role}.{ministry}", ministry, frozenset({Role(role)}))


WORKER = person("worker", "centre")
ANALYST = person("centre-analyst", "centre")
REQUESTER = person("requester", "mohw")
