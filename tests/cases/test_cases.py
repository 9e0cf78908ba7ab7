"""The runner of the cases: what is right is told from what is wrong, and the exit code says so."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.running import ROOT
from tests.cases import flow, redteam
from tests.cases.adapter import Broke, Suite, Unable, flags
from tests.cases.case import Case, Outcome, Scene, right_of
from tests.cases.data import JUDGES, Seen

pytestmark = pytest.mark.heavy
WORDS = {"ko": "t", "en": "t"}
REGION = {"name": "region", "type": "string", "role": "attribute"}
KEY = {
    "name": "person_no",
    "type": "string",
    "role": "key",
    "key_domain": "person",
    "nullable": False,
}


def table(total: str, count: int) -> dict[str, Any]:
    """A table of counts whose last row is a total, or is none."""
    columns = [
        {"name": "region", "title": WORDS, "kind": "dimension"},
        {"name": "n", "title": WORDS, "kind": "count"},
    ]
    rows = [["서울", 120], ["부산", 80], [total, count]]
    return {"name": "t", "title": WORDS, "columns": columns, "rows": rows, "notes": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cases of each kind, some of which are right and some wrong whatever the product does."""
    for part in ("data/csv-header-space", "data/search-spacing", "flow", "redteam"):
        (tmp_path / part).mkdir(parents=True)
    for part in ("data", "redteam"):
        (tmp_path / part / "README.md").write_text(
            "| case | right outcome |\n| --- | --- |\n| `parquet-timestamptz-host-zone` | - |\n"
        )
    rows = "".join(
        f"| {name}.py | no | {name} |\n"
        for name in ("says_right", "says_wrong", "breaks", "imports")
    )
    (tmp_path / "flow/README.md").write_text(
        f"| case | needs the suite | right outcome |\n| --- | --- | --- |\n{rows}"
    )
    (tmp_path / "flow/says_right.py").write_text("print('RIGHT - as it should be')\n")
    (tmp_path / "flow/says_wrong.py").write_text(
        "print('WRONG - something else'); raise SystemExit(1)\n"
    )
    (tmp_path / "flow/breaks.py").write_text(
        "print('RIGHT so far'); raise ValueError('then it broke')\n"
    )
    (tmp_path / "flow/imports.py").write_text(
        "from deploy.tokens import mint\nprint('RIGHT', mint.__name__)\n"
    )
    artefacts = [("small", table("제주", 3)), ("large", table("제주", 300))]
    listed = [
        {"name": name, "kind": "table", "why": "-", "artefact": each, "right": "held"}
        for name, each in artefacts
    ]
    (tmp_path / "flow/disclosure.json").write_text(json.dumps(listed))
    case = {"right": "taken", "files": [{"file": "file.csv", "table": [KEY, REGION]}]}
    (tmp_path / "data/csv-header-space/case.json").write_text(json.dumps(case))
    (tmp_path / "data/csv-header-space/file.csv").write_text("person_no,region\nA1,서울\n")
    searched = {
        "right": "found",
        "files": [],
        "titles": ["공공데이터 목록"],
        "search": "공공데이터",
    }
    (tmp_path / "data/search-spacing/case.json").write_text(json.dumps(searched))
    return tmp_path


def run(folder: Path, *names: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.cases", "--folder", str(folder), *names]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


def test_right_outcomes_end_with_0(folder: Path) -> None:
    """Against a suite that the runner starts, and below HTTP."""
    code, said = run(
        folder, "data/csv-header-space", "data/search-spacing", "flow/run_disclosure/small"
    )
    assert "3 right, 0 wrong, 0 not judged" in said
    assert "check passed, 1 rows" in said
    assert code == 0


def test_one_wrong_outcome_ends_with_1_and_is_named(folder: Path) -> None:
    code, said = run(folder, "flow/run_disclosure")
    assert "1 right, 1 wrong, 0 not judged" in said
    assert "wrong: flow/run_disclosure/large" in said
    assert code == 1


def test_an_unknown_name_runs_nothing(folder: Path) -> None:
    code, said = run(folder, "flow/run_disclosure", "flow/nothing_of_the_kind")
    assert (code, "flow/nothing_of_the_kind" in said, "right" in said) == (2, True, False)


@pytest.mark.parametrize(
    ("name", "right"),
    [("says_right", True), ("says_wrong", False), ("breaks", False), ("imports", True)],
)
def test_a_case_file_is_right_if_it_says_so_and_ends_well(
    folder: Path, name: str, right: bool
) -> None:
    scene = Scene(folder, Suite("http://127.0.0.1:1", folder))
    assert flow.run(folder / f"flow/{name}.py", scene).right is right


def test_what_breaks_is_wrong_and_what_cannot_be_tried_is_not_judged(tmp_path: Path) -> None:
    def breaks(_: Scene) -> Outcome:
        raise Broke("there")

    def unable(_: Scene) -> Outcome:
        raise Unable("no disk")

    assert Case("a/b", "-", breaks).judged(Scene(tmp_path)) == (False, "broke: there")
    assert Case("a/b", "-", unable).judged(Scene(tmp_path)).right is None


@pytest.mark.parametrize(
    "name", ["redteam", "redteam/16", "redteam/16_aborted_clients", "redteam/16_aborted_clients.py"]
)
def test_a_case_is_chosen_by_folder_number_and_name(name: str) -> None:
    case = Case("redteam/16_aborted_clients", "-", lambda _: Outcome(True, ""))
    assert case.named([name])
    assert case.named([])
    assert not case.named(["redteam/1", "data", "flow/16"])


def test_what_is_right_is_read_from_the_table_of_a_readme(tmp_path: Path) -> None:
    lines = [
        "# Cases",
        "",
        "| script | right behaviour |",
        "| --- | --- |",
        "| 05_one, 06_two | shown | (to whom?)",
        "| `x` (y) | z |",
    ]
    (tmp_path / "README.md").write_text("\n".join(lines))
    assert right_of(tmp_path / "README.md") == {"05_one": "shown", "06_two": "shown", "x": "z"}


def test_every_case_at_hand_has_a_judge() -> None:
    """Where the cases lie beside the project; a new one is reported, not passed over."""
    cases = ROOT.parent / "shared" / "cases"
    if not cases.is_dir():
        cases = ROOT / "tests"  # nothing to hold
    names = {file.parent.name for file in cases.glob("data/*/case.json")} - {"search-spacing"}
    assert names <= set(JUDGES)
    numbers = {file.stem[:2] for file in cases.glob("redteam/[0-9]*")}
    assert numbers <= set(redteam.JUDGES | redteam.load.JUDGES) | set(redteam.load.AS_THEY_ARE)


def error(line: int, column: str | None, code: str, text: str) -> dict[str, Any]:
    return {"line": line, "lines": [line], "column": column, "code": code, "text": text}


PASSED: dict[str, Any] = {"states": ["passed"], "rows": [60]}
FAILED: dict[str, Any] = {"states": ["failed"], "rows": [60]}
SUCCEEDED: dict[str, Any] = {"status": "succeeded", "keys_dropped": {}}
BLANKS = [error(line, "person_no", "missing-value", "It may not be empty.") for line in range(2, 7)]
TWICE = error(3, "person_no", "duplicate-key", "The key of line 2 is there again.")
LATE = {
    "status": "failed",
    "reason": {"code": "key-not-unique", "detail": "The key is not unique."},
}
CRASHED = {"status": "failed", "reason": {"code": "method-crashed", "detail": "time"}}
DAY = {"step": "1440 min", "points": 1440}


@pytest.mark.parametrize(
    ("name", "seen", "right"),
    [
        (
            "link-hyphens",
            Seen(**PASSED, run=SUCCEEDED, result={"match_rates": {"billing": 1.0}}),
            True,
        ),
        (
            "link-hyphens",
            Seen(**PASSED, run=SUCCEEDED, result={"match_rates": {"billing": 0.0}, "alarms": []}),
            False,
        ),
        (
            "link-hyphens",
            Seen(
                **PASSED,
                result={"alarms": [{"code": "nothing-linked"}], "match_rates": {"billing": 0.0}},
            ),
            False,
        ),
        (
            "link-nothing-in-common",
            Seen(**PASSED, result={"match_rates": {}, "alarms": [{"code": "nothing-linked"}]}),
            True,
        ),
        (
            "link-nothing-in-common",
            Seen(**PASSED, run=SUCCEEDED, result={"match_rates": {}, "alarms": []}),
            False,
        ),
        (
            "link-placeholder-key",
            Seen(**PASSED, run=SUCCEEDED, result={"match_rates": {"billing": 0.92}}),
            False,
        ),
        (
            "link-placeholder-key",
            Seen(
                **PASSED,
                run={"keys_dropped": {"billing": 2}},
                result={"match_rates": {"billing": 0.8333}},
            ),
            True,
        ),
        ("table-blank-key", Seen(**FAILED, findings=BLANKS), True),
        ("table-blank-key", Seen(**FAILED, findings=BLANKS[:2]), False),
        ("table-blank-key", Seen(**PASSED, findings=BLANKS), False),
        ("table-duplicate-key", Seen(**PASSED, findings=[TWICE]), True),
        ("table-duplicate-key", Seen(**PASSED, run=LATE), False),
        ("series-yyyymmdd", Seen(**PASSED, figures=DAY), True),
        ("series-yyyymmdd", Seen(**PASSED, figures=DAY | {"step": "12 month"}), False),
        ("series-half-compact", Seen(**PASSED, run=CRASHED), False),
        (
            "series-half-compact",
            Seen(**FAILED, findings=[error(2, "time", "time-unreadable", "It is no time.")]),
            True,
        ),
        (
            "csv-semicolon",
            Seen(**FAILED, findings=[error(1, None, "delimiter", "Cells are parted by ';'.")]),
            True,
        ),
        (
            "csv-semicolon",
            Seen(**FAILED, findings=[error(1, None, "delimiter", "Cells are parted by ';'.")] * 3),
            False,
        ),
        (
            "key-type-integer",
            Seen(**PASSED, refusals=["request 422 facility_key is integer"]),
            False,
        ),
        ("key-type-integer", Seen(refusals=["registration 422 facility_key is integer"]), True),
    ],
)
def test_a_judge_tells_right_from_wrong(name: str, seen: Seen, right: bool) -> None:
    assert JUDGES[name](seen) is right


def test_flags_are_what_checkers_are_told() -> None:
    withheld = {"name": "t", "kind": "table", "reasons": ["dominated"]}
    assert flags({"withheld": [withheld], "alarms": [{"code": "nothing-linked"}]}) == [
        "t: dominated",
        "nothing-linked",
    ]
    assert flags({"withheld": [], "alarms": []}) == []
