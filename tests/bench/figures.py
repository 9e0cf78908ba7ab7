"""A figure: something measured beside its reference in the same run, and what was promised of their ratio."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.console import Console

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    short_rounds: int
    events: int
    latencies: int
    loops: int
    csv_mb: int
    rows: tuple[int, int, int]
    submits: int = 200
    foreign: int = 20_000  # calls of Schemathesis, all services together


QUICK = Size(
    rounds=2, short_rounds=6, events=1000, latencies=60, loops=3, csv_mb=30, rows=(200_000, 100_000, 40_000), foreign=1000
)
USUAL = Size(rounds=5, short_rounds=20, events=1000, latencies=200, loops=10, csv_mb=200, rows=(1_000_000, 500_000, 200_000))
FULL = Size(rounds=5, short_rounds=40, events=2000, latencies=500, loops=20, csv_mb=1000, rows=(10_000_000, 5_000_000, 2_000_000))


@dataclass(frozen=True)
class Bench:
    """What every measurement is given. A server that is not there is None, and what needs it is left out."""

    console: Console
    folder: Path
    size: Size
    postgres: str | None
    rabbitmq: str | None


@dataclass(frozen=True)
class Promise:
    """A bound on a ratio."""

    word: str
    bound: float

    def kept(self, ratio: float) -> bool:
        return ratio >= self.bound if self.word == "at least" else ratio <= self.bound

    def __str__(self) -> str:
        return f"{self.word} {self.bound:g}"


def at_least(bound: float) -> Promise:
    return Promise("at least", bound)


def at_most(bound: float) -> Promise:
    return Promise("at most", bound)


@dataclass(frozen=True)
class Pair:
    """Ours and the reference, round by round."""

    ours: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        return [mine / theirs for mine, theirs in zip(self.ours, self.reference, strict=True)]

    @property
    def medians(self) -> tuple[float, float]:
        return median(self.ours), median(self.reference)


@dataclass(frozen=True)
class Figure:
    """One line of the table. `ratios` of several rounds are told by their median and range."""

    title: str
    measured: str
    ratios: tuple[float, ...] = ()
    promise: Promise | None = None

    @property
    def ratio(self) -> float | None:
        return median(self.ratios) if self.ratios else None

    @property
    def missed(self) -> bool:
        return self.promise is not None and self.ratio is not None and not self.promise.kept(self.ratio)


async def compared(bench: Bench, what: str, ours: Measure, reference: Measure, *, rounds: int) -> Pair:
    """Both in turn, each first in every other round; a first round that warms them up does not count."""
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds + 1):
        pair = ((ours, mine), (reference, theirs))
        for measure, kept in pair if number % 2 else pair[::-1]:
            bench.console.doing(f"{what}, {f'round {number} of {rounds}' if number else 'warming up'}")
            kept.append(await measure())
    return Pair(tuple(mine[1:]), tuple(theirs[1:]))


async def seconds(work: Awaitable[object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


def milliseconds(value: float) -> str:
    return f"{value * 1000:.1f} ms"
