"""Work in bulk: the join of three ministries' events, and scores of everybody; beside bare libraries that do the same."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import numpy as np

from tests.bench.figures import Bench, Figure, at_most, compared
from tests.bench.machine import MOST_MB, peak_mb

ROOT = Path(__file__).parents[2]
THREADS = 2
MEMORY_MB = 953  # 1 GB
EVENTS = {
    "payments": "(hash(i * 13) % 90000)::DOUBLE AS amount, (hash(i * 17) % 12)::INTEGER AS kind, "
    "DATE '2024-01-01' + (hash(i * 19) % 700)::INTEGER AS day",
    "visits": "(hash(i * 23) % 40)::INTEGER AS minutes, (hash(i * 29) % 6)::INTEGER AS office, "
    "DATE '2024-01-01' + (hash(i * 31) % 700)::INTEGER AS day",
    "arrears": "(hash(i * 37) % 500000)::DOUBLE AS owed, (hash(i * 41) % 48)::INTEGER AS months",
}
JOIN = """
WITH paid AS (SELECT person, count(*) AS payments, sum(amount) AS paid, avg(amount) AS mean_paid, count(DISTINCT kind) AS kinds,
                     max(day) AS last_paid FROM {payments} GROUP BY person),
     seen AS (SELECT person, count(*) AS visits, sum(minutes) AS minutes, min(day) AS first_seen, max(day) AS last_seen
              FROM {visits} GROUP BY person),
     owing AS (SELECT person, count(*) AS arrears, sum(owed) AS owed, max(owed) AS most_owed, max(months) AS months
               FROM {arrears} GROUP BY person)
SELECT paid.*, seen.* EXCLUDE (person), owing.* EXCLUDE (person)
FROM paid LEFT JOIN seen USING (person) LEFT JOIN owing USING (person)
"""
COPIED = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
FEATURES = [f"a__f{at}" for at in range(14)]
BLOCK = 131_072
FEWEST = 400_000  # fewer rows would measure how long everything takes to open


def plain(memory_mb: int, folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB as anybody opens it, with as much memory and as many threads."""
    config: dict[str, Any] = {"threads": THREADS, "memory_limit": f"{memory_mb}MiB", "temp_directory": str(folder / "spill")}
    return duckdb.connect(":memory:", config=config)


def write_events(folder: Path, rows: tuple[int, int, int]) -> None:
    """10 M, 5 M and 2 M rows of 6 M persons at full size, keyed by 32 hexadecimal digits."""
    persons = rows[0] * 6 // 10
    with plain(2000, folder) as connection:
        for at, ((name, cells), count) in enumerate(zip(EVENTS.items(), rows, strict=True)):
            person = f"md5((hash(i * {at + 3}) % {persons})::VARCHAR) AS person"
            connection.execute(f"COPY (SELECT {person}, {cells} FROM range({count}) t(i)) TO '{folder}/{name}.parquet' {COPIED}")


def tables(folder: Path) -> dict[str, str]:
    return {name: f"read_parquet('{folder}/{name}.parquet')" for name in EVENTS}


# What a child process measures. Each gives seconds and a sum by which the two sides are compared.


def join_ours(folder: Path) -> tuple[float, str]:
    from services.analysis.worker.sdk import Bundle, Means

    work = folder / "work"
    work.mkdir(exist_ok=True)
    means = Means(memory_mb=MEMORY_MB, disk_mb=40_000, threads=THREADS, work=work)
    with Bundle(folder, means=means).database(share=1) as connection:
        return join(connection, folder, work / "joined.parquet")


def join_bare(folder: Path) -> tuple[float, str]:
    with plain(MEMORY_MB, folder) as connection:
        return join(connection, folder, folder / "bare.parquet")


def join(connection: duckdb.DuckDBPyConnection, folder: Path, target: Path) -> tuple[float, str]:
    began = time.perf_counter()
    connection.execute(f"COPY ({JOIN.format(**tables(folder))}) TO '{target}' {COPIED}")
    took = time.perf_counter() - began
    check = "count(*), sum(hash(person)) % 1000003, sum(payments), sum(kinds), sum(visits), sum(arrears), sum(months)"
    return took, str(connection.execute(f"SELECT {check} FROM read_parquet('{target}')").fetchall())


def scores_ours(folder: Path) -> tuple[float, str]:
    import onnxruntime  # noqa: F401 - as in the script, its import is not measured

    from services.analysis.worker.sdk import Bundle, Means

    work = folder / "work"
    work.mkdir(exist_ok=True)
    bundle = Bundle(folder, means=Means(memory_mb=2048, threads=THREADS, work=work))
    began = time.perf_counter()
    scores = bundle.score(folder / "model.onnx", FEATURES)
    bundle.write(work / "scores.parquet", {"score": scores})
    return time.perf_counter() - began, checked(scores)


def scores_bare(folder: Path) -> tuple[float, str]:
    """As a script would do it: read the features, let onnxruntime score them block by block, write the scores."""
    import onnxruntime

    began = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    with plain(2000, folder) as connection:
        names = ", ".join(f"{name}::FLOAT AS {name}" for name in FEATURES)
        found = connection.execute(f"SELECT {names} FROM '{folder}/linked.parquet'").fetchnumpy()
        matrix = np.column_stack([np.ma.filled(found[name], np.nan) for name in FEATURES])
        blocks = (matrix[at : at + BLOCK] for at in range(0, len(matrix), BLOCK))
        scores = np.concatenate([session.run(["probabilities"], {"features": block})[0][:, 1] for block in blocks])
        connection.register("found", {"score": scores})
        beside = f"SELECT * FROM (SELECT pseudonym FROM '{folder}/linked.parquet') POSITIONAL JOIN found"
        connection.execute(f"COPY ({beside}) TO '{folder}/bare.parquet' {COPIED}")
    return time.perf_counter() - began, checked(scores)


def checked(scores: Any) -> str:
    return f"{len(scores)} {float(np.sum(scores, dtype=np.float64)):.6f}"


def session_alone(folder: Path) -> tuple[float, str]:
    """Nothing but the model, on features that stand in memory."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    with plain(2000, folder) as connection:
        names = ", ".join(f"{name}::FLOAT AS {name}" for name in FEATURES)
        found = connection.execute(f"SELECT {names} FROM '{folder}/linked.parquet'").fetchnumpy()
    matrix = np.column_stack([np.ma.filled(found[name], np.nan) for name in FEATURES])
    began = time.perf_counter()
    scores = [
        session.run(["probabilities"], {"features": matrix[at : at + BLOCK]})[0][:, 1] for at in range(0, len(matrix), BLOCK)
    ]
    return time.perf_counter() - began, checked(np.concatenate(scores))


CHILDREN: dict[str, Callable[[Path], tuple[float, str]]] = {
    each.__name__: each for each in (join_ours, join_bare, scores_ours, scores_bare, session_alone)
}


class Measured:
    """What the children said: the time of each call, the highest memory of each kind, and whether all agree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.peaks: dict[str, float] = {}
        self.checks: set[str] = set()

    async def call(self, name: str) -> float:
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "ORT_DISABLE_TELEMETRY": "1", "LANG": "C.UTF-8"}
        command = [sys.executable, "-m", "tests.bench.bulk", name, str(self.folder)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment, cwd=ROOT)
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{name} failed")
        told = json.loads(said)
        self.peaks[name] = max(self.peaks.get(name, 0.0), told["mb"])
        self.checks.add(told["check"])
        if len(self.checks) != 1:
            raise RuntimeError(f"{name} found something else: {self.checks}")
        return float(told["seconds"])


async def measure_join(bench: Bench) -> list[Figure]:
    folder = bench.folder / "join"
    folder.mkdir()
    bench.console.doing("three tables of events are being written")
    await asyncio.to_thread(write_events, folder, bench.size.rows)
    await asyncio.to_thread(an_empty_bundle, folder)
    measured = Measured(folder)
    ours, bare = partial(measured.call, "join_ours"), partial(measured.call, "join_bare")
    pair = await compared(bench, "the join", ours, bare, rounds=bench.size.rounds)
    mine, theirs = pair.medians
    sizes = " + ".join(f"{count / 1e6:g} M" for count in bench.size.rows)
    took = f"{sizes} rows in {mine:.2f} s; DuckDB alone {theirs:.2f} s"
    peak, beside = measured.peaks["join_ours"], measured.peaks["join_bare"]
    memory = f"{peak:,.0f} MB of {MOST_MB:,} with a limit of 1 GB; DuckDB alone {beside:,.0f} MB"
    return [
        Figure("join in the method's database, to the same SQL in bare DuckDB", took, tuple(pair.ratios), at_most(1.15)),
        Figure("peak memory of that join, to 1.1 GB", memory, (peak / MOST_MB,), at_most(1)),
    ]


def an_empty_bundle(folder: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT '' AS pseudonym WHERE false) TO '{folder}/linked.parquet' (FORMAT parquet)")


async def measure_scores(bench: Bench) -> list[Figure]:
    folder = bench.folder / "scores"
    folder.mkdir()
    rows = max(bench.size.rows[0] * 487 // 1000, FEWEST)
    bench.console.doing("features are being written, and a model is being trained")
    await asyncio.to_thread(write_features, folder, rows)
    await asyncio.to_thread(write_model, folder / "model.onnx")
    measured = Measured(folder)
    alone: list[float] = []

    async def reference() -> float:
        alone.append(await measured.call("session_alone"))
        return await measured.call("scores_bare")

    pair = await compared(bench, "scores", partial(measured.call, "scores_ours"), reference, rounds=bench.size.rounds)
    mine, theirs = pair.medians
    took = f"{rows / 1e6:.2f} M rows in {mine:.2f} s; a bare script {theirs:.2f} s, the model alone {median(alone):.2f} s"
    took += f"; {measured.peaks['scores_ours']:,.0f} MB, the script {measured.peaks['scores_bare']:,.0f} MB"
    return [Figure("features to scores, to bare onnxruntime", took, tuple(pair.ratios), at_most(1.25))]


def write_features(folder: Path, rows: int) -> None:
    cells = ", ".join(
        f"CASE WHEN hash(i * {at + 7}) % 50 = 0 THEN NULL ELSE (hash(i * {at + 3}) % 100000) / 1000.0 END AS {name}"
        for at, name in enumerate(FEATURES)
    )
    with plain(2000, folder) as connection:
        table = f"SELECT sha256(i::VARCHAR) AS pseudonym, {cells} FROM range({rows}) t(i)"
        connection.execute(
            f"COPY ({table}) TO '{folder}/linked.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)"
        )


def write_model(path: Path) -> None:
    """A hundred trees on 14 features."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(0)
    features = (random.random((20_000, len(FEATURES))) * 100).astype(np.float32)
    features[random.random(features.shape) < 0.02] = np.nan
    label = np.nan_to_num(features[:, 0]) + np.nan_to_num(features[:, 1]) / 2 + random.normal(0, 20, len(features)) > 75
    model = HistGradientBoostingClassifier(max_iter=100, random_state=0).fit(features, label)
    taken = [("features", FloatTensorType([None, len(FEATURES)]))]
    path.write_bytes(
        to_onnx(model, initial_types=taken, options={"zipmap": False}, target_opset={"": 21, "ai.onnx.ml": 3}).SerializeToString()
    )


if __name__ == "__main__":
    seconds_taken, check = CHILDREN[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"seconds": seconds_taken, "check": check, "mb": peak_mb()}))
