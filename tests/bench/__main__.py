"""`make bench`: every figure as a ratio against its reference, measured in the same run, with what was promised beside it."""

import argparse
import cProfile
import os
import pstats
import shutil
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from shared.memory import settled
from tests.bench import (
    arriving,
    auditing,
    bulk,
    foreign,
    leaving,
    linking,
    listing,
    machine,
    pressure,
    queueing,
    scoring,
    searching,
    starting,
    uploading,
    walking,
)
from tests.bench.console import Console
from tests.bench.figures import FULL, QUICK, USUAL, Bench, Figure
from tests.bench.table import table

POSTGRES = os.environ.get("DURE_TEST_POSTGRES", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
RABBITMQ = os.environ.get("DURE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
FOLDER = Path(__file__).parents[2] / "var" / "bench"


@dataclass(frozen=True)
class Part:
    """Some figures that are measured together, and the servers that they need."""

    name: str
    measure: Callable[[Bench], Awaitable[list[Figure]]]
    needs: frozenset[str] = frozenset()

    def missing(self, bench: Bench) -> list[str]:
        servers = {"PostgreSQL": bench.postgres, "RabbitMQ": bench.rabbitmq}
        return [name for name in sorted(self.needs) if servers[name] is None]


async def single(measure: Callable[[Bench, str], Awaitable[Figure]], kind: str, bench: Bench) -> list[Figure]:
    return [await measure(bench, kind)]


def parts() -> list[Part]:
    found = []
    for name, measure, needs in (
        ("relay", leaving.measure_relay, {"RabbitMQ"}),
        ("latency", leaving.measure_latency, {"RabbitMQ"}),
        ("inbox", arriving.measure_inbox, set[str]()),
        ("claims", queueing.measure_claims, set[str]()),
    ):
        found.append(Part(f"{name}-sqlite", partial(single, measure, "SQLite"), frozenset(needs)))
        found.append(Part(f"{name}-postgresql", partial(single, measure, "PostgreSQL"), frozenset(needs | {"PostgreSQL"})))
    return [
        *found,
        Part("audit-sqlite", partial(auditing.measure_verify, kind="SQLite")),
        Part("audit-postgresql", partial(auditing.measure_verify, kind="PostgreSQL"), frozenset({"PostgreSQL"})),
        Part("walks", walking.measure_walks),
        Part("pressure", pressure.measure_embedded),
        Part("pressure-postgresql", pressure.measure_separate, frozenset({"PostgreSQL", "RabbitMQ"})),
        Part("list", listing.measure_list),
        Part("search", searching.measure_search, frozenset({"PostgreSQL"})),
        Part("upload", uploading.measure_upload),
        Part("prepare", linking.measure_prepare),
        Part("join", bulk.measure_join),
        Part("scores", bulk.measure_scores),
        Part("start", starting.measure_suite),
        Part("child", starting.measure_child),
        Part("scoring", scoring.measure_plain),
        Part("scoring-mlserver", scoring.measure_mlserver),
        Part("schemathesis", foreign.measure_foreign),
        Part("cancel", queueing.measure_cancel, frozenset({"RabbitMQ"})),
        Part("storm", queueing.measure_storm, frozenset({"RabbitMQ"})),
    ]


async def run(bench: Bench, chosen: list[Part]) -> bool:
    """Measure, and show. False if something could not be measured; a promise that is missed is no error."""
    for line in await machine.described(bench.postgres, bench.rabbitmq):
        bench.console.tell(line)
    figures: list[Figure] = []
    left_out, failed = [], []
    for part in chosen:
        if missing := part.missing(bench):
            left_out.append(f"{part.name}: needs {' and '.join(missing)}")
            continue
        bench.console.tell(f"Measuring: {part.name}")
        try:
            for figure in await part.measure(bench):
                figures.append(figure)
                bench.console.tell(f"    {figure.title}: {figure.measured}")
        except Exception:
            traceback.print_exc()
            failed.append(part.name)
    for line in table(figures, left_out=left_out, failed=failed):
        bench.console.tell(line)
    return not failed


@contextmanager
def profiled() -> Iterator[None]:
    """Print the functions that took longest by themselves; of ours and of the reference alike."""
    with cProfile.Profile() as profile:
        yield
    pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def main() -> int:
    known = settled(parts())  # as a service's program does
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="size", action="store_const", const=QUICK, default=USUAL, help="about a minute, coarse")
    size.add_argument("--full", dest="size", action="store_const", const=FULL, help="1 GB of CSV, 17 million rows; takes long")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in known], metavar="NAME", help="only these parts")
    parser.add_argument("--profile", action="store_true", help="print where this process spent its time; its ratios do not count")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    postgres = POSTGRES if machine.listening(POSTGRES, 5432) else None
    rabbitmq = RABBITMQ if machine.listening(RABBITMQ, 5672) else None
    began = time.monotonic()
    try:
        with Console() as console, profiled() if options.profile else nullcontext():
            bench = Bench(console, FOLDER, options.size, postgres, rabbitmq)
            done = uvloop.run(run(bench, [part for part in known if not options.only or part.name in options.only]))
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"\nMeasured in {time.monotonic() - began:.0f} s.")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
