"""A large CSV: its upload over HTTP, and its check against a bare DuckDB read of it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from deploy.demo import people
from services.catalog.profile import Limits, check_apart
from services.catalog.profile.process import Job
from shared.contracts import Column
from tests.bench.figures import Bench, Figure, compared, seconds
from tests.bench.house import House, inhabited
from tests.bench.tables import BYTES_A_ROW, STORED, reading, write_csv
from tests.bench.watching import children, family, watched

CHUNK = 1 << 20
LIMITS = Limits()


async def measure_upload(bench: Bench) -> list[Figure]:
    path = bench.folder / "large.csv"
    bench.console.doing("a large CSV is being written")
    await asyncio.to_thread(write_csv, path, bench.size.csv_mb * 1_000_000 // BYTES_A_ROW)
    async with inhabited(bench) as house:
        figures = [await upload(bench, house, path)]
    figures += await check(bench, path)
    path.unlink()
    return figures


async def upload(bench: Bench, house: House, path: Path) -> Figure:
    """Until it is stored, and then until it is published; nobody holds the whole file in memory."""
    suite = house.suite.suite.process
    assert suite is not None
    bench.console.doing("a large CSV is being uploaded")
    dataset = await house.register(STORED)
    copying = await seconds(asyncio.to_thread(copy, path, bench.folder / "copy.csv"))
    async with watched(lambda: family(suite.pid)) as peak:
        began = time.perf_counter()
        content, headers = parts(path), {"Content-Type": "text/csv"}
        await house.call(people.LEE, "PUT", f"/catalog/datasets/{dataset}/file", content=content, headers=headers)
        stored = time.perf_counter() - began
        bench.console.doing("a large CSV is being checked")
        await house.wait(lambda: house.published(dataset), pause=0.1)
        published = time.perf_counter() - began
    megabytes = path.stat().st_size / 1e6
    measured = f"{megabytes:,.0f} MB at {megabytes / stored:,.0f} MB/s, published after {published:.1f} s"
    measured += f", at most {peak.mib:,.0f} MiB in the suite and its check"
    return Figure("upload of a CSV, to a copy of it", measured, (stored / copying,))


def copy(path: Path, target: Path) -> None:
    """As the reference of an upload: through memory in parts of the same size, and onto the disk."""
    with path.open("rb") as source, target.open("wb") as sink:
        while chunk := source.read(CHUNK):
            sink.write(chunk)
    target.unlink()


async def parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


async def check(bench: Bench, path: Path) -> list[Figure]:
    """The check in its own process, against a process that only reads every cell as its type."""
    columns = tuple(Column.model_validate(column) for column in STORED)
    job = Job(path=path, media_type="text/csv", columns=columns, limits=LIMITS)

    peaks: list[float] = []

    async def ours() -> float:
        async with watched(children) as peak:
            began = time.perf_counter()
            report = await check_apart(job)
            took = time.perf_counter() - began
        peaks.append(peak.mib)
        if not report.passed:
            raise RuntimeError("the check found faults in a file that has none")
        return took

    pair = await compared(bench, "the check of a CSV", ours, lambda: seconds(bare_read(path)), rounds=bench.size.rounds)
    checked, read = pair.medians
    size = f"{path.stat().st_size / 1e6:,.0f} MB"
    measured = f"{size} in {checked:.2f} s; DuckDB alone {read:.2f} s; a check takes at most {max(peaks):,.0f} MiB"
    return [Figure("check of a CSV, to a bare DuckDB read", measured, tuple(pair.ratios))]


async def bare_read(path: Path) -> None:
    counts = ", ".join(f"count({column['name']})" for column in STORED)
    config = {"threads": LIMITS.threads, "memory_limit": f"{LIMITS.memory_mb}MB"}
    code = f"import duckdb; duckdb.connect(config={config!r}).execute({f'SELECT {counts} FROM {reading(path)}'!r}).fetchall()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    if await process.wait() != 0:
        raise RuntimeError("the bare read failed")
