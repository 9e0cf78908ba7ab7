"""The scoring door, against a plain FastAPI + onnxruntime handler and against MLServer, with the same model and the same calls.

Every server has one process on one core, the load comes from another; one turn each, in rounds."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from deploy.running import ROOT
from tests.bench.figures import Bench, Figure, Promise, at_least, compared
from tests.bench.scoring_peers import FEATURES, INPUT, OUTPUT, TRITON
from tests.bench.scoring_servers import CORES, MLSERVER, NAME, Server, call, mlserver, ours, plain, running

CONNECTIONS = 16
SECONDS = 1.0  # many short turns: on a busy machine long ones meet different troubles


def hgb() -> bytes:
    """A boosting of 100 trees on 23 numbers, as ONNX."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(7)
    rows = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=len(rows)) > 0).astype(int)
    model = HistGradientBoostingClassifier(max_iter=100, random_state=7).fit(rows, labels)
    converted = to_onnx(model, rows[:1], target_opset={"": 21, "ai.onnx.ml": 3}, options={"zipmap": False})
    return bytes(converted.SerializeToString())


@dataclass
class Kitchen:
    """The model, its servers, and how fast each of them is."""

    bench: Bench
    folder: Path
    session: ort.InferenceSession
    seconds: float

    async def speed(self, server: Server, rows: np.ndarray[Any, Any], *, binary: bool) -> float:
        """Requests a second. Every answer must be a success and the last one what the model itself says."""
        file = self.folder / f"{server.name}.request"
        file.write_bytes(server.request(*call(rows, binary=binary)))
        arguments = ["-m", "tests.bench.scoring_load", str(server.port), str(self.seconds), str(CONNECTIONS), str(file)]
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=subprocess.PIPE)
        os.sched_setaffinity(process.pid, {CORES[-1]})
        told = json.loads((await process.communicate())[0])
        if told["faults"]:
            raise RuntimeError(f"{server.name}: {told['faults']} answers were errors")
        scores = read(bytes.fromhex(told["answer"]))
        wanted = self.session.run([OUTPUT], {INPUT: rows})[0]
        if not np.array_equal(scores, wanted):
            raise RuntimeError(f"{server.name} answered something else than the model")
        return float(told["requests"] / told["seconds"])

    async def ask_with_triton(self, door: Server) -> None:
        """The client of Triton, which MLServer brings along, reads from the door what the model says."""
        rows = np.random.default_rng(3).normal(size=(50, FEATURES)).astype(np.float32)
        file = self.folder / "rows.npy"
        np.save(file, rows)
        address, token = f"127.0.0.1:{door.port}/analysis/scoring", door.headers["Authorization"].removeprefix("Bearer ")
        command = [str(MLSERVER / "bin" / "python"), "-c", TRITON, address, NAME, token, str(file)]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        read = (await process.communicate())[0].decode().split()
        if read != [self.session.run([OUTPUT], {INPUT: rows})[0].tobytes().hex()] * 2:
            raise RuntimeError("Triton's client read something else than the model gives")

    async def figure(
        self, ours: Server, peer: Server, count: int, promise: Promise, *, binary: bool, theirs_binary: bool | None = None
    ) -> Figure:
        rows = np.random.default_rng(count).normal(size=(count, FEATURES)).astype(np.float32)
        theirs = binary if theirs_binary is None else theirs_binary
        form = "binary" if binary else "JSON"
        what = f"scoring {count} rows as {form}, to {peer.name}" if count > 1 else f"scoring 1 row as {form}, to {peer.name}"
        pair = await compared(
            self.bench, what, lambda: self.speed(ours, rows, binary=binary), lambda: self.speed(peer, rows, binary=theirs),
            rounds=2 * self.bench.size.rounds + 3,
        )  # fmt: skip
        mine, other = pair.medians
        return Figure(what, f"{mine:,.0f} requests/s; {peer.name} {other:,.0f}", tuple(pair.ratios), promise)


def read(answer: bytes) -> np.ndarray[Any, Any]:
    """The scores in an answer, JSON or binary."""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"inference-header-content-length")]
    told = json.loads(body[: int(found[0])] if found else body)["outputs"][0]
    if found:
        return np.frombuffer(body[int(found[0]) :], np.float32).reshape(told["shape"])
    return np.array(told["data"], dtype=np.float32).reshape(told["shape"])


async def opened(bench: Bench) -> tuple[Kitchen, Path, bytes]:
    folder = bench.folder / f"scoring-{len(list(bench.folder.iterdir()))}"
    folder.mkdir(parents=True)
    bench.console.doing("a model is being trained")
    data = await asyncio.to_thread(hgb)
    model = folder / "model.onnx"
    model.write_bytes(data)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return Kitchen(bench, folder, session, SECONDS), model, data


async def measure_plain(bench: Bench) -> list[Figure]:
    """Against what anybody would write in an afternoon."""
    kitchen, model, data = await opened(bench)
    door, peer = await ours(kitchen.folder, data), plain(kitchen.folder, model)
    async with running(door, peer):
        return [
            await kitchen.figure(door, peer, count, at_least(0.9), binary=binary)
            for count in (1, 100)
            for binary in (False, True)
        ]


async def measure_mlserver(bench: Bench) -> list[Figure]:
    """Against MLServer, whose HTTP door takes JSON alone: our binary calls are compared to its JSON ones."""
    kitchen, model, data = await opened(bench)
    bench.console.doing("MLServer is being installed")
    door, peer = await ours(kitchen.folder, data), await mlserver(kitchen.folder, model)
    async with running(door, peer):
        await kitchen.ask_with_triton(door)
        return [
            await kitchen.figure(door, peer, 1, at_least(2), binary=False),
            await kitchen.figure(door, peer, 100, at_least(1.6), binary=False),
            await kitchen.figure(door, peer, 1, at_least(2), binary=True, theirs_binary=False),
            await kitchen.figure(door, peer, 100, at_least(2), binary=True, theirs_binary=False),
        ]
