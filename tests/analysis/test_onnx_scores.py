"""A hosted model's run in blocks and columns gives what the whole table at once gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analysis.worker import onnx_method, sdk
from services.analysis.worker.onnx_method import OnnxMethod
from services.analysis.worker.sdk import Bundle, MethodError
from tests.analysis import onnx_models
from tests.analysis.linked import pseudonyms, silent, write
from tests.analysis.weighted_models import above_its_block, weighted

ROWS = 3001
TOLD: dict[str, Any] = {"output": "score", "position": 0, "missing_values": True}


def table(rows: int = ROWS) -> dict[str, Any]:
    """Several rows of a pseudonym, in no order; wages that are missing or many times the same, regions that nobody knows."""
    rng = np.random.default_rng(4)
    wages = rng.choice([np.nan, 100.0, *rng.gamma(2, 100, 400)], rows, p=[0.1, 0.2, *[0.7 / 400] * 400])
    region = rng.choice(np.array([*onnx_models.REGIONS, "제주", None], dtype=object), rows)
    return {"pseudonym": pseudonyms(rows)[rng.integers(0, rows // 2, rows)], "wages": wages, "region": region}


def hosted(folder: Path, body: bytes, **told: Any) -> OnnxMethod:
    onnx_models.write(folder / "hosted", onnx_models.manifest(**TOLD | told), body)
    return onnx_method.load(folder / "hosted")


def plainly(method: OnnxMethod, bundle: Bundle, block: int) -> list[dict[str, Any]]:
    """Every row in memory."""
    columns = bundle.columns()
    matrix = np.column_stack([onnx_method.numbers(each, columns[each.column]) for each in method.manifest.features])
    session = method.session()
    parts = [method.block(session, matrix[at : at + block]) for at in range(0, len(matrix), block)]
    score = np.concatenate(parts).astype(np.float64)
    names = columns["pseudonym"].astype(str)
    ranked = np.argsort(-score, kind="stable")  # equal scores in the order of the rows
    _, first = np.unique(names[ranked], return_index=True)
    chosen = ranked[np.sort(first)][: bundle.parameters["capacity"]]
    drops = []
    for at, column in enumerate(matrix.T):
        changed = matrix[chosen].copy()
        changed[:, at] = np.median(column[np.isfinite(column)])
        drops.append(score[chosen] - method.block(session, changed))
    codes = [f"input-{each.name}" for each in method.manifest.features]
    told = [[codes[at] for at in np.argsort(-row, kind="stable") if row[at] > 0] for row in np.array(drops).T]
    return [
        {"pseudonym": names[row], "score": round(float(score[row]), 6), "reasons": why}
        for row, why in zip(chosen, told, strict=True)
    ]


@pytest.mark.parametrize("capacity", [1, 50, 5000])
@pytest.mark.parametrize("body", [weighted([1.0, -3.0]), weighted([0.0, 1.0]), above_its_block(2)])
def test_in_blocks_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, capacity: int) -> None:
    method, bundle = hosted(tmp_path, body), write(tmp_path / "table", table(), "income", parameters={"capacity": capacity})
    monkeypatch.setattr(onnx_method, "BLOCK", 1000)
    monkeypatch.setattr(onnx_method, "CELLS", ROWS)
    monkeypatch.setattr(sdk, "PIECE", 700)
    outputs = method.run(bundle, silent)
    expected = plainly(method, bundle, 1000)
    found = outputs.restricted_list or []
    assert [row | {"reasons": [one["code"] for one in row["reasons"]]} for row in found] == expected
    assert len(found) == min(capacity, len(set(table()["pseudonym"])))
    assert sum(row[1] for row in outputs.tables["score_bands"]["rows"]) == ROWS


def test_one_subject_may_have_all_the_highest_scores(tmp_path: Path) -> None:
    columns = table()
    columns["wages"][:600], columns["pseudonym"][:600] = 1e6, "f" * 64
    bundle = write(tmp_path / "table", columns, "income", parameters={"capacity": 7})
    method = hosted(tmp_path, weighted([1.0, 0.0]))
    found = method.run(bundle, silent).restricted_list or []
    assert [row["pseudonym"] for row in found] == [row["pseudonym"] for row in plainly(method, bundle, ROWS)]
    assert found[0]["pseudonym"] == "f" * 64
    assert len(found) == 7


@pytest.mark.parametrize(
    ("change", "scores", "code"),
    [
        ({"rows": 9}, None, "too-few-rows"),
        ({}, np.zeros(ROWS - 1), "bad-scores"),
        ({}, np.full(ROWS, np.nan), "bad-scores"),
        ({"without": "wages"}, None, "missing-column"),
    ],
)
def test_what_it_refuses(tmp_path: Path, change: dict[str, Any], scores: Any, code: str) -> None:
    columns = table(change.get("rows", ROWS))
    columns.pop(change.get("without", ""), None)
    bundle = write(tmp_path / "table", columns, "income")
    if scores is not None:
        (bundle.folder / onnx_method.SCORES_FILE).write_bytes(scores.astype("<f4").tobytes())
    with pytest.raises(MethodError) as refused:
        hosted(tmp_path, weighted([1.0, 0.0])).run(bundle, silent)
    assert refused.value.code == code


def test_scores_that_were_made_elsewhere(tmp_path: Path) -> None:
    """Without the model there are no reasons."""
    bundle = write(tmp_path / "table", table(), "income", parameters={"capacity": 3})
    (bundle.folder / onnx_method.SCORES_FILE).write_bytes(np.arange(ROWS, dtype="<f4").tobytes())
    method = hosted(tmp_path, weighted([1.0, 0.0]))
    assert all(row["reasons"] for row in method.run(bundle, silent).restricted_list or [])
    (method.folder / onnx_method.MODEL_FILE).unlink()
    found = method.run(bundle, silent).restricted_list or []
    assert [row["score"] for row in found] == [ROWS - 1, ROWS - 2, ROWS - 3]
    assert all(row["reasons"] == [] for row in found)


def lacking(columns: dict[str, Any]) -> Any:
    known = np.array([each in onnx_models.REGIONS for each in columns["region"]])
    return np.isnan(columns["wages"]) | ~known


@pytest.mark.parametrize("elsewhere", [False, True])
def test_rows_that_lack_a_value_are_counted_and_not_scored(tmp_path: Path, elsewhere: bool) -> None:
    """The model would give them a score: that of zeros. A text without a code lacks a value too."""
    columns = table()
    gaps, names = lacking(columns), columns["pseudonym"]
    bundle = write(tmp_path / "table", columns, "income", parameters={"capacity": 5000})
    method = hosted(tmp_path, weighted([1.0, 1.0]), missing_values=False)
    if elsewhere:
        score, _ = method.score(method.features(bundle), ROWS, silent)
        (bundle.folder / onnx_method.SCORES_FILE).write_bytes(score.tobytes())
    outputs = method.run(bundle, silent)
    mean, left = outputs.metrics["summary"]["figures"]
    assert (mean["count"], left["count"]) == (ROWS - gaps.sum(), ROWS)
    assert left["value"] == -(-gaps.sum() // 10) * 10, "no fewer are told of than a full ten"
    codes = np.array([onnx_models.REGIONS.index(each) if each in onnx_models.REGIONS else 0 for each in columns["region"]])
    assert mean["value"] == pytest.approx((columns["wages"] + codes)[~gaps].mean(), rel=1e-5)
    assert sum(row[1] for row in outputs.tables["score_bands"]["rows"]) == ROWS - gaps.sum()
    listed = {row["pseudonym"] for row in outputs.restricted_list or []}
    assert listed == set(names[~gaps])
    for wrong in (np.zeros(ROWS, "<f4"), np.where(gaps, np.nan, 1).astype("<f4")[::-1]):
        (bundle.folder / onnx_method.SCORES_FILE).write_bytes(wrong.tobytes())
        with pytest.raises(MethodError) as refused:
            method.run(bundle, silent)
        assert refused.value.code == "bad-scores", "as many as there should be, where they should be"


@pytest.mark.parametrize(("kept", "outputs", "code"), [(9, None, "too-few-rows"), (ROWS - 1, "score_bands", "missing-values")])
def test_rows_are_not_left_out_in_silence(tmp_path: Path, kept: int, outputs: str | None, code: str) -> None:
    columns = table() | {"wages": np.where(np.arange(ROWS) < kept, 1.0, np.nan), "region": np.full(ROWS, "서울", dtype=object)}
    card = onnx_models.card()
    card["outputs"] = [each for each in card["outputs"] if outputs in (None, each["name"])]
    bundle = write(tmp_path / "table", columns, "income")
    with pytest.raises(MethodError) as refused:
        hosted(tmp_path, weighted([1.0, 1.0]), missing_values=False, card=card).run(bundle, silent)
    assert refused.value.code == code
