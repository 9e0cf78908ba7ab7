"""A method uploaded as an ONNX file: who may, what is refused and why, and how it becomes a method like any other."""

from typing import Any

import httpx
import onnx
import pytest
from onnx import TensorProto, helper

from shared.contracts import MethodCard
from tests.analysis import onnx_models
from tests.analysis.centre import Centre

PATH = "/analysis/onnx-methods/plant_score/1.0.0"
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def body() -> bytes:
    return onnx_models.model()


async def upload(centre: Centre, told: dict[str, Any] | None = None, **who: Any) -> httpx.Response:
    headers = centre.headers(who.pop("role", "requester"), who.pop("ministry", "mohw"), **who)
    return await centre.client.post("/analysis/onnx-methods", json=told or onnx_models.manifest(), headers=headers)


async def attach(centre: Centre, content: bytes, media: str = BYTES["Content-Type"], **who: Any) -> httpx.Response:
    headers = {"Accept-Language": who.pop("language", "en"), "Content-Type": media}
    headers |= centre.headers("requester", "mohw", **who)
    return await centre.client.put(f"{PATH}/file", content=content, headers=headers)


async def announced(centre: Centre, **card: Any) -> httpx.Response:
    return await centre.announce(MethodCard.model_validate(onnx_models.card(**card)))


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


async def test_from_upload_to_a_method_like_any_other(centre: Centre, body: bytes) -> None:
    answer = await upload(centre)
    assert answer.status_code == 201, answer.text
    assert "hands it in" in answer.json()["waiting"]
    assert (await upload(centre)).status_code == 200, "the same again is known"
    answer = await attach(centre, body)
    assert answer.status_code == 200, answer.text
    assert "worker" in answer.json()["waiting"]
    worker = centre.headers("worker", "centre", subject="worker.centre")
    items = (await centre.client.get("/analysis/onnx-methods?hostable=true", headers=worker)).json()["items"]
    assert [item["name"] for item in items] == ["plant_score"]
    assert (await centre.client.get(f"{PATH}/file", headers=worker)).content == body
    assert (await announced(centre)).status_code == 201
    shown = (await centre.client.get(PATH, headers=worker)).json()
    assert (shown["announced"], shown["waiting"]) == (True, None)
    assert (await attach(centre, body)).status_code == 409, "another file is a new version"


@pytest.mark.parametrize(
    ("role", "ministry", "status"), [("steward", "mohw", 403), ("requester", "nts", 403), ("centre-analyst", "mois", 201)]
)
async def test_who_may_upload(centre: Centre, role: str, ministry: str, status: int) -> None:
    assert (await upload(centre, role=role, ministry=ministry)).status_code == status


async def test_what_another_ministry_uploaded_is_not_there(centre: Centre, body: bytes) -> None:
    await upload(centre)
    stranger = centre.headers("requester", "nts")
    assert (await centre.client.get(PATH, headers=stranger)).status_code == 404
    assert (await centre.client.get("/analysis/onnx-methods", headers=stranger)).json()["items"] == []
    colleague = centre.headers("requester", "mohw", subject="another.analyst") | BYTES
    assert (await centre.client.put(f"{PATH}/file", content=body, headers=colleague)).status_code == 403
    assert (await centre.client.get(f"{PATH}/file", headers=centre.headers("requester", "mohw"))).status_code == 403


async def test_who_uploaded_it_does_not_review_it(centre: Centre, body: bytes) -> None:
    headers = centre.headers("requester,method-reviewer", "mohw", subject="lee.both")
    assert (await centre.client.post("/analysis/onnx-methods", json=onnx_models.manifest(), headers=headers)).status_code == 201
    assert (await centre.client.put(f"{PATH}/file", content=body, headers=headers | BYTES)).status_code == 200
    assert (await announced(centre)).status_code == 201
    review = {"verdict": "approve", "reason": "I made it."}
    answer = await centre.client.post("/analysis/methods/plant_score/1.0.0/reviews", json=review, headers=headers)
    assert answer.status_code == 403
    assert "uploaded" in answer.json()["detail"]


async def test_a_worker_announces_the_card_that_was_uploaded_and_no_other(centre: Centre, body: bytes) -> None:
    await upload(centre)
    await attach(centre, body)
    answer = await centre.announce(MethodCard.model_validate(onnx_models.card() | {"purpose": "Another purpose."}))
    assert answer.status_code == 409


async def test_a_fault_reaches_who_uploaded_it_without_any_cell(centre: Centre, body: bytes) -> None:
    await upload(centre)
    await attach(centre, body)
    worker = centre.headers("worker", "centre", subject="worker.centre")
    told = {"detail": "Row 51,234,000 is broken."}
    assert (await centre.client.post(f"{PATH}/fault", json=told, headers=worker)).status_code == 200
    shown = (await centre.client.get(PATH, headers=centre.headers("requester", "mohw"))).json()
    assert shown["waiting"] == "No worker could host it: Row … is broken."
    assert shown["fault"]["detail"]["ko"] == "Row … is broken."
    assert (await centre.client.get("/analysis/onnx-methods?hostable=true", headers=worker)).json()["items"] == []
    anew = (await attach(centre, body)).json()
    assert (anew["waiting"].startswith("A stock worker"), anew["fault"]) == (True, None), "a new file begins anew"


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({"code": "trial-memory", "values": {"rows": "33", "memory_mb": "1"}}, "trial-memory", ("512 MiB", "512MiB", "33")),
        ({"code": "cannot-open", "values": {"version": "1.32.0", "why": "51,234,000"}}, "cannot-open", ("(1.32.0)"[1:-1],)),
        ({"code": "cannot-open", "values": {}}, "cannot-open", ("cannot-open",)),
        ({"code": "of-its-own", "detail": "Too odd."}, "of-its-own", ("Too odd.",)),
    ],
)
async def test_a_fault_is_told_in_both_languages(
    centre: Centre, body: bytes, told: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    await upload(centre)
    await attach(centre, body)
    worker = centre.headers("worker", "centre", subject="worker.centre")
    shown = (await centre.client.post(f"{PATH}/fault", json=told, headers=worker)).json()["fault"]
    assert shown["code"] == code
    assert all(any(word in text for text in shown["detail"].values()) for word in words)
    assert "51,234,000" not in str(shown)


async def test_a_fault_says_something(centre: Centre) -> None:
    worker = centre.headers("worker", "centre", subject="worker.centre")
    assert (await centre.client.post(f"{PATH}/fault", json={}, headers=worker)).status_code == 422


WAGES: dict[str, Any] = {"name": "w", "column": "income__wages"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"features": []}, "#/features"),
        ({"features": [{"name": "x", "column": "income__x"}]}, "#"),
        ({"features": [WAGES] * 2}, "#"),
        ({"output": ""}, "#/output"),
        ({"position": -1}, "#/position"),
        ({"position": True}, "#/position"),
        ({"features": [WAGES, WAGES | {"codes": {"a": "nan"}}]}, "#/features/1/codes/a"),
        ({"missing_values": "no"}, "#/missing_values"),
        ({"examples": [{"values": [1.0], "score": 0.5}]}, "#"),
        ({"examples": [{"values": [1.0, None], "score": 0.5}]}, "#"),
        ({"examples": [{"values": [1.0, "nan"], "score": 0.5}]}, "#/examples/0/values/1"),
        ({"unknown": 1}, "#/unknown"),
        ({"remote": {"url": "http://127.0.0.1:1", "model": "x"}}, "#/remote"),
    ],
)
async def test_a_manifest_that_does_not_fit(centre: Centre, change: dict[str, Any], pointer: str) -> None:
    answer = await upload(centre, onnx_models.manifest() | change)
    assert [place for place, _ in codes(answer)] == [pointer]


async def test_outputs_that_no_model_gives(centre: Centre) -> None:
    card = onnx_models.card()
    card["outputs"].append({"name": "more", "kind": "table", "title": onnx_models.text("more")})
    assert (await upload(centre, onnx_models.manifest(card))).status_code == 422


def graph(
    domain: str = "", opset: int = 21, external: bool = False, kind: int = TensorProto.FLOAT, rows: int | None = None
) -> bytes:
    inputs = [helper.make_tensor_value_info("input", kind, [rows, 2])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [0.0, 0.0])
    if external:
        weight = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
        entry = weight.external_data.add()
        entry.key, entry.value = "location", "../../../etc/passwd"
    node = helper.make_node("Add", ["input", "w"], ["probabilities"], domain=domain)
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(helper.make_graph([node], "g", inputs, outputs, [weight]), opset_imports=opsets, ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "malformed"),
        (b"no model at all", "malformed"),
        (b"\x80\x04\x95pickle", "malformed"),
        (graph(domain="com.example"), "custom-operator"),
        (graph(opset=99), "wrong-opset"),
        (graph(external=True), "path-traversal"),
        (graph().replace(b"probabilities", b"probabilitieS"), "missing-output"),
        (graph(kind=TensorProto.DOUBLE), "float64-input"),
        (graph(kind=TensorProto.FLOAT16), "float16-input"),
        (graph(kind=TensorProto.STRING), "text-input"),
        (graph(rows=1), "fixed-batch"),
    ],
)
async def test_a_file_that_is_not_taken(centre: Centre, content: bytes, code: str) -> None:
    await upload(centre)
    answer = await attach(centre, content)
    assert [found for _, found in codes(answer)] == [code]
    korean = await attach(centre, content, language="ko")
    assert any("가" <= letter <= "힣" for letter in korean.json()["errors"][0]["detail"])
    shown = (await centre.client.get(PATH, headers=centre.headers("requester", "mohw"))).json()
    assert shown["sha256"] is None, "nothing of it is kept in the row"


async def test_another_media_type_and_an_unknown_method(centre: Centre, body: bytes) -> None:
    assert (await attach(centre, body)).status_code == 404
    await upload(centre)
    assert (await attach(centre, body, media="text/plain")).status_code == 415
