"""What every HTTP door does the same way, shown on a small service."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, text
from sqlmodel import select as select_rows

from shared import problems
from shared.audit import record_audit
from shared.auth import Jwks, Role, TokenVerifier, require
from shared.contracts.wording import Sentence
from shared.db import Database, check_version
from shared.errors import Conflict, Forbidden, NotFound
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.keys import KeyPair
from shared.paging import paginate
from shared.refusals import Refusals
from tests.conftest import MEMBERS, let_join
from tests.waiting import eventually


class JobIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=50)
    more: dict[str, Any] = {}


class JobOut(BaseModel):
    id: UUID
    name: str


def door(job: type[Any]) -> APIRouter:
    router = APIRouter(route_class=Route)

    @router.post("/jobs", status_code=201, response_model=JobOut)
    async def add_job(data: JobIn, session: Transaction, caller: Caller, response: Response) -> Any:
        require(caller, Role.STEWARD)
        row = job(name=data.name)
        session.add(row)
        await record_audit(session, "jobs.add-job", f"job/{row.id}")
        if data.name == "refused":
            raise Conflict(Sentence("There is one already.", ko="이미 있습니다."))
        if data.name == "crash":
            raise RuntimeError("a secret that must not leave")
        tagged(response, row)
        return row

    @router.get("/jobs", response_model=Page[JobOut])
    async def list_jobs(session: Reading, caller: Caller, page: Paging, request: Request, response: Response) -> Any:
        rows, cursor = await paginate(session, select_rows(job), job, page)
        link_next(request, response, cursor)
        return {"items": rows, "next": cursor}

    @router.get("/jobs/{job_id}", response_model=JobOut)
    async def get_job(job_id: UUID, session: Reading, caller: Caller, response: Response) -> Any:
        row = await session.get(job, job_id)
        if row is None:
            raise NotFound(Sentence("No such job.", ko="그런 작업이 없습니다."))
        tagged(response, row)
        return row

    @router.put("/jobs/{job_id}", response_model=JobOut)
    async def rename_job(job_id: UUID, data: JobIn, session: Transaction, caller: Caller, expected: IfMatch) -> Any:
        row = await session.get_one(job, job_id)
        check_version(row, expected)
        row.name = data.name
        row.touch()
        return row

    @router.get("/forbidden")
    async def forbidden(caller: Caller) -> None:
        raise Forbidden(
            Sentence("Only a steward of nts may.", ko="nts의 데이터 책임자만 할 수 있습니다."), right="steward of nts"
        )

    return router


@pytest.fixture
def refusals(db: Database) -> Refusals:
    return Refusals(db)


@pytest.fixture
async def client(
    db: Database, job: type[Any], identity: KeyPair, tmp_path: Path, refusals: Refusals
) -> AsyncIterator[httpx.AsyncClient]:
    class Settings:
        public_url = "https://dure.test"
        body_limit, body_values, body_members, body_depth = 10_000, 1000, 500, 20

    app = FastAPI()
    app.state.db, app.state.settings, app.state.refusals = db, Settings, refusals
    app.state.verifier = TokenVerifier(Jwks(str(identity.jwks_path)), "https://idp.test", "dure")
    app.include_router(door(job))
    problems.install(app)
    await let_join(db, MEMBERS)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def steward(headers: Callable[..., dict[str, str]]) -> dict[str, str]:
    return headers("steward", "nts")


@asynccontextmanager
async def counted(db: Database, job: type[Any], more: int) -> AsyncIterator[None]:
    async def count() -> int:
        async with db.reading() as session:
            return int((await session.execute(select(func.count()).select_from(job))).scalar_one())

    before = await count()
    yield
    assert await count() == before + more


async def test_the_same_key_and_body_give_the_same_answer_once(
    client: httpx.AsyncClient, db: Database, job: type[Any], steward: dict[str, str]
) -> None:
    keyed = steward | {"Idempotency-Key": "k-1"}
    async with counted(db, job, 1):
        first = await client.post("/jobs", json={"name": "a"}, headers=keyed)
        second = await client.post("/jobs", json={"name": "a"}, headers=keyed)
    assert (first.status_code, first.json()) == (201, second.json())
    assert (second.status_code, second.headers["idempotent-replayed"]) == (201, "true")
    assert second.headers["etag"] == first.headers["etag"]


async def test_a_kept_answer_is_not_readable_in_the_database(
    client: httpx.AsyncClient, db: Database, steward: dict[str, str]
) -> None:
    await client.post("/jobs", json={"name": "shown once"}, headers=steward | {"Idempotency-Key": "k-secret"})
    async with db.reading() as session:
        (kept,) = (await session.execute(select(db.tables.idempotency))).mappings().all()
    assert kept["status"] == 201
    assert not [value for value in kept.values() if "shown once" in str(value) or "k-secret" in str(value)]


async def test_the_same_key_with_another_body_is_refused(
    client: httpx.AsyncClient, db: Database, job: type[Any], steward: dict[str, str]
) -> None:
    keyed = steward | {"Idempotency-Key": "k-2"}
    async with counted(db, job, 1):
        await client.post("/jobs", json={"name": "a"}, headers=keyed)
        other = await client.post("/jobs", json={"name": "b"}, headers=keyed)
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "key-reused")


async def test_a_key_belongs_to_its_caller(
    client: httpx.AsyncClient, db: Database, job: type[Any], steward: dict[str, str], headers: Callable[..., dict[str, str]]
) -> None:
    async with counted(db, job, 2):
        for who in (steward, headers("steward", "mohw")):
            answer = await client.post("/jobs", json={"name": "a"}, headers=who | {"Idempotency-Key": "shared"})
            assert answer.status_code == 201


async def test_who_acts_for_another_ministry_is_not_given_the_answer_of_the_first(
    client: httpx.AsyncClient, db: Database, job: type[Any], headers: Callable[..., dict[str, str]]
) -> None:
    moved = [headers("steward", ministry, subject="lee") | {"Idempotency-Key": "k-moved"} for ministry in ("nts", "mohw")]
    async with counted(db, job, 1):
        first, second = [await client.post("/jobs", json={"name": "a"}, headers=who) for who in moved]
    assert (first.status_code, second.status_code) == (201, 422)
    assert second.json()["errors"][0]["code"] == "key-reused"


async def test_who_lost_a_role_is_not_given_the_answer_and_nothing_is_done_twice(
    client: httpx.AsyncClient, db: Database, job: type[Any], headers: Callable[..., dict[str, str]]
) -> None:
    who = [headers(roles, "nts", subject="lee") for roles in ("steward", "requester", "requester,steward")]
    async with counted(db, job, 1):
        first, lost, more = [
            await client.post("/jobs", json={"name": "a"}, headers=one | {"Idempotency-Key": "k-role"}) for one in who
        ]
    assert (first.status_code, lost.status_code, more.status_code) == (201, 403, 201)
    assert (lost.json()["right"], first.json()["id"] in lost.text) == ("steward", False)
    assert more.json() == first.json() and "roles" not in more.headers


async def test_a_refused_deed_keeps_nothing_and_its_key_may_come_again(
    client: httpx.AsyncClient, db: Database, job: type[Any], steward: dict[str, str]
) -> None:
    keyed = steward | {"Idempotency-Key": "k-3"}
    async with counted(db, job, 0):
        for _ in range(2):
            answer = await client.post("/jobs", json={"name": "refused"}, headers=keyed)
            assert answer.status_code == 409
    async with counted(db, job, 1):
        assert (await client.post("/jobs", json={"name": "fine"}, headers=keyed)).status_code == 201


async def test_if_match_refuses_a_change_on_an_older_reading(client: httpx.AsyncClient, steward: dict[str, str]) -> None:
    made = await client.post("/jobs", json={"name": "a"}, headers=steward)
    url, etag = f"/jobs/{made.json()['id']}", made.headers["etag"]
    assert (await client.put(url, json={"name": "b"}, headers=steward | {"If-Match": etag})).status_code == 200
    late = await client.put(url, json={"name": "c"}, headers=steward | {"If-Match": etag})
    assert (late.status_code, late.headers["content-type"]) == (412, "application/problem+json")
    wrong = await client.put(url, json={"name": "c"}, headers=steward | {"If-Match": "three"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "header/if-match")
    read = await client.get(url, headers=steward)
    again = await client.get(url, headers=steward | {"If-None-Match": read.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_pages_follow_their_links_to_the_end(client: httpx.AsyncClient, steward: dict[str, str]) -> None:
    for i in range(5):
        await client.post("/jobs", json={"name": f"job {i}"}, headers=steward)
    seen, answer = [], await client.get("/jobs?limit=2", headers=steward)
    while True:
        seen += [item["name"] for item in answer.json()["items"]]
        if "next" not in answer.links:
            break
        assert answer.links["next"]["url"].startswith("https://dure.test/jobs?")
        answer = await client.get(answer.links["next"]["url"].removeprefix("https://dure.test"), headers=steward)
    assert seen == [f"job {i}" for i in (4, 3, 2, 1, 0)]
    for bad in ("cursor=x", "limit=0", "limit=1000", "cursor=%00"):
        assert (await client.get(f"/jobs?{bad}", headers=steward)).status_code in (400, 422)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{", 400, "#"),
        (b'{"name": "a", "more": {"x": NaN}}', 400, "#"),
        (b'{"name": "a\\u0000b"}', 400, "#"),
        (b"[" * 9000, 400, "#"),
        (b'{"name": 3}', 422, "#/name"),
        (b'{"name": ""}', 422, "#/name"),
        (b'{"name": "a", "b/c": 1}', 422, "#/b~1c"),
        (b'{"name": "\\ud800"}', 400, "#"),
        (b'{"name": "a", "name": "b"}', 400, "#"),
        (b'{"name": "a", "more": {"x": [{"y": 1, "y": 1}]}}', 400, "#"),
        (b"", 422, "#"),
        (b'{"name": "a", "more": {"x": "' + b"x" * 10_000_000 + b'"}}', 413, None),
    ],
)
async def test_a_bad_body_gets_a_problem_that_names_the_place(
    client: httpx.AsyncClient,
    db: Database,
    job: type[Any],
    steward: dict[str, str],
    body: bytes,
    status: int,
    pointer: str | None,
) -> None:
    async with counted(db, job, 0):
        answer = await client.post("/jobs", content=body, headers=steward | {"Content-Type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem["status"], answer.headers["content-type"]) == (status, status, "application/problem+json")
    assert problem["type"].startswith("https://dure.test/catalog/problems/")
    if pointer:
        assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    "sent",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json-seq"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_kind_is_refused_by_that(
    client: httpx.AsyncClient, steward: dict[str, str], sent: dict[str, str]
) -> None:
    answer = await client.post("/jobs", content=b'{"name": "a"}', headers=steward | sent)
    assert (answer.status_code, answer.json()["accepted"]) == (415, ["application/json"])
    fine = {"Content-Type": "Application/JSON; charset=utf-8", "Content-Encoding": "identity"}
    assert (await client.post("/jobs", content=b'{"name": "a"}', headers=steward | fine)).status_code == 201


async def test_an_escaped_backslash_is_not_a_nul(client: httpx.AsyncClient, steward: dict[str, str]) -> None:
    answer = await client.post("/jobs", content=b'{"name": "a\\\\u0000"}', headers=steward | {"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["name"]) == (201, "a\\u0000")


async def refused_rows(db: Database) -> list[dict[str, Any]]:
    async with db.reading() as session:
        rows = (await session.execute(select(db.tables.audit).where(db.tables.audit.c.outcome == "refused"))).mappings()
        return [dict(row) | {"detail": json.loads(row["detail"])} for row in rows]


async def test_every_refused_attempt_is_a_row(client: httpx.AsyncClient, db: Database, steward: dict[str, str]) -> None:
    answers = [
        await client.get("/forbidden", headers=steward),
        await client.get("/jobs"),
        await client.get("/jobs", headers={"Authorization": "Bearer not.a.token"}),
        await client.post("/jobs", json={"name": "refused"}, headers=steward),
    ]
    assert [answer.status_code for answer in answers] == [403, 401, 401, 409]
    assert answers[0].json()["right"] == "steward of nts"
    assert answers[1].headers["www-authenticate"].startswith("Bearer")
    rows = await refused_rows(db)
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("catalog.forbidden", "steward.nts"),
        ("catalog.list-jobs", "/catalog"),
        ("catalog.list-jobs", "/catalog"),
        ("catalog.add-job", "steward.nts"),
    ]
    assert rows[0]["detail"]["right"] == "steward of nts"


@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "a known caller"])
async def test_nobody_can_fill_the_audit(
    client: httpx.AsyncClient, refusals: Refusals, db: Database, headers: Callable[..., dict[str, str]], known: bool
) -> None:
    refusals.most, elapsed = 3, 0.0
    refusals.clock = lambda: elapsed
    caller = headers("requester", "nts") if known else {}
    for _ in range(10):
        assert (await client.get("/forbidden", headers=caller)).status_code == (403 if known else 401)
    assert (await client.get("/forbidden", headers=headers("steward", "nts"))).status_code == 403
    name = "requester.nts" if known else "/catalog"
    assert [row["actor"] for row in await refused_rows(db)] == [name] * 3 + ["steward.nts"]
    elapsed += refusals.seconds
    await client.get("/forbidden", headers=caller)
    *_, last = await refused_rows(db)
    assert last["detail"]["left_out_before"] == 7


async def test_what_was_left_out_of_a_caller_who_comes_no_more_is_a_row(
    client: httpx.AsyncClient, refusals: Refusals, db: Database, steward: dict[str, str]
) -> None:
    refusals.most, elapsed = 1, 0.0
    refusals.clock = lambda: elapsed
    for _ in range(5):
        await client.get("/forbidden", headers=steward)
    assert not await refusals.turn()
    elapsed += refusals.seconds
    while await refusals.turn():
        pass
    *_, last = await refused_rows(db)
    assert (last["action"], last["subject"]) == ("catalog.refuse-attempts", "caller/steward.nts")
    assert last["detail"]["left_out"] == 4
    assert refusals.windows == {}


HIDE = {
    True: ("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END",),
    False: (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ),
}
SHOW = {True: "DROP TRIGGER full", False: "DROP TRIGGER full_disk ON audit"}


async def test_no_refusal_without_its_row(
    client: httpx.AsyncClient, refusals: Refusals, db: Database, steward: dict[str, str]
) -> None:
    """While the database takes no row the answer is 503; those that wait are written later, the others counted."""
    refusals.room = 2
    async with db.engine.begin() as connection:
        for statement in HIDE[db.sqlite]:
            await connection.execute(text(statement))
    for _ in range(5):
        answer = await client.get("/forbidden", headers=steward)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    async with db.engine.begin() as connection:
        await connection.execute(text(SHOW[db.sqlite]))
    assert (await client.get("/forbidden", headers=steward)).status_code == 403
    while await refusals.turn():
        pass
    first, *later = await refused_rows(db)
    assert first["detail"]["lost_before"] == 3
    assert [row["action"] for row in later] == ["catalog.forbidden"] * 2
    assert all(row["detail"]["attempted_at"] < first["at"] < row["at"] for row in later)
    assert all("lost_before" not in row["detail"] for row in later)


async def test_who_hangs_up_is_audited_all_the_same(client: httpx.AsyncClient, refusals: Refusals, db: Database) -> None:
    async with db.transaction() as session:  # holds whoever writes
        await session.execute(text("SELECT 1" if db.sqlite else "LOCK TABLE audit IN EXCLUSIVE MODE"))
        attempt = asyncio.create_task(client.get("/forbidden"))
        await eventually(lambda: refusals_begun(refusals))
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
    await refusals.close()
    assert [row["action"] for row in await refused_rows(db)] == ["catalog.forbidden"]


async def refusals_begun(refusals: Refusals) -> bool:
    return bool(refusals.writing)


async def test_a_crash_tells_nothing_and_the_next_request_works(
    client: httpx.AsyncClient, db: Database, job: type[Any], steward: dict[str, str]
) -> None:
    async with counted(db, job, 0):
        crashed = await client.post("/jobs", json={"name": "crash"}, headers=steward)
    assert crashed.status_code == 500
    assert "secret" not in crashed.text
    assert (await client.post("/jobs", json={"name": "next"}, headers=steward)).status_code == 201


async def test_unknown_addresses_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    for answer, status in (
        (await client.get("/nothing"), 404),
        (await client.delete("/jobs"), 405),
        (await client.get("/a%00b"), 404),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (await client.delete("/jobs")).headers["allow"] == "GET, POST"
    assert (await client.delete(f"/jobs/{UUID(int=1)}")).headers["allow"] == "GET, PUT"


# Query parameters

UNHEARD: dict[str, dict[str, tuple[str, str]]] = {
    "limt=3": {"query/limt": ("unknown-parameter", "limit")},
    "Limit=3": {"query/Limit": ("unknown-parameter", "limit")},
    "limit%5B%5D=3": {"query/limit[]": ("unknown-parameter", "limit")},
    "curser=": {"query/curser": ("unknown-parameter", "cursor")},
    "sort=name&q=x": {"query/sort": ("unknown-parameter", ""), "query/q": ("unknown-parameter", "")},
    "limit=3&limit=4": {"query/limit": ("parameter-twice", "")},
    "=3": {"query/": ("unknown-parameter", "")},
}


async def test_a_parameter_that_would_not_be_heard_is_refused(client: httpx.AsyncClient, steward: dict[str, str]) -> None:
    for query, faults in UNHEARD.items():
        answer = await client.get(f"/jobs?{query}", headers=steward)
        assert answer.status_code == 422, answer.text
        assert answer.json()["type"].endswith("/problems/unprocessable")
        codes = {at: code for at, (code, _) in faults.items()}
        assert {each["pointer"]: each["code"] for each in answer.json()["errors"]} == codes
        for each in answer.json()["errors"]:
            code, nearest = faults[each["pointer"]]
            assert f"`{nearest}`" in each["detail"] or not nearest
            assert "limit, cursor" in each["detail"] or code != "unknown-parameter"
    for verb, path in (("GET", "/forbidden"), ("POST", "/jobs")):  # they know none
        answer = await client.request(verb, f"{path}?dry_run=true", headers=steward, json={"name": "not made"})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == "query/dry_run"
    assert (await client.get("/jobs", headers=steward)).json()["items"] == []
    many = f"{'x' * 3000}=1&" + "&".join(f"y{number}=1" for number in range(300))
    answer = await client.get(f"/jobs?{many}", headers=steward)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    assert len(answer.text) < 50_000, "it is answered briefly"


# Languages


async def test_problems_are_said_in_the_language_of_the_caller(client: httpx.AsyncClient, steward: dict[str, str]) -> None:
    path = "/jobs/00000000-0000-7000-8000-000000000000"
    told = {}
    for header in ("ko-KR,ko;q=0.9,en;q=0.8", "en", "", "fr"):
        answer = await client.get(path, headers=steward | ({"Accept-Language": header} if header else {}))
        assert answer.headers["content-language"] == ("ko" if "ko" in header else "en")
        assert answer.headers["vary"] == "Accept-Language"
        told[header[:2]] = answer.json()
    assert told["ko"]["title"] == "조회할 수 있는 대상이 없음"
    assert told["ko"]["detail"] == "그런 작업이 없습니다."
    assert told["en"] == told[""] == told["fr"]
    assert told["en"]["detail"] == "No such job."
    assert told["ko"].keys() == told["en"].keys()


async def test_every_sentence_of_a_korean_problem_is_korean(client: httpx.AsyncClient, steward: dict[str, str]) -> None:
    names = [b"{", b"{}", b'{"name": "", "other": 1}', b'{"name": "refused"}', b'{"name": "crash"}']
    paths = ["/jobs?limit=0", "/jobs?cursor=x", "/jobs?x=1", "/jobs/1", "/nothing", "/forbidden"]
    calls = [("POST", "/jobs", body) for body in names] + [("GET", path, b"") for path in paths] + [("DELETE", "/jobs", b"")]
    headers = steward | {"Accept-Language": "ko", "Content-Type": "application/json"}
    for verb, path, body in calls:
        answer = await client.request(verb, path, content=body, headers=headers)
        assert answer.status_code >= 400
        found = answer.json()
        for sentence in (found["title"], found["detail"], *(each["detail"] for each in found.get("errors", []))):
            assert re.search("[가-힣]", sentence), found
