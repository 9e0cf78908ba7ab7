"""`python -m deploy.evaluate [task ...] --rows 120000 --data ../shared/data`: measures, prints a table, writes pages."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from threadpoolctl import threadpool_limits

from deploy.evaluate.findings import Asked, Found
from deploy.evaluate.pages import HEADINGS, goal_cells, line_cells, write_page
from deploy.evaluate.tasks import TASKS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.evaluate", description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="task", help=f"of {', '.join(TASKS)}; none: all")
    parser.add_argument("--rows", type=int, default=120_000, help="rows of each generated table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real data, if they are there")
    parser.add_argument("--out", type=Path, default=Path("var/evaluate"))
    given = parser.parse_args()
    if unknown := sorted(set(given.tasks) - set(TASKS)):
        parser.error(f"there is no task {unknown[0]}; there are {', '.join(TASKS)}")
    asked = Asked(given.rows, given.seed, given.data, given.out)
    asked.out.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(limits=1):  # OpenMP threads that wait for one another make a busy machine slow
        missed = sum([evaluate(name, asked) for name in given.tasks or TASKS])
    print(f"\n{missed} goals missed." if missed else "\nEvery goal was met.")
    sys.exit(1 if missed else 0)


def evaluate(name: str, asked: Asked) -> int:
    """Goals that were missed."""
    started = time.monotonic()
    found = TASKS[name](asked)
    if found is None:
        print(f"\n{name}: LEFT OUT, its data are not in {asked.data}")
        return 0
    page = write_page(name, found, asked)
    print(f"\n{found.title}: {time.monotonic() - started:.0f} s, {page}")
    for line in told(found):
        print("  " + line)
    return sum(not goal.met for goal in found.goals)


def told(found: Found) -> Iterator[str]:
    yield from columns([list(HEADINGS), *(line_cells(line) for line in found.lines)])
    yield ""
    yield from columns([goal_cells(goal) for goal in found.goals])
    yield from found.notes


def columns(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        first, *rest = [
            cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join([first, *rest]).rstrip()


if __name__ == "__main__":
    main()
