"""Members, datasets, a method card and callers for the tests of the requests service."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.requests.models import AnalysisRequest, Ballot, Decision, RequestInput, Status, Verdict, Vote
from services.requests.rules import load_rules
from shared.auth import Principal, Role
from shared.clock import now
from shared.contracts import (
    CardColumn,
    Column,
    ColumnRole,
    ColumnType,
    DatasetPublished,
    DatasetWithdrawn,
    InputRole,
    Linkage,
    LocalText,
    MethodCard,
    MethodLive,
    MethodRef,
    MethodWithdrawn,
    MinistryJoined,
    MinistryKeyRegistered,
    MinistryKeyRetired,
    OutputKind,
    OutputSpec,
    PublicKey,
    Sensitivity,
    StoredObject,
)
from shared.ids import new_id

RULES = load_rules()
MEMBERS = ("mohw", "nts", "molit", "mois", "moel", "moe", "msit", "motie")
TITLE = LocalText(ko="이름", en="Name")
HOUSEHOLD_ID, INCOME_ID, OTHER_ID = (UUID(int=0x0199A1C0000070008000000000000000 + at) for at in (1, 2, 3))


def caller(roles: str, ministry: str, subject: str | None = None) -> Principal:
    found = frozenset(Role(role) for role in roles.split(","))
    return Principal(subject=subject or f"{roles.split(',')[0]}.{ministry}", ministry=ministry, roles=found)


KIM = caller("requester", "mohw", "kim")
INCOME_STEWARD = caller("steward", "nts", "lee")
HOUSEHOLD_STEWARD = caller("steward", "molit", "park")
SECRETARY = caller("council-secretary", "mois", "han")


def member(ministry: str) -> Principal:
    return caller("council-member", ministry)


PERSON = Column(name="person_no", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="person", nullable=False)


def attribute(name: str, type: ColumnType = ColumnType.INTEGER, unit: str | None = None) -> Column:
    return Column(name=name, type=type, role=ColumnRole.MEASURE, unit=unit)


def published(dataset_id: UUID, ministry: str, *columns: Column, version: int = 1, **more: Any) -> DatasetPublished:
    values: dict[str, Any] = {
        "dataset_id": dataset_id,
        "version": version,
        "title": f"Table of {ministry}",
        "ministry": ministry,
        "steward": f"steward.{ministry}",
        "legal_basis": "An Act",
        "sensitivity": Sensitivity.PSEUDONYMISED,
        "allowed_purposes": ("Welfare research", "Policy evaluation"),
        "table": columns or (PERSON,),
        "rows": 100,
        "object": StoredObject(sha256=f"{version:064x}", size=1000, media_type="application/vnd.apache.parquet"),
    }
    return DatasetPublished(**(values | more))


def household(version: int = 1, **more: Any) -> DatasetPublished:
    columns = (PERSON, attribute("household_size"), attribute("age_of_head"), attribute("region", ColumnType.STRING))
    return published(HOUSEHOLD_ID, "molit", *columns, version=version, **more)


def income(version: int = 1, **more: Any) -> DatasetPublished:
    columns = (
        Column(name="taxpayer_no", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="person", nullable=False),
        attribute("wages", unit="USD"),
        attribute("interest", ColumnType.NUMBER, "USD"),
        attribute("earners"),
    )
    return published(INCOME_ID, "nts", *columns, version=version, **more)


def wanted(name: str, type: ColumnType = ColumnType.INTEGER, **more: Any) -> CardColumn:
    return CardColumn(name=name, type=type, **more)


KEY = wanted("person_no", ColumnType.STRING, role=ColumnRole.KEY, key_domain="person")
PARAMETERS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["test_year"],
    "properties": {
        "test_year": {"type": "integer", "minimum": 1900, "maximum": 2100},
        "capacity": {"type": "number", "exclusiveMinimum": 0, "default": 0.05},
        "split": {"type": "object", "properties": {"seed": {"type": "integer", "default": 7}}, "default": {}},
    },
}
CARD = MethodCard(
    name="blind_spots",
    version="1.0.0",
    title=TITLE,
    purpose="Find blind spots.",
    owner="mohw",
    inputs=(
        InputRole(
            name="household",
            title=TITLE,
            columns=(KEY, wanted("household_size"), wanted("region", ColumnType.STRING, required=False)),
        ),
        InputRole(
            name="income",
            title=TITLE,
            columns=(
                KEY,
                wanted("wages", ColumnType.NUMBER, unit="USD"),
                wanted("interest", ColumnType.NUMBER, unit="USD", required=False),
            ),
        ),
        InputRole(name="extra", title=TITLE, columns=(KEY, wanted("score", ColumnType.NUMBER)), required=False),
    ),
    linkage=Linkage(key_domain="person", base="household"),
    parameters=PARAMETERS,
    outputs=(OutputSpec(name="list", kind=OutputKind.RESTRICTED_LIST, title=TITLE),),
)
METHOD = MethodRef(name=CARD.name, version=CARD.version, digest="a" * 64)


def joined(code: str) -> MinistryJoined:
    return MinistryJoined(code=code, name=TITLE)


def public_key(letter: str = "A") -> PublicKey:
    """Told apart by a letter; nothing is sealed to it here."""
    return PublicKey(x=letter * 42 + "A")


KEY_A = public_key()


def registered(
    key: PublicKey = KEY_A, ministry: str = "mohw", *, begins: datetime | None = None, ends: datetime | None = None
) -> MinistryKeyRegistered:
    day = timedelta(days=1)
    valid = {"valid_from": begins or now() - day, "valid_until": ends or now() + 365 * day}
    return MinistryKeyRegistered(ministry=ministry, kid=key.kid, key=key, **valid)


def retired(key: PublicKey = KEY_A, ministry: str = "mohw") -> MinistryKeyRetired:
    return MinistryKeyRetired(ministry=ministry, kid=key.kid, reason="Its holder left.")


def live(*outputs: OutputKind) -> MethodLive:
    made = tuple(OutputSpec(name=f"out{at}", kind=kind, title=TITLE) for at, kind in enumerate(outputs))
    return MethodLive(method=METHOD, card=CARD.model_copy(update={"outputs": made}) if made else CARD)


def world() -> list[MinistryJoined | MinistryKeyRegistered | DatasetPublished | MethodLive]:
    """What the other services said before anybody asked for anything."""
    keys = (registered(), registered(ministry="nts"))
    return [*(joined(code) for code in MEMBERS), *keys, household(), income(), live()]


def dataset_gone(dataset: DatasetPublished) -> DatasetWithdrawn:
    return DatasetWithdrawn(dataset_id=dataset.dataset_id, ministry=dataset.ministry, reason="A court order.")


def method_gone() -> MethodWithdrawn:
    return MethodWithdrawn(method=METHOD, reason="A fault was found.")


def asked(**more: Any) -> dict[str, Any]:
    """The JSON body of a request that fits."""
    body: dict[str, Any] = {
        "title": "복지 사각지대 발굴",
        "purpose": "Visits by welfare officers.",
        "legal_basis": "Social Security Benefits Act",
        "method": {"name": "blind_spots", "version": "1.0.0"},
        "parameters": {"test_year": 2014},
        "inputs": {"household": {"dataset_id": str(HOUSEHOLD_ID)}, "income": {"dataset_id": str(INCOME_ID)}},
        "audience": {"kind": "ministries", "ministries": ["mohw", "nts"]},
    }
    return body | more


def approval(dataset_id: UUID, **more: Any) -> dict[str, Any]:
    return {"dataset_id": str(dataset_id), "verdict": "approve", "reason": "Covered by the Act."} | more


def refusal(dataset_id: UUID, **more: Any) -> dict[str, Any]:
    body = {"dataset_id": str(dataset_id), "verdict": "refuse", "code": "other-statute", "reason": "The tax Act forbids it."}
    return body | more


def ballot(side: str = "approve") -> dict[str, str]:
    return {"ballot": side, "reason": "Weighed."}


def make_request(
    status: Status = Status.OWNER_REVIEW, *, decided: tuple[UUID, ...] = (), voted: dict[str, str] | None = None, **more: Any
) -> AnalysisRequest:
    """A request as a row that no database has seen."""
    request_id = new_id()
    parts = (("household", HOUSEHOLD_ID, "molit"), ("income", INCOME_ID, "nts"))
    owner_of = {dataset: owner for _, dataset, owner in parts}
    values: dict[str, Any] = {
        "title": "t",
        "purpose": "p",
        "legal_basis": "l",
        "method_name": METHOD.name,
        "method_version": METHOD.version,
        "method_digest": METHOD.digest,
        "audience": {"kind": "members"},
        "requester": "kim",
        "authors": ["kim"],
        "ministry": "mohw",
        "rules_version": RULES.version,
        "revision": 1,
        "entries": 1,
    }
    return AnalysisRequest(
        id=request_id,
        status=status,
        inputs=[
            RequestInput(
                request_id=request_id, revision=1, role=role, dataset_id=dataset, dataset_title="t", ministry=owner, columns={}
            )
            for role, dataset, owner in parts
        ],
        decisions=[
            Decision(
                request_id=request_id,
                revision=1,
                dataset_id=dataset,
                dataset_version=1,
                ministry=owner_of[dataset],
                verdict=Verdict.APPROVE,
                reason="r",
                seen={},
                decided_by=f"steward.{owner_of[dataset]}",
                rules_version="1",
            )
            for dataset in decided
        ],
        votes=[make_vote(ministry, side) for ministry, side in (voted or {}).items()],
        **(values | more),
    )


def make_vote(ministry: str, side: str = "approve", revision: int = 1) -> Vote:
    return Vote(
        request_id=new_id(),
        revision=revision,
        member=f"council-member.{ministry}",
        ministry=ministry,
        ballot=Ballot(side),
        reason="r",
        rules_version="1",
    )
