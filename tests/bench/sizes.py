"""`python -m tests.bench.sizes welfare 10000000`: a method's table, of a national task from its generator, through prepare and
the sandboxed method, with the memory of its card; for docs/scale.md. A folder keeps the linked table for the next time."""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import duckdb

from deploy.generate import business, ghg, welfare
from deploy.generate.blocks import Block, write
from services.analysis.methods import (
    anomaly_series,
    anomaly_tables,
    clustering,
    cross_tabulation,
    forecasting,
    ghg_anomalies,
    record_linkage,
    regression,
    risk_scoring,
    small_business_crisis,
    welfare_blind_spots,
    welfare_indicators,
)
from services.analysis.prepare.readers import PARQUET
from services.analysis.worker.folders import run_folders
from services.analysis.worker.hosting import locate
from services.analysis.worker.jobs import Job, Sandbox, Task
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.sdk import CHAMPION_FILE
from services.analysis.worker.verdict import judge
from shared.contracts import (
    ApprovedInput,
    CardColumn,
    Column,
    ColumnRole,
    ColumnType,
    InputRole,
    MethodCard,
    OutputKind,
    StoredObject,
)
from tests.bench import made

Make = Callable[[Path, int], dict[str, Path]]
DISK_TO_MEMORY = 4
FEWEST = 1000


@dataclass(frozen=True)
class Sized:
    """A method, and how its inputs are written; role -> file."""

    target: str
    card: MethodCard
    make: Make
    since: dict[str, str]
    parameters: dict[str, Any]


def one_table(role: str, blocks: Callable[[int, int], Iterator[Block]]) -> Make:
    def make(folder: Path, rows: int) -> dict[str, Path]:
        write(folder / f"{role}.parquet", blocks(rows, 1))
        return {role: folder / f"{role}.parquet"}

    return make


def statements(folder: Path, rows: int) -> dict[str, Path]:
    ghg.write(folder, rows, 1, ghg.PLANTED_SHARE, "parquet")
    return {role: folder / f"{role}.parquet" for role in ("statements", "billing", "stacks")}


def any_table(method: ModuleType, query: str, **parameters: Any) -> Sized:
    card: MethodCard = method.CARD
    return Sized(method.__name__, card, made.by_query({card.inputs[0].name: query}), {}, parameters)


TASKS = {
    "welfare": Sized(
        welfare_indicators.__name__, welfare_indicators.CARD, one_table("indicators", welfare.blocks),
        welfare.AVAILABLE_FROM, {"capacity": 0.05},
    ),
    "business": Sized(
        small_business_crisis.__name__, small_business_crisis.CARD, one_table("business", business.blocks),
        business.AVAILABLE_FROM, {"capacity": 0.05},
    ),
    "emissions": Sized(ghg_anomalies.__name__, ghg_anomalies.CARD, statements, {}, {}),
    "survey": Sized(welfare_blind_spots.__name__, welfare_blind_spots.CARD, made.by_query(made.SURVEY), {}, {}),
    "risks": any_table(risk_scoring, made.OUTCOMES),
    "amounts": any_table(regression, made.AMOUNTS),
    "clusters": any_table(clustering, made.SUBJECTS),
    "counts": any_table(cross_tabulation, made.SUBJECTS, rows="area", columns="age", measure="income"),
    "linkage": any_table(record_linkage, made.TWINS, block=["phone", "name"]),
    "forecasts": any_table(forecasting, made.VALUES),
    "records": any_table(anomaly_tables, made.RECORDS),
    "days": any_table(anomaly_series, made.DAYS),
    "quarters": any_table(anomaly_series, made.QUARTERS),
}  # fmt: skip
TYPES = {
    "VARCHAR": ColumnType.STRING, "DOUBLE": ColumnType.NUMBER, "INTEGER": ColumnType.INTEGER, "DATE": ColumnType.DATE,
}  # fmt: skip


def approved(role: InputRole, path: Path, since: dict[str, str]) -> ApprovedInput:
    """All that the card takes and the file has; under names of their own what the card takes of any name."""
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(path)]).fetchall()
    there = {str(row[0]): str(row[1]) for row in described}
    columns = [stored(each, since.get(each.name)) for each in role.columns if each.name in there]
    known = {each.name for each in columns}
    columns += [
        Column(name=name, type=TYPES[kind], role=ColumnRole.ATTRIBUTE)
        for name, kind in there.items()
        if role.further and name not in known
    ]
    return ApprovedInput(
        role=role.name,
        dataset_id=uuid4(),
        dataset_version=1,
        ministry="bench",
        object=StoredObject(sha256="0" * 64, size=path.stat().st_size, media_type=PARQUET),
        table=tuple(columns),
        columns={each.name: each.name for each in columns},
    )


def stored(column: CardColumn, since: str | None) -> Column:
    domain = column.key_domain if column.role is ColumnRole.KEY else None
    told = {"name": column.name, "type": column.type, "role": column.role, "key_domain": domain, "available_from": since}
    return Column.model_validate(told)


def prepare(task: Sized, rows: int, folder: Path) -> None:
    """The bundle of the task in this folder, and what it took."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        inputs = Path(name)
        paths, given = task.make(inputs, rows), {role.name: role for role in task.card.inputs}
        asked = [approved(given[role], path, task.since).model_dump(mode="json") for role, path in paths.items()]
        (inputs / "asked.json").write_text(json.dumps({"card": task.card.model_dump(mode="json"), "inputs": asked}))
        said = subprocess.run([sys.executable, "-m", "tests.bench.linked", name], check=True, stdout=subprocess.PIPE).stdout
        told = json.loads(said)
        print(f"prepare: {told['rows']:,} rows in {told['seconds']:.0f} s; peak {told['mb']:,.0f} MB", flush=True)
        (folder / "available_from.json").write_text(json.dumps(told["available_from"]))
        (inputs / "linked.parquet").rename(folder / "linked.parquet")


async def run(task: Sized, folder: Path, champion: bytes = b"") -> bytes | None:
    """The method in its child, every door shut that this machine can shut; the model that it hands in, None if it failed."""
    launcher, resources = Launcher(), task.card.resources
    with run_folders(folder) as folders:
        (folders.bundle / "linked.parquet").hardlink_to(folder / "linked.parquet")
        if champion:
            (folders.bundle / CHAMPION_FILE).write_bytes(champion)
        job = Job(
            task=Task.RUN,
            target=task.target,
            readable=locate(task.target).readable,
            work=str(folders.work),
            bundle=str(folders.bundle),
            parameters=dict(task.parameters),
            available_from=json.loads((folder / "available_from.json").read_text()),
            seconds=resources.seconds,
            memory_mb=resources.memory_mb,
            disk_mb=resources.memory_mb * DISK_TO_MEMORY,
            sandbox=Sandbox.PREFER,
            log=str(folder / "printed.log"),
        )
        try:
            report = await launcher.run(job, lambda share, words: print(f"    {share:.0%} {words}", flush=True))
        finally:
            await launcher.stop()
        verdict = judge(report, str(folders.work), task.card)
    why = f": {verdict.reason.code}, {verdict.reason.detail}" if verdict.reason else f", {len(verdict.outputs)} outputs"
    print(f"method: {verdict.outcome}{why}; {report.seconds:.0f} of {resources.seconds:,} s")
    print(f"peak {report.peak_mb:,} of {resources.memory_mb:,} MiB")
    if verdict.reason:
        return None
    return next((output.body for output in verdict.outputs if output.kind is OutputKind.MODEL), b"")


def main(name: str, rows: int, folder: Path, *, again: bool = False) -> bool:
    task = TASKS[name]
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "linked.parquet").exists():
        prepare(task, rows, folder)
    model = asyncio.run(run(task, folder))
    if again and model:
        print("again, with this model as its champion", flush=True)
        model = asyncio.run(run(task, folder, model))
    return model is not None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sizes", description=__doc__)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--again", action="store_true", help="a second round, with the model of the first as its champion")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dure-sizes-") as scratch:
        done = main(asked.task, max(asked.rows, FEWEST), asked.folder or Path(scratch), again=asked.again)
    sys.exit(0 if done else 1)
