"""`python -m tests.cases [NAME ...]`: run cases and say whether each outcome is right.

NAME is a folder (`data`, `flow`, `redteam`), a case (`data/link-hyphens`, `flow/blank_reason`) or
its number (`redteam/16`). The suite is started for it in a folder of its own, or is a running one
(`--url`). Exit code 1 if any chosen case is wrong.
"""

import argparse
import signal
import sys
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path

from deploy.running import ROOT
from tests.cases import data, flow, redteam
from tests.cases.adapter import Suite
from tests.cases.case import Case, Outcome, Scene

WORDS = {True: "right", False: "wrong", None: "not judged"}


def known(folder: Path) -> list[Case]:
    """Every case in the folder."""
    return [
        case
        for name, part in (("data", data), ("flow", flow), ("redteam", redteam))
        for case in part.cases(folder / name)
    ]


def show(case: Case, outcome: Outcome, seconds: float) -> None:
    print(f"{case.name}  ({seconds:.0f} s)")
    for title, text in (("right", case.right), ("outcome", outcome.seen)):
        print(
            textwrap.fill(
                " ".join(text.split()),
                120,
                initial_indent=f"  {title:<8} ",
                subsequent_indent=" " * 11,
            )
        )
    print(f"  verdict  {WORDS[outcome.right]}", flush=True)


def run(cases: list[Case], scene: Scene) -> int:
    """Judge each, print as it goes, and the sum at the end: the number of those that are wrong."""
    verdicts: Counter[bool | None] = Counter()
    wrong = []
    for case in cases:
        began = time.monotonic()
        outcome = case.judged(scene)
        show(case, outcome, time.monotonic() - began)
        verdicts[outcome.right] += 1
        wrong += [case.name] if outcome.right is False else []
    print(f"\n{verdicts[True]} right, {verdicts[False]} wrong, {verdicts[None]} not judged")
    for name in wrong:
        print(f"  wrong: {name}")
    return len(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cases", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which cases; all if none is named"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT.parent / "shared" / "cases", help="where the cases are"
    )
    parser.add_argument("--list", action="store_true", help="name the cases and run nothing")
    parser.add_argument(
        "--url", help="a running suite, such as http://127.0.0.1:8000 of `make serve`"
    )
    parser.add_argument(
        "--installation",
        type=Path,
        default=ROOT / "var" / "serve",
        help="the folder of that suite, for tokens",
    )
    options = parser.parse_args()
    if not (options.folder / "data").is_dir():
        print(f"There are no cases in {options.folder}: say where with --folder.", file=sys.stderr)
        return 2
    chosen = [case for case in known(options.folder) if case.named(options.names)]
    unknown = [name for name in options.names if not any(case.named([name]) for case in chosen)]
    if unknown:
        print(f"There is no case of this name: {', '.join(unknown)}. See --list.", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the suite is stopped too
    with tempfile.TemporaryDirectory(prefix="dure-cases-") as folder:
        scene = Scene(
            Path(folder),
            Suite(options.url.rstrip("/"), options.installation) if options.url else None,
        )
        with scene.ends:
            return 1 if run(chosen, scene) else 0


if __name__ == "__main__":
    sys.exit(main())
