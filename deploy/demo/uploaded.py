"""A second request, whose method is an ONNX file that its requester uploads: the worker hosts it, or has it scored elsewhere."""

from functools import partial
from typing import Any, Final

from onnx import TensorProto, helper

from deploy.demo import people
from deploy.demo.papers import BALLOT, OWNERS, REVIEW, approval, asked_for
from deploy.demo.walk import Unexpected, Walk

NAME, VERSION = "low_income", "1.0.0"
WEIGHTS: Final = {"income__wages": -0.0001, "household__household_size": 0.3}


def model() -> bytes:
    """The logistic function of two weighted columns, as an ONNX file; what is not known weighs nothing."""
    rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size]) for name, size in (("input", 2), ("score", 1))]
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [2, 1], list(WEIGHTS.values()))
    nothing = helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0])
    steps = [("IsNaN", ["input"], "unknown"), ("Where", ["unknown", "nothing", "input"], "known"),
             ("MatMul", ["known", "weights"], "sum"), ("Sigmoid", ["sum"], "score")]  # fmt: skip
    nodes = [helper.make_node(kind, given, [gives]) for kind, given, gives in steps]
    graph = helper.make_graph(nodes, NAME, rows[:1], rows[1:], [weights, nothing])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(made.SerializeToString())


def manifest() -> dict[str, Any]:
    title = {"ko": "저소득 점수", "en": "Score of low income"}
    key = {"name": "person_no", "type": "string", "role": "key", "key_domain": "person"}
    columns = [column.split("__") for column in WEIGHTS]
    inputs = [{"name": role, "title": title, "columns": [key, {"name": name, "type": "number"}]} for role, name in columns]
    outputs = [("score_bands", "table"), ("summary", "metrics")]
    card = {
        "name": NAME, "version": VERSION, "title": title, "purpose": "A model that its owner brings.", "owner": "mohw",
        "inputs": inputs, "linkage": {"key_domain": "person", "base": "household"}, "parameters": {"type": "object"},
        "outputs": [{"name": name, "kind": kind, "title": title} for name, kind in outputs],
    }  # fmt: skip
    return {
        "card": card,
        "features": [{"name": column, "column": column} for column in WEIGHTS],
        "output": "score",
        "position": 0,
    }


def walk_on(walk: Walk) -> str:
    """Upload, review, ask, decide, vote, and wait for the run: its id, or Unexpected."""
    path = f"/methods/{NAME}/{VERSION}"
    walk.call(people.KIM, "POST", "analysis", "/onnx-methods", json=manifest())
    binary = {"Content-Type": "application/octet-stream"}
    walk.call(people.KIM, "PUT", "analysis", f"/onnx-methods/{NAME}/{VERSION}/file", content=model(), headers=binary)
    walk.wait("the worker to host it", lambda: walk.call(people.YOON, "GET", "analysis", path, expect=(200, 404)).is_success)
    for reviewer in (people.YOON, people.LIM):
        walk.call(reviewer, "POST", "analysis", f"{path}/reviews", json=REVIEW)
    datasets = {role: walk.datasets[role] for role in ("household", "income")}
    asked = asked_for(VERSION, datasets) | {"method": {"name": NAME, "version": VERSION}}

    def known() -> Any:
        answer = walk.call(people.KIM, "POST", "requests", "", json=asked, expect=(201, 422))
        return answer.json() if answer.status_code == 201 else None

    request = walk.wait("the copy of the method to arrive", known)["id"]
    for role, dataset in datasets.items():
        walk.call(people.STEWARDS[OWNERS[role]], "POST", "requests", f"/{request}/decisions", json=approval(dataset))
    for member in (people.CHOI, people.JUNG, people.KANG):
        if walk.call(people.KIM, "GET", "requests", f"/{request}").json()["status"] == "council_review":
            walk.call(member, "POST", "requests", f"/{request}/votes", json=BALLOT)
    run = walk.wait("the run of the uploaded model", partial(ended, walk, request))
    if run["status"] != "succeeded":
        raise Unexpected(f"the run {run['status']}: {run['reason']}")
    return str(run["id"])


def ended(walk: Walk, request: str) -> dict[str, Any] | None:
    runs: list[dict[str, Any]] = walk.call(people.KIM, "GET", "analysis", "/runs").json()["items"]
    return next((run for run in runs if run["request_id"] == request and run["status"] in ("succeeded", "failed")), None)
