"""Prepare: three ministries' tables linked under a request's key, against the same SQL in a DuckDB of its own."""

import asyncio
import secrets
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb

from services.analysis.models import PLUMBING, Base, Method, MethodState, Run, RunStatus
from services.analysis.prepare.forms import add_functions
from services.analysis.prepare.keys import new_key, pads
from services.analysis.prepare.linkage import link
from services.analysis.prepare.plan import Plan, plan_linkage
from services.analysis.prepare.readers import Limits
from services.analysis.prepare.steps import PrepareTerms, prepare_next
from shared.contracts import (
    ApprovedInput,
    Audience,
    AudienceKind,
    Column,
    MethodCard,
    MethodRef,
    RequestApproved,
    RequestBrief,
    StoredObject,
)
from shared.db import Database
from shared.storage import Storage
from tests.bench.figures import Bench, Figure, at_most, compared
from tests.bench.machine import MOST_MB, peak_mb
from tests.bench.tables import STORED, write_csv

ROLES = {"income": ("wages", "area"), "household": ("region", "married"), "benefits": ("joined",)}
STEPS = {"income": 1, "household": 2, "benefits": 5}  # every second and every fifth person is known to the others
LIMITS = Limits()
DIGEST = "0" * 64


def card() -> MethodCard:
    columns = {column["name"]: {"name": column["name"], "type": column["type"], "role": column["role"]} for column in STORED}
    key = {"name": "person_no", "type": "string", "role": "key", "key_domain": "person"}
    title = {"ko": "연계", "en": "Linked"}
    inputs = [
        {"name": role, "title": title, "columns": [key, *(columns[name] for name in names)]} for role, names in ROLES.items()
    ]
    return MethodCard.model_validate(
        {
            "name": "linked", "version": "1.0.0", "title": title, "purpose": "To be linked.", "owner": "kostat", "inputs": inputs,
            "linkage": {"key_domain": "person", "base": "income"}, "parameters": {"type": "object"},
            "outputs": [{"name": "counts", "kind": "table", "title": title}],
        }
    )  # fmt: skip


def approved(inputs: tuple[ApprovedInput, ...]) -> RequestApproved:
    brief = RequestBrief(
        request_id=uuid4(),
        title="Linked",
        purpose="To be linked.",
        ministry="mohw",
        requester="bench",
        audience=Audience(kind=AudienceKind.MEMBERS),
        dataset_ids=tuple(each.dataset_id for each in inputs),
        owners=("nts",),
    )
    method = MethodRef(name="linked", version="1.0.0", digest=DIGEST)
    return RequestApproved(brief=brief, method=method, parameters={}, inputs=inputs, rules_version="1")


class Centre:
    """The database, storage and terms of the analysis service, and nothing else of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scratch").mkdir(parents=True, exist_ok=True)
        self.db = Database(f"sqlite+aiosqlite:///{folder}/analysis.db", Base.metadata, PLUMBING, "analysis")
        self.storage = Storage((folder / "objects").as_uri())
        self.terms = PrepareTerms(secrets.token_bytes(32), LIMITS, timedelta(seconds=60), 3, folder / "scratch")

    async def furnish(self) -> None:
        async with self.db.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        method = Method(
            name="linked", release="1.0.0", digest=DIGEST, card=card().model_dump(mode="json"), state=MethodState.LIVE,
            announced_by="bench", announced_ministry="kostat",
        )  # fmt: skip
        async with self.db.transaction() as session:
            session.add(method)

    async def store(self, role: str, path: Path) -> ApprovedInput:
        data = await asyncio.to_thread(path.read_bytes)
        stored = await self.storage.put_bytes(data, "text/csv")
        return ApprovedInput(
            role=role,
            dataset_id=uuid4(),
            dataset_version=1,
            ministry="nts",
            object=stored,
            table=tuple(Column.model_validate(column) for column in STORED),
            columns={name: name for name in ("person_no", *ROLES[role])},
        )

    async def queue(self, inputs: tuple[ApprovedInput, ...]) -> UUID:
        asked = approved(inputs)
        run = Run(
            request_id=asked.brief.request_id, ministry="mohw", method_name="linked", method_release="1.0.0",
            method_digest=DIGEST, approved=asked.model_dump(mode="json"),
        )  # fmt: skip
        async with self.db.transaction() as session:
            session.add(run)
        return run.id

    async def prepared(self, run_id: UUID) -> StoredObject:
        async with self.db.reading() as session:
            run = await session.get_one(Run, run_id)
        if run.status is not RunStatus.PREPARED or run.bundle is None:
            raise RuntimeError(f"the run is {run.status}: {run.reason or run.last_error}")
        return StoredObject.model_validate({name: run.bundle["files"][0][name] for name in ("sha256", "size", "media_type")})


class Recorder:
    """A connection that keeps the SQL that it is given."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.statements: list[tuple[str, Any]] = []

    def execute(self, sql: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        self.statements.append((sql, parameters))
        return self.connection.execute(sql, parameters)


def bare(folder: Path) -> duckdb.DuckDBPyConnection:
    """As many threads as prepare has, all of its memory for the database alone, and no lock."""
    config: dict[str, Any] = {"threads": LIMITS.threads, "memory_limit": f"{LIMITS.memory_mb}MiB"}
    connection = duckdb.connect(":memory:", config=config | {"temp_directory": str(folder / "spill")})
    add_functions(connection)
    return connection


def record(folder: Path, plan: Plan, paths: dict[str, Path]) -> list[tuple[str, Any]]:
    with bare(folder) as connection:
        recorder = Recorder(connection)
        link(recorder, plan, paths, pads(new_key()), folder / "bare.parquet")  # type: ignore[arg-type]  # it only executes
    return recorder.statements


def replay(folder: Path, statements: Sequence[tuple[str, Any]]) -> float:
    began = time.perf_counter()
    with bare(folder) as connection:
        for sql, parameters in statements:
            connection.execute(sql, parameters).fetchall()
    return time.perf_counter() - began


async def prepare_one(folder: Path) -> None:
    """In a process of its own: prepare what is queued, and say the most memory that it held."""
    centre = Centre(folder)
    await prepare_next(centre.db, centre.storage, centre.terms)
    await centre.db.close()
    print(peak_mb())


async def peak_apart(folder: Path) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.linking", str(folder), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError("prepare failed in a process of its own")
    return float(said)


async def measure_prepare(bench: Bench) -> list[Figure]:
    folder = bench.folder / "prepare"
    centre = Centre(folder)
    await centre.furnish()
    bench.console.doing("three tables are being written")
    paths = {role: folder / f"{role}.csv" for role in ROLES}
    for (role, path), rows in zip(paths.items(), bench.size.rows, strict=True):
        await asyncio.to_thread(write_csv, path, rows, step=STEPS[role])
    inputs = tuple([await centre.store(role, path) for role, path in paths.items()])
    statements = await asyncio.to_thread(record, folder, plan_linkage(card(), inputs), paths)

    async def ours() -> float:
        run_id = await centre.queue(inputs)
        began = time.perf_counter()
        await prepare_next(centre.db, centre.storage, centre.terms)
        took = time.perf_counter() - began
        await centre.storage.delete((await centre.prepared(run_id)).sha256)
        return took

    async def reference() -> float:
        return await asyncio.to_thread(replay, folder, statements)

    try:
        pair = await compared(bench, "prepare", ours, reference, rounds=bench.size.rounds)
        last = await centre.queue(inputs)
        peak = await peak_apart(folder)
        await centre.prepared(last)
    finally:
        await centre.db.close()
    prepared, alone = pair.medians
    sizes = " + ".join(f"{count / 1e6:g} M" for count in bench.size.rows)
    measured = f"{sizes} rows in {prepared:.2f} s; DuckDB alone {alone:.2f} s"
    memory = f"{peak:,.0f} MB of {MOST_MB:,} with a limit of {LIMITS.memory_mb:,} MiB for the process"
    return [
        Figure("prepare, to the same SQL in bare DuckDB", measured, tuple(pair.ratios), at_most(1.15)),
        Figure("peak memory of prepare, to 1.1 GB", memory, (peak / MOST_MB,), at_most(1)),
    ]


if __name__ == "__main__":
    asyncio.run(prepare_one(Path(sys.argv[1])))
