"""A model's trial in the worker's confined child: what it costs is bounded by measuring it, whatever its operators are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from services.analysis.worker import hosting
from services.analysis.worker.jobs import ChildReport, Job, Layers, Sandbox, Task, Why
from services.analysis.worker.launcher import Launcher, Running
from services.analysis.worker.messages import Fault
from services.analysis.worker.trying import NotTriedError, judged, tried
from shared.contracts import HostingManifest, model_fault
from tests.analysis import onnx_models
from tests.analysis.weighted_models import finished, hungry, taking, weighted
from tests.waiting import eventually


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    launcher = Launcher(preload=())
    yield launcher
    await launcher.stop()


def endless() -> bytes:
    """`features` -> `score`, behind a loop of 2**62 steps."""
    number = [helper.make_tensor_value_info(name, TensorProto.INT64, []) for name in ("at", "kept")]
    flags = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("on", "still")]
    step = [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Add", ["held", "at"], ["kept"])]
    held = helper.make_tensor_value_info("held", TensorProto.INT64, [])
    body = helper.make_graph(step, "step", [number[0], flags[0], held], [flags[1], number[1]])
    constants = [
        numpy_helper.from_array(np.array(value), name)
        for name, value in (("steps", 1 << 62), ("yes", True), ("none", 0), ("axis", [1]))
    ]
    nodes = [
        helper.make_node("Loop", ["steps", "yes", "none"], ["last"], body=body),
        helper.make_node("Cast", ["last"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["features", "axis"], ["sum"], keepdims=1),
        helper.make_node("Add", ["sum", "number"], ["score"]),
    ]
    return finished(nodes, [taking(2)], constants)


def allocating() -> bytes:
    """A constant that is small in the file and terabytes when it is made."""
    sizes = numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "sizes")
    nodes = [
        helper.make_node("ConstantOfShape", ["sizes"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["none"], keepdims=0),
        helper.make_node("ReduceSum", ["features", "axis"], ["sum"], keepdims=1),
        helper.make_node("Add", ["sum", "none"], ["score"]),
    ]
    return finished(nodes, [taking(2)], [sizes, numpy_helper.from_array(np.array([1]), "axis")])


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("body", "seconds", "code"),
    [
        (weighted([1, 1]), 60, None),
        (weighted([1, 1])[:-9], 60, "cannot-open"),
        (hungry(2), 60, "trial-memory"),
        (allocating(), 60, "trial-memory"),
        (endless(), 1, "trial-time"),
    ],
    ids=["well", "cut", "hungry", "allocating", "endless"],
)
async def test_what_a_model_costs_is_measured(
    launcher: Launcher, tmp_path: Path, body: bytes, seconds: int, code: str | None
) -> None:
    fault = await trial(launcher, tmp_path, body, seconds)
    assert (fault and fault.code) == code
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.heavy
async def test_a_model_that_takes_the_launcher_down_is_told_of(launcher: Launcher, tmp_path: Path) -> None:
    trying = asyncio.create_task(trial(launcher, tmp_path, endless(), 300))

    async def launched() -> Running | None:
        return launcher._running

    running = await eventually(launched)
    assert running is not None
    running.process.kill()
    fault = await trying
    assert fault is not None
    assert fault.code == "trial-broken"


async def trial(launcher: Launcher, folder: Path, body: bytes, seconds: int) -> Fault | None:
    card = onnx_models.card() | {"resources": {"seconds": seconds, "memory_mb": 512}}
    manifest = HostingManifest.model_validate(onnx_models.manifest(card, output="score", position=0))
    onnx_models.write(folder / "model", manifest.model_dump(mode="json"), body)
    found = hosting.locate(f"{hosting.MODEL}{folder / 'model'}")
    (folder / "scratch").mkdir()
    return await tried(launcher, folder / "scratch", Sandbox.PREFER, found, manifest.card)


JOB = Job(task=Task.TRIAL, target="", work="", bundle="", seconds=60, memory_mb=512)


@pytest.mark.parametrize(
    ("exit", "why", "outcome", "code"),
    [
        (0, None, '{"status": "done"}', None),
        (-11, None, None, "trial-broken"),
        (0, None, '{"status": "crashed"}', "trial-broken"),
        (0, None, '{"status": "refused", "code": "No code", "values": {}}', "trial-broken"),
        (0, None, '{"status": "refused", "code": "rows-mixed", "values": {"a": ["b"]}}', "trial-broken"),
        (0, None, "[1]", "trial-broken"),
        (0, None, '{"status": "refused", "code": "rows-mixed", "values": {}}', "rows-mixed"),
        (0, None, '{"status": "memory"}', "trial-memory"),
        (-9, Why.MEMORY, None, "trial-memory"),
        (-9, Why.WALL, '{"status": "done"}', "trial-time"),
        (-9, Why.DISK, '{"status": "done"}', "trial-broken"),
        (-24, None, '{"status": "done"}', "trial-time"),
    ],
)
def test_the_child_is_believed_only_as_far_as_it_ended_well(
    tmp_path: Path, exit: int, why: Why | None, outcome: str | None, code: str | None
) -> None:
    if outcome is not None:
        (tmp_path / "outcome.json").write_text(outcome)
    fault = judged(ChildReport(exit, why, Layers(), 1.0, 1), str(tmp_path), JOB, "33")
    assert (fault and fault.code) == code
    if fault and fault.code.startswith("trial"):
        assert model_fault(fault.code, **fault.values)


def test_where_a_layer_is_missing_nothing_is_said_of_the_model(tmp_path: Path) -> None:
    with pytest.raises(NotTriedError):
        judged(ChildReport(77, None, Layers(), 1.0, 1), str(tmp_path), JOB, "1")
