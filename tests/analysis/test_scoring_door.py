"""The scoring door: calls answered as the model says, everything else refused with a reason, and the next call served."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from onnx import TensorProto, helper
from sqlalchemy import select
from sqlmodel import col

from services.analysis.models import Grant, GrantState, ReleasedModel, ScoringBatch
from services.analysis.scoring.ledger import Ledger
from services.analysis.scoring.registry import seconds_left_today
from shared.clock import now
from shared.contracts import ModelFormat
from tests.analysis.scoring import BASE, ECHOED, FEATURES, NAME, ScoringDoor, echo, expected, linear, serialized, tensor

ROWS = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]
Headers = Callable[..., dict[str, str]]
Open = Callable[..., Awaitable[ScoringDoor]]


async def served(door: ScoringDoor) -> None:
    """The next call is answered."""
    answer = await door.infer(tensor(ROWS))
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"] == expected(ROWS).ravel().tolist()


def refused(answer: Any, status: int) -> dict[str, Any]:
    """The problem document, which is an error object of the protocol too."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["error"] == told["detail"]
    assert told["status"] == status
    assert answer.headers["x-request-id"]
    return told


async def audited(door: ScoringDoor, outcome: str = "done") -> list[dict[str, Any]]:
    db = door.app.state.db
    async with db.reading() as session:
        query = select(db.tables.audit).where(db.tables.audit.c.outcome == outcome).order_by(db.tables.audit.c.id)
        return [dict(row) | {"detail": json.loads(row["detail"])} for row in (await session.execute(query)).mappings().all()]


async def batches(door: ScoringDoor) -> list[ScoringBatch]:
    async with door.app.state.db.reading() as session:
        return list((await session.exec(select(ScoringBatch).order_by(col(ScoringBatch.id)))).scalars().all())


# Calls


async def test_it_scores(door: ScoringDoor) -> None:
    answer = await door.infer(tensor(ROWS, id="42"), **{"X-Request-ID": "mine"})
    assert answer.status_code == 200, answer.text
    assert (answer.headers["content-type"], answer.headers["x-request-id"]) == ("application/json", "mine")
    told = answer.json()
    assert (told["model_name"], told["model_version"], told["id"]) == (NAME, "1", "42")
    scores = {each["name"]: each for each in told["outputs"]}
    assert scores["score"] == {"name": "score", "datatype": "FP32", "shape": [2, 1], "data": expected(ROWS).ravel().tolist()}
    assert scores["flagged"]["data"] == (expected(ROWS) > 1).ravel().tolist()


async def test_it_scores_in_binary(door: ScoringDoor) -> None:
    rows = np.array(ROWS, dtype="<f4")
    given = {"name": "X", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": rows.nbytes}}
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    answer = await door.infer(head + rows.tobytes(), **{"Inference-Header-Content-Length": str(len(head))})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    length = int(answer.headers["inference-header-content-length"])
    told = json.loads(answer.content[:length])["outputs"]
    assert [each["parameters"]["binary_data_size"] for each in told] == [8, 2]
    assert np.frombuffer(answer.content[length : length + 8], "<f4").tolist() == expected(ROWS).ravel().tolist()
    assert answer.content[length + 8 :] == (expected(ROWS) > 1).astype(np.uint8).tobytes()


async def test_every_datatype_and_one_tensor_for_each_feature(door: ScoringDoor) -> None:
    await door.grant(await door.release(echo(), name="demo.echo"))
    values: dict[str, list[Any]] = {
        "f": [0.5, -2.0], "d": [1e300, 0.1], "i": [-(2**31), 7], "l": [2**62, -1], "b": [True, False], "s": ["한글", ""],
    }  # fmt: skip
    inputs = [
        {"name": name, "shape": [2, 1], "datatype": datatype, "data": values[name]} for name, (_, datatype) in ECHOED.items()
    ]
    answer = await door.infer({"inputs": inputs}, name="demo.echo")
    assert answer.status_code == 200, answer.text
    assert {each["name"].removesuffix("_out"): each["data"] for each in answer.json()["outputs"]} == values
    columns = np.array(ROWS, dtype=np.float32).T.tolist()
    named = [
        {"name": name, "shape": [2], "datatype": "FP32", "data": column} for name, column in zip(FEATURES, columns, strict=True)
    ]
    by_feature = await door.infer({"inputs": named[::-1]})
    assert by_feature.json()["outputs"][0]["data"] == expected(ROWS).ravel().tolist()


async def test_large_batches_are_scored_beside_the_loop(door: ScoringDoor) -> None:
    rows = np.random.default_rng(1).normal(size=(30_000, 3)).astype("<f4")
    given = {"name": "X", "shape": list(rows.shape), "datatype": "FP32", "parameters": {"binary_data_size": rows.nbytes}}
    asked = {"inputs": [given], "outputs": [{"name": "score", "parameters": {"binary_data": True}}]}
    head = json.dumps(asked).encode()
    large = door.infer(head + rows.tobytes(), **{"Inference-Header-Content-Length": str(len(head))})
    answers = await asyncio.gather(large, *(door.infer(tensor(ROWS)) for _ in range(10)), door.infer(tensor(rows[:5000])))
    assert {answer.status_code for answer in answers} == {200}
    length = int(answers[0].headers["inference-header-content-length"])
    assert np.allclose(np.frombuffer(answers[0].content[length:], "<f4"), expected(rows).ravel(), atol=1e-6)
    assert np.allclose(answers[-1].json()["outputs"][0]["data"], expected(rows[:5000]).ravel(), atol=1e-6)
    assert door.app.state.door.shelf.at_hand(list(door.app.state.door.shelf.models)[0]).big is not None


async def test_missing_values_where_the_manifest_says_so(door: ScoringDoor) -> None:
    await door.grant(await door.release(linear(missing=True), name="shop.tolerant"))
    body = tensor(ROWS)
    body["inputs"][0]["data"][0] = None
    asked = body | {"outputs": [{"name": "flagged"}]}
    answer = await door.infer(asked, name="shop.tolerant")
    assert answer.json()["outputs"][0]["data"] == [False, bool(expected(ROWS)[1, 0] > 1)]
    assert refused(await door.infer(body), 422)["errors"][0]["pointer"] == "#/inputs/0/data"


@pytest.mark.parametrize("binary", [False, True])
async def test_an_answer_that_is_no_number_is_refused_in_json_as_in_binary(door: ScoringDoor, binary: bool) -> None:
    x, score = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("X", "score"))
    await door.grant(await door.release(serialized([helper.make_node("Log", ["X"], ["score"])], [x], [score]), name="a.log"))
    for value in (0, -1):
        asked = tensor([[1.0], [value]]) | {"parameters": {"binary_data_output": binary}}
        problem = refused(await door.infer(asked, name="a.log"), 422)
        assert (problem["reason"], problem["errors"][0]["code"]) == ("not-finite", "not-finite")
        assert "score" in problem["detail"]
    assert (await door.infer(tensor([[1.0]]), name="a.log")).status_code == 200


async def test_a_batch_of_one_is_described_as_it_is(door: ScoringDoor) -> None:
    x, score = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("X", "score"))
    model = serialized([helper.make_node("Identity", ["X"], ["score"])], [x], [score], features=list(FEATURES))
    await door.grant(await door.release(model, name="a.one"))
    told = (await door.client.get(f"{BASE}/v2/models/a.one", headers=door.headers)).json()
    assert [each["shape"] for each in (*told["inputs"], *told["outputs"])] == [[1, 3], [1, 3]]
    error = refused(await door.infer(tensor(ROWS), name="a.one"), 422)["errors"][0]
    assert (error["code"], "[1, 3]" in error["detail"]) == ("wrong-shape", True)
    columns = [{"name": name, "shape": [2], "datatype": "FP32", "data": [1, 2]} for name in FEATURES]
    assert refused(await door.infer({"inputs": columns}, name="a.one"), 422)["errors"][0]["code"] == "wrong-shape"
    assert (await door.infer(tensor(ROWS[:1]), name="a.one")).status_code == 200


async def test_texts_are_read_as_in_training(door: ScoringDoor) -> None:
    await door.grant(await door.release(echo(), name="demo.echo"))
    inputs: list[dict[str, Any]] = [
        {"name": name, "shape": [1], "datatype": kind, "data": [0]} for name, (_, kind) in ECHOED.items()
    ]
    texts: dict[str, list[Any]] = {"b": [True], "s": ["\u3000서울\u200b  시"], "f": [0.0]}
    asked = {"inputs": [each | {"data": texts.get(each["name"], [0])} for each in inputs], "outputs": [{"name": "s_out"}]}
    assert (await door.infer(asked, name="demo.echo")).json()["outputs"][0]["data"] == ["서울 시"]


# Versions and metadata


async def test_the_newest_version_with_a_grant_answers(door: ScoringDoor) -> None:
    model_id = await door.release(linear(), release=2)
    assert (await door.infer(tensor(ROWS))).json()["model_version"] == "1"
    refused(await door.infer(tensor(ROWS), version="2"), 404)
    await door.grant(model_id)
    door.forget()
    assert (await door.infer(tensor(ROWS))).json()["model_version"] == "2"
    assert (await door.infer(tensor(ROWS), version="1")).json()["model_version"] == "1"
    for version in ("3", "0", "-1", "x", "1e0", "٢"):
        refused(await door.infer(tensor(ROWS), version=version), 404)


async def test_metadata_and_readiness(door: ScoringDoor) -> None:
    async def get(path: str, **headers: str) -> Any:
        return await door.client.get(f"{BASE}/v2{path}", headers=headers)

    for path in ("", "/"):
        assert (await get(path)).json()["extensions"] == ["binary_tensor_data"]
    assert [(await get(f"/health/{each}")).status_code for each in ("live", "ready")] == [200, 200]
    for model in (f"/models/{NAME}", f"/models/{NAME}/versions/1"):
        told = (await get(model, **door.headers)).json()
        assert (told["name"], told["versions"], told["platform"]) == (NAME, ["1"], "onnxruntime_onnx")
        assert told["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 3]}]
        assert [each["datatype"] for each in told["outputs"]] == ["FP32", "BOOL"]
        assert told["properties"]["features"] == ",".join(FEATURES)
        assert (await get(f"{model}/ready", **door.headers)).status_code == 200
        refused(await get(model), 401)
    refused(await get("/models/nothing", **door.headers), 404)
    refused(await get(f"/models/{NAME}/versions/2/ready", **door.headers), 404)
    refused(await get("/nothing"), 404)
    refused(await get(f"/models/{NAME}/infer", **door.headers), 405)
    assert "http_requests_total" in (await door.client.get(f"{BASE}/metrics")).text


async def test_only_onnx_is_scored(door: ScoringDoor) -> None:
    await door.grant(await door.release(b"not onnx", name="shop.other", format=ModelFormat.SKOPS))
    assert refused(await door.infer(tensor(ROWS), name="shop.other"), 409)["reason"] == "format"
    path = f"{BASE}/v2/models/shop.other/ready"
    assert refused(await door.client.get(path, headers=door.headers), 409)["reason"] == "format"


async def test_a_file_that_is_no_model_or_not_there(door: ScoringDoor) -> None:
    from onnx import TensorProto, helper

    info = helper.make_tensor_value_info
    half = serialized([helper.make_node("Identity", ["a"], ["b"])], [info("a", TensorProto.FLOAT16, [None, 1])],
                      [info("b", TensorProto.FLOAT16, [None, 1])])  # fmt: skip
    for name, data, reason in (("bad.bytes", b"\x00" * 100, "not-loadable"), ("bad.half", half, "datatype")):
        await door.grant(await door.release(data, name=name))
        assert refused(await door.infer(tensor(ROWS), name=name), 409)["reason"] == reason
    await door.grant(await door.release(linear(missing=True), name="bad.gone"))
    async with door.app.state.db.reading() as session:
        model = (await session.exec(select(ReleasedModel).where(col(ReleasedModel.name) == "bad.gone"))).scalars().one()
    storage = door.app.state.door.shelf.storage
    (storage.folder / f"sha256/{model.sha256[:2]}/{model.sha256}").write_bytes(linear())
    refused(await door.infer(tensor(ROWS), name="bad.gone"), 503)
    await storage.delete(model.sha256)
    refused(await door.infer(tensor(ROWS), name="bad.gone"), 503)
    await served(door)


async def test_the_least_used_model_is_given_up(open_door: Open) -> None:
    door = await open_door(models_kept=2)
    for number in range(4):
        model = linear() if not number else serialized_with(number)
        await door.grant(await door.release(model, name=f"m.m{number}"))
        assert (await door.infer(tensor(ROWS), name=f"m.m{number}")).status_code == 200
        assert (await door.infer(tensor(ROWS), name="m.m0")).status_code == 200
    assert len(door.app.state.door.shelf.models) == 2


def serialized_with(number: int) -> bytes:
    """The linear model under another digest."""
    import onnx

    model = onnx.load_from_string(linear())
    model.doc_string = str(number)
    return bytes(model.SerializeToString())


# Who may ask


async def test_without_a_grant(door: ScoringDoor, headers: Headers) -> None:
    async def status(*who: str, **more: Any) -> Any:
        return await door.infer(tensor(ROWS), **headers(*who, **more))

    told = refused(await status("requester", "mohw", subject="other.client"), 403)
    assert told["right"] == f"grant on {NAME}/1"
    assert "POST /analysis/grants" in told["detail"]
    refused(await status("requester", "kosis"), 403)
    refused(await status("auditor", "bai"), 403)
    refused(await status("requester", "nts"), 404)
    refused(await status("requester", "nts", subject="scorer.mohw"), 404)
    assert refused(await status("steward", "mohw", subject="scorer.mohw"), 403)["right"] == "requester or worker"
    assert refused(await door.infer(tensor(ROWS), Authorization="Bearer x.y.z"), 401)["reason"] == "malformed-token"
    assert refused(await door.infer(tensor(ROWS), Authorization="Basic eA=="), 401)["reason"] == "malformed-header"
    answer = await door.client.post(f"{BASE}/v2/models/{NAME}/infer", json=tensor(ROWS))
    assert refused(answer, 401)["reason"] == "missing-token"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    rows = await audited(door, "refused")
    assert len(rows) == 9
    assert {row["action"] for row in rows} == {"analysis.infer-model"}
    assert rows[0]["detail"]["right"] == f"grant on {NAME}/1"
    assert (rows[0]["actor"], rows[0]["ministry"]) == ("other.client", "mohw")
    await served(door)


async def test_a_grant_that_does_not_hold(door: ScoringDoor) -> None:
    wrongs: list[dict[str, Any]] = [
        {"state": GrantState.ASKED}, {"state": GrantState.REVOKED}, {"state": GrantState.REFUSED}, {"valid_until": now()},
        {"valid_from": now() + timedelta(days=2)}, {"client": "other"}, {"ministry": "mohw2"},
    ]  # fmt: skip
    for number, wrong in enumerate(wrongs):
        await door.grant(await door.release(linear(), name=f"m.m{number}"), **wrong)
        refused(await door.infer(tensor(ROWS), name=f"m.m{number}"), 404 if "ministry" in wrong else 403)


async def test_a_revoked_grant_and_a_withdrawn_model_stop_within_a_second(door: ScoringDoor) -> None:
    await served(door)
    async with door.app.state.db.transaction() as session:
        grant = (await session.exec(select(Grant))).scalars().one()
        grant.state = GrantState.REVOKED
        session.add(grant)
    async with asyncio.timeout(20):
        while (answer := await door.infer(tensor(ROWS))).status_code == 200:
            await asyncio.sleep(0.05)
    refused(answer, 403)
    await door.grant(grant.model_id)
    await served(door)
    async with door.app.state.db.transaction() as session:
        model = (await session.exec(select(ReleasedModel))).scalars().one()
        model.withdrawn_at = now()
        session.add(model)
    async with asyncio.timeout(20):
        while (answer := await door.infer(tensor(ROWS))).status_code == 200:
            await asyncio.sleep(0.05)
    refused(answer, 410)


async def test_the_rows_of_a_day(open_door: Open) -> None:
    door = await open_door()
    grant_id = await door.grant(await door.release(linear()), rows_per_day=5)
    other = ScoringBatch(
        door=uuid4(),
        number=1,
        grant_id=grant_id,
        model_id=uuid4(),
        day=now().date(),
        requests=1,
        rows=2,
        began_at=now(),
        ended_at=now(),
    )
    old = ScoringBatch(**other.model_dump(exclude={"id", "number", "day"}), number=2, day=now().date() - timedelta(days=1))
    async with door.app.state.db.transaction() as session:
        session.add_all([other, old])
    await served(door)
    answer = await door.infer(tensor(ROWS))
    assert refused(answer, 429)["limit_rows"] == 5
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert (await door.infer(tensor(ROWS[:1]))).status_code == 200
    await door.app.state.ledger.flush()
    door.forget()
    refused(await door.infer(tensor(ROWS[:1])), 429)
    assert seconds_left_today(now()) <= 86_400


# What is counted


async def test_a_grant_has_a_rate(open_door: Open) -> None:
    """Sixty rows a minute: what is used up comes back by one row a second."""
    door, clock = await open_door(), [1000.0]
    await door.grant(await door.release(linear()), rows_per_minute=60)
    door.app.state.ledger.clock = lambda: clock[0]

    async def send(rows: int) -> Any:
        return await door.infer(tensor(np.zeros((rows, 3))))

    assert (await send(50)).status_code == 200
    answer = await send(20)
    assert (refused(answer, 429)["limit_rows"], answer.headers["retry-after"]) == (60, "10")
    assert (await send(10)).status_code == 200, "what was refused took nothing"
    refused(await send(1), 429)
    clock[0] += 20
    assert (await send(20)).status_code == 200
    refused(await send(1), 429)
    clock[0] += 3600
    assert (await send(60)).status_code == 200
    refused(await send(61), 429)


async def test_counts_are_audited_by_grant(open_door: Open) -> None:
    door = await open_door(flush_seconds=1)
    grant_id = await door.grant(await door.release(linear()))
    await door.app.state.ledger.flush()
    for _ in range(3):
        await served(door)
    refused(await door.infer(b"{"), 400)
    await door.app.state.ledger.flush()
    found = await batches(door)
    assert {each.grant_id for each in found} == {grant_id}
    assert (sum(each.requests for each in found), sum(each.rows for each in found)) == (3, 6)
    rows = [row for row in await audited(door) if row["action"] == "analysis.score"]
    assert len(rows) == len(found)
    assert {(row["subject"], row["actor"], row["ministry"]) for row in rows} == {(f"grant/{grant_id}", "scorer.mohw", "mohw")}
    assert {row["detail"]["model"] for row in rows} == {f"{NAME}/1"}
    assert all(row["detail"]["from"] <= row["detail"]["to"] for row in rows)
    assert await door.app.state.ledger.flush() == 0


async def test_what_was_counted_is_written_by_itself_and_at_the_end(open_door: Open) -> None:
    door = await open_door(flush_seconds=0.05)
    await door.grant(await door.release(linear()))
    await served(door)
    async with asyncio.timeout(20):
        while not await batches(door):
            await asyncio.sleep(0.02)
    slow = await open_door(flush_seconds=1)
    await slow.grant(await slow.release(linear(missing=True), name="m.last"))
    async with slow.app.router.lifespan_context(slow.app):
        assert (await slow.infer(tensor(ROWS), name="m.last")).status_code == 200
    assert sum(each.rows for each in await batches(door)) == 4


async def test_counts_wait_for_a_database_that_is_away_and_are_written_once(
    door: ScoringDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger: Ledger = door.app.state.ledger
    await ledger.flush()
    await served(door)
    transaction = ledger.db.transaction

    def away(**_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(ledger.db, "transaction", away)
    with pytest.raises(ConnectionError):
        await ledger.flush()
    await served(door)

    class Torn:
        """Commits, and loses the answer."""

        async def __aenter__(self) -> Any:
            self.whole = transaction()
            return await self.whole.__aenter__()

        async def __aexit__(self, *told: Any) -> None:
            await self.whole.__aexit__(*told)
            raise ConnectionError

    monkeypatch.setattr(ledger.db, "transaction", lambda **_: Torn())
    with pytest.raises(ConnectionError):
        await ledger.flush()
    monkeypatch.setattr(ledger.db, "transaction", transaction)
    await ledger.flush()
    assert sum(each.rows for each in await batches(door)) == 4


# What is not a call


async def test_bad_calls_are_refused_and_the_next_is_served(door: ScoringDoor) -> None:
    good = json.dumps(tensor(ROWS)).encode()
    deep = b'{"inputs":' + b"[" * 100_000
    for body, status in (
        (b"", 400),
        (good[:-5], 400),
        (deep, 400),
        (b"\xff", 400),
        (b"null", 422),
        (good.replace(b"X", b"Y"), 422),
    ):
        refused(await door.infer(body), status)
        await served(door)
    refused(await door.infer(good, **{"Inference-Header-Content-Length": "999999"}), 400)
    refused(await door.infer(good, **{"Inference-Header-Content-Length": "-1"}), 400)
    assert refused(await door.infer(good, **{"Content-Encoding": "gzip"}), 415)["accepted"]
    for name in ("no.model", "x" * 130, "%2e%2e", "모형"):
        refused(await door.infer(good, name=name), 404)
    refused(await door.infer(good, name="a%00b"), 400)  # as at every other door
    refused(await door.infer(good, name="x" * 500), 404)
    await served(door)


async def test_no_value_stands_in_an_answer_to_bad_values(door: ScoringDoor) -> None:
    body = tensor(ROWS)
    body["inputs"][0]["data"][2] = "secret-value"
    assert "secret-value" not in (await door.infer(body)).text
    body = tensor(ROWS) | {"outputs": [{"name": "secret-value"}]}
    assert "secret-value" not in (await door.infer(body)).text


async def test_a_body_is_cut_at_the_limit(open_door: Open) -> None:
    door = await open_door(body_limit=1024 * 1024, batch_waiting=1)
    await door.grant(await door.release(linear()))
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1024):
            sent += 1
            yield b"[" * 1024 * 1024

    path = f"{BASE}/v2/models/{NAME}/infer"
    answer = await door.client.post(path, content=endless(), headers=door.headers)
    assert refused(answer, 413)["limit_bytes"] == 1024 * 1024
    answer = await door.client.post(path, content=b" " * (1024 * 1024 + 1), headers=door.headers)
    refused(answer, 413)
    await served(door)


async def test_large_batches_find_room_or_are_asked_to_come_again(open_door: Open) -> None:
    door = await open_door(batch_waiting=1, inline_bytes=10, read_seconds=0.2)
    await door.grant(await door.release(linear()))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        begun.set()
        await go_on.wait()
        yield b"}"

    path = f"{BASE}/v2/models/{NAME}/infer"
    one = asyncio.create_task(door.client.post(path, content=slow(), headers=door.headers))
    await begun.wait()
    busy = await door.infer(tensor(ROWS))
    go_on.set()
    assert refused(busy, 429)["error"].startswith("Too many large batches")
    refused(await one, 422)
    await served(door)
    go_on.clear()
    late = await door.client.post(path, content=slow(), headers=door.headers)
    assert "within 0.2 seconds" in refused(late, 400)["detail"]


@pytest.mark.parametrize(("limit", "status"), [("calls_each", 429), ("calls", 503)])
async def test_calls_of_one_client_and_all_together_are_bounded(open_door: Open, limit: str, status: int) -> None:
    door = await open_door(**{limit: 1})
    await door.grant(await door.release(linear()))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield json.dumps(tensor(ROWS)).encode()

    path = f"{BASE}/v2/models/{NAME}/infer"
    one = asyncio.create_task(door.client.post(path, content=slow(), headers=door.headers))
    await begun.wait()
    busy = await door.infer(tensor(ROWS))
    refused(busy, status)
    assert int(busy.headers["retry-after"]) > 0
    go_on.set()
    answer = await one
    assert (answer.status_code, answer.headers["x-content-type-options"], answer.headers["cache-control"]) == (
        200,
        "nosniff",
        "no-store",
    )
    await served(door)
