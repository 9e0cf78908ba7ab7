"""A scoring door with people, a small model and a grant on it, without the rest of the centre."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import onnx
from fastapi import FastAPI
from onnx import TensorProto, helper

from services.analysis.models import Grant, GrantState, ReleasedModel
from shared.clock import now
from shared.contracts import ModelFormat
from shared.db import Database
from shared.ids import new_id
from shared.storage import Storage

BASE = "/analysis/scoring"
NAME = "shop_closures.risk_model"
FEATURES = ("rent", "age", "owners")
COEFFICIENTS = np.array([[0.5], [-0.25], [0.125]], dtype=np.float32)


def serialized(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: Sequence[Any] = (), **manifest: Any) -> bytes:
    graph = helper.make_graph(nodes, "scored", inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if manifest:
        helper.set_model_props(model, {"dure": json.dumps(manifest)})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def linear(*, missing: bool = False) -> bytes:
    """rows x 3 numbers -> a score (their weighted sum) and whether it is above 1."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 1], COEFFICIENTS.ravel())
    limit = helper.make_tensor("limit", TensorProto.FLOAT, [], [1.0])
    nodes = [
        helper.make_node("MatMul", ["X", "w"], ["score"]),
        helper.make_node("Greater", ["score", "limit"], ["flagged"]),
    ]
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    flagged = helper.make_tensor_value_info("flagged", TensorProto.BOOL, [None, 1])
    return serialized(nodes, [x], [score, flagged], [weights, limit], features=list(FEATURES), missing_values=missing)


ECHOED = {
    "f": ("FLOAT", "FP32"), "d": ("DOUBLE", "FP64"), "i": ("INT32", "INT32"), "l": ("INT64", "INT64"), "b": ("BOOL", "BOOL"),
    "s": ("STRING", "BYTES"),
}  # fmt: skip


def echo() -> bytes:
    """One column of each datatype, given back as it came."""
    kinds = {name: getattr(TensorProto, kind) for name, (kind, _) in ECHOED.items()}
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in kinds]
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()]
    outputs = [helper.make_tensor_value_info(f"{name}_out", kind, [None, 1]) for name, kind in kinds.items()]
    return serialized(nodes, inputs, outputs)


def expected(rows: Any) -> np.ndarray[Any, Any]:
    return np.asarray(rows, dtype=np.float32) @ COEFFICIENTS


@dataclass
class Furniture:
    """Puts models and grants where the door finds them."""

    db: Database
    storage: Storage

    async def release(self, data: bytes, *, name: str = NAME, release: int = 1, format: ModelFormat = ModelFormat.ONNX) -> UUID:
        stored = await self.storage.put_bytes(data, "application/octet-stream")
        model = ReleasedModel(
            name=name, release=release, ministry="kosis", method_name=name.split(".")[0], method_release="1.0.0", format=format,
            sha256=stored.sha256, size=stored.size,
        )  # fmt: skip
        async with self.db.transaction() as session:
            session.add(model)
        return model.id

    async def grant(self, model_id: UUID, **more: Any) -> UUID:
        values: dict[str, Any] = {
            "model_id": model_id, "ministry": "mohw", "client": "scorer.mohw", "purpose": "Ranks visits.", "legal_basis": "None.",
            "valid_from": now() - timedelta(days=1), "valid_until": now() + timedelta(days=30), "rows_per_day": 1_000_000,
            "state": GrantState.GRANTED, "asked_by": "kim",
        }  # fmt: skip
        grant = Grant(id=new_id(), **(values | more))
        async with self.db.transaction() as session:
            session.add(grant)
        return grant.id


@dataclass
class ScoringDoor(Furniture):
    """The door, running."""

    app: FastAPI
    client: httpx.AsyncClient
    headers: dict[str, str]

    def forget(self) -> None:
        """Have grants looked up again now."""
        self.app.state.door.keeper.known.clear()

    async def infer(self, body: Any, *, name: str = NAME, version: str | None = None, **headers: str) -> httpx.Response:
        path = f"{BASE}/v2/models/{name}" + (f"/versions/{version}" if version else "") + "/infer"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=data, headers=self.headers | headers)


def tensor(rows: Any, **more: Any) -> dict[str, Any]:
    """A call's body for the linear model."""
    values = np.asarray(rows, dtype=np.float32)
    return {"inputs": [{"name": "X", "shape": list(values.shape), "datatype": "FP32", "data": values.ravel().tolist()}], **more}
