"""A small model that is an ONNX file, its manifest, and a table that it scores."""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression

ROWS = 400
REGIONS = ("서울", "부산", "대전")


def text(words: str) -> dict[str, str]:
    return {"ko": words, "en": words}


def card(name: str = "plant_score", version: str = "1.0.0", owner: str = "mohw") -> dict[str, Any]:
    key = {"name": "person_no", "type": "string", "role": "key", "key_domain": "person"}
    columns = [key, {"name": "wages", "type": "number", "title": text("임금")}, {"name": "region", "type": "string"}]
    outputs = [("score_bands", "table"), ("summary", "metrics"), ("highest", "restricted_list")]
    return {
        "name": name, "version": version, "title": text(name), "purpose": "A test.", "owner": owner,
        "inputs": [{"name": "income", "title": text("income"), "columns": columns}],
        "linkage": {"key_domain": "person", "base": "income"},
        "parameters": {"type": "object", "properties": {"capacity": {"type": "integer", "minimum": 1, "default": 50}}},
        "outputs": [{"name": one, "kind": kind, "title": text(one)} for one, kind in outputs],
        "resources": {"seconds": 60, "memory_mb": 512},
    }  # fmt: skip


def manifest(of: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    codes = {region: float(code) for code, region in enumerate(REGIONS)}
    features = [{"name": "wages", "column": "income__wages"}, {"name": "region", "column": "income__region", "codes": codes}]
    return {"card": of or card(), "features": features, "output": "probabilities", "position": 1} | more


def matrix() -> Any:
    rng = np.random.default_rng(7)
    return np.column_stack([rng.normal(300, 80, ROWS), rng.integers(0, 3, ROWS)]).astype(np.float32)


def model() -> bytes:
    rows = matrix()
    label = (rows[:, 0] - 40 * rows[:, 1] + np.random.default_rng(8).normal(0, 40, ROWS) < 260).astype(int)
    fitted = LogisticRegression(max_iter=500).fit(rows, label)
    proto = to_onnx(
        fitted,
        initial_types=[("input", FloatTensorType([None, 2]))],
        target_opset={"": 21, "ai.onnx.ml": 3},
        options={"zipmap": False},
    )
    return bytes(proto.SerializeToString())


def linked(folder: Path) -> bytes:
    rows = matrix()
    path = folder / "linked.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (pseudonym VARCHAR, income__wages DOUBLE, income__region VARCHAR)")
        table = [(f"{at:064x}", float(row[0]), REGIONS[int(row[1])]) for at, row in enumerate(rows)]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", table)
        connection.execute(f"COPY (SELECT * FROM t ORDER BY pseudonym) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def write(folder: Path, told: dict[str, Any], body: bytes | None) -> None:
    """A folder as `--models` takes it."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(told, ensure_ascii=False))
    if body is not None:
        (folder / "model.onnx").write_bytes(body)
