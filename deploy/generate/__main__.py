"""`python -m deploy.generate welfare --rows 1000000 --seed 1 --out var/generated`: one table, and its truth beside it."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.generate import business, welfare
from deploy.generate.blocks import Block, write

TASKS: dict[str, tuple[Callable[[int, int], Iterator[Block]], dict[str, str], tuple[str, ...]]] = {
    "welfare": (welfare.blocks, welfare.AVAILABLE_FROM, welfare.TRUTH),
    "business": (business.blocks, business.AVAILABLE_FROM, business.TRUTH),
}
FEWEST, MOST = 1_000, 10_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.generate", description=__doc__)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--rows", type=int, default=100_000, help=f"about so many, {FEWEST} to {MOST}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("var/generated"))
    asked = parser.parse_args()
    if not FEWEST <= asked.rows <= MOST:
        parser.error(f"--rows must be {FEWEST} to {MOST}")
    blocks, since, truth = TASKS[asked.task]
    target = asked.out / f"{asked.task}.parquet"
    rows = write(target, blocks(asked.rows, asked.seed))
    told = {"rows": rows, "seed": asked.seed, "available_from": since, "truth_columns": list(truth)}
    target.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(f"{target}: {rows:,} rows; the columns {', '.join(truth)} are the truth and go to no method.")


if __name__ == "__main__":
    main()
