"""The cases of flow/: each file says whether it was right; artefacts are judged one by one."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from tests.cases import adapter
from tests.cases.case import Case, Outcome, Scene, right_of

HELPERS = {"flow", "run_case"}
ALONE = {"webhook_second_address", "scoring_answers"}
DISCLOSURE = "run_disclosure"


def cases(folder: Path) -> list[Case]:
    right = right_of(folder / "README.md")
    files = sorted(file for file in folder.glob("*.py") if file.stem not in HELPERS | {DISCLOSURE})
    found = [Case(f"flow/{file.stem}", right[file.stem], partial(run, file)) for file in files]
    artefacts = json.loads((folder / "disclosure.json").read_text())
    return found + [
        Case(
            f"flow/{DISCLOSURE}/{each['name']}",
            f"{each['right']} ({each['why']})",
            partial(disclose, each),
        )
        for each in artefacts
    ]


def run(file: Path, scene: Scene) -> Outcome:
    """Right is exit code 0 and the word RIGHT; whatever breaks on the way is not."""
    suite = None
    if file.stem not in ALONE:
        suite = scene.suite()
        suite.ready()
    code, said = adapter.script(file, suite, scene.scratch())
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return Outcome(
        code == 0 and any(line.startswith("RIGHT") for line in lines), " / ".join(lines[-4:])
    )


def disclose(case: dict[str, Any], _: Scene) -> Outcome:
    held, codes = adapter.disclosure(case["kind"], case["artefact"])
    return Outcome(
        held or bool(codes),
        f"{'held' if held else 'let out'}: {', '.join(codes) or 'nothing said'}",
    )
