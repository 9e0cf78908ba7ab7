"""A case: its name, what is right, and how it is judged."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from tests.cases.adapter import Broke, Suite, Unable, started


class Outcome(NamedTuple):
    """Whether it was right, None where that cannot be told here, and what was seen."""

    right: bool | None
    seen: str


@dataclass
class Scene:
    """Where cases are judged: a suite that they share, others of their own, a folder."""

    folder: Path
    running: Suite | None = None
    ends: ExitStack = field(default_factory=ExitStack)

    def suite(self) -> Suite:
        """The suite that cases share, started when the first one needs it."""
        if self.running is None:
            self.running = self.ends.enter_context(started(self.scratch()))
        return self.running

    @contextmanager
    def own(self, *, worker: bool = False) -> Iterator[Suite]:
        """A suite for a case that harms it."""
        with started(self.scratch(), worker=worker) as suite:
            yield suite

    def scratch(self) -> Path:
        folder = self.folder / uuid4().hex[:8]
        folder.mkdir()
        return folder


@dataclass(frozen=True)
class Case:
    """`name` as it is chosen on the command line, such as data/link-hyphens."""

    name: str
    right: str
    judge: Callable[[Scene], Outcome]

    def judged(self, scene: Scene) -> Outcome:
        """What broke on the way was not right; what cannot be tried here is not judged."""
        try:
            return self.judge(scene)
        except Unable as why:
            return Outcome(None, f"not judged here: {why}")
        except Broke as where:
            return Outcome(False, f"broke: {where}")

    def named(self, names: list[str]) -> bool:
        """Chosen by its name, a folder above it, or the number that its name begins with."""
        folder, _, last = self.name.partition("/")
        return not names or any(
            self.name == name
            or f"{self.name}/".startswith(f"{name}/")
            or name == f"{folder}/{last.split('_')[0]}"
            for name in (each.rstrip("/").removesuffix(".py") for each in names)
        )


def right_of(readme: Path) -> dict[str, str]:
    """What is right, by the name in the first column of a README's table.

    One row may name several cases."""
    found: dict[str, str] = {}
    at = 0
    for line in readme.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        titles = [number for number, cell in enumerate(cells) if cell.startswith("right")]
        if titles:
            at = titles[0]
            continue
        for name in cells[0].split(" (")[0].split(", "):
            found[name.strip("`").removesuffix(".py").removesuffix(".sh")] = cells[at]
    return found
