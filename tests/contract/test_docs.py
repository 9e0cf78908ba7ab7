"""The documents say what the code says: generated parts, names, links, addresses, commands, and the code that they show."""

import ast
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deploy import docs, openapi
from deploy.installation import SERVICES
from deploy.running import Embedded, free_port, wait_ready
from services.analysis.policy import check_card
from services.analysis.worker import hosting, outputs
from services.analysis.worker.announcing import hosted, located
from services.analysis.worker.folders import run_folders
from services.analysis.worker.hosting import Hosted
from services.analysis.worker.jobs import Job, Sandbox, Task
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.outputs import Output
from services.analysis.worker.verdict import judge
from services.requests.fitting import fit_parameters
from services.requests.rules import load_rules
from services.results.disclosure import Rules, Verdict, check_figure, check_metrics, check_table
from shared.auth import Role
from shared.contracts import Event, Outcome, OutputKind
from shared.errors import Problem
from shared.metrics import Metrics
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
DOCUMENTS = docs.documents(ROOT)
WRITTEN_BY_HAND = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
DEMO = ROOT / "deploy" / "demo"
# Variables that docker-compose.yml takes, and those of the tests.
OTHER_VARIABLES = set(re.findall(r"^([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def text(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def everything() -> str:
    return "\n".join(text(path) for path in DOCUMENTS)


# Generated parts


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The documents alone, somewhere else."""
    for path in DOCUMENTS:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def test_a_stale_part_is_found_and_written_again(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = copy / "docs" / "events.md"
    fresh = events.read_text(encoding="utf-8")
    events.write_text(fresh.replace("| catalog | requests, results |", "| catalog | nobody |"), encoding="utf-8")
    assert docs.main(["--check"], copy) == 1
    assert capsys.readouterr().err == "docs/events.md is out of date: run python -m deploy.docs\n"
    assert docs.main([], copy) == 0
    assert events.read_text(encoding="utf-8") == fresh
    assert docs.main(["--check"], copy) == 0


def test_a_part_that_stands_nowhere_is_named(copy: Path) -> None:
    (copy / "docs" / "states.md").write_text("# Life cycles\n", encoding="utf-8")
    assert docs.stale(copy) == ["the block states stands in no document"]


def test_a_part_that_nobody_writes_is_refused(copy: Path) -> None:
    with (copy / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("<!-- generated: weather -->\n<!-- end -->\n")
    with pytest.raises(KeyError, match="weather"):
        docs.stale(copy)


# Names, both ways


def variables() -> set[str]:
    common = {name.upper() for name in ServiceSettings.model_fields}
    own = {
        f"{service.upper()}_{name.upper()}"
        for service in (*SERVICES, *docs.BESIDE)
        for name in docs.settings_of(service).model_fields
    }
    return common | own


def test_every_setting_is_told_and_every_setting_told_exists() -> None:
    operations = text("docs/operations.md")
    own = [f"{service.upper()}_{name.upper()}" for service in (*SERVICES, *docs.BESIDE) for name in docs.own_settings(service)]
    untold = [name for name in [*own, *map(str.upper, ServiceSettings.model_fields)] if f"| `{name}` |" not in operations]
    assert untold == []
    told = set(re.findall(r"\b(?:CATALOG|REQUESTS|ANALYSIS|RESULTS|SCORING)_[A-Z_]*[A-Z]\b", everything()))
    assert told - variables() - OTHER_VARIABLES == set()


def test_every_role_is_told_and_every_role_told_exists() -> None:
    assert [role for role in Role if f"| `{role}` | {role.description}" not in text("docs/operations.md")] == []
    assert set(re.findall(r"ROLE=([a-z-]+)", everything())) <= set(Role)


def test_every_event_is_told_and_every_event_told_exists() -> None:
    ours = {name for name, event in Event.types.items() if docs.ours(event)}
    told = set(re.findall(rf"\b(?:{'|'.join(SERVICES)})\.[a-z-]+\.v\d+\b", everything()))
    assert told == ours
    classes = {event.__name__ for event in Event.types.values()}
    assert set(re.findall(r"-\. (\w+) \.->", text("README.md"))) <= classes


def test_every_problem_is_told_once() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| \d{3} \|", text("docs/problems.md"), re.MULTILINE)
    assert sorted(rows) == sorted(slug for slug, problem in Problem.types.items() if docs.ours(problem))


def test_every_life_cycle_is_drawn() -> None:
    drawn = re.findall(r"^### (\w+): (\w+)$", text("docs/states.md"), re.MULTILINE)
    assert drawn == [(service, states.__name__) for service, states, _ in docs.life_cycles()]
    assert {service for service, _ in drawn} == set(SERVICES)


def test_every_command_is_told_and_every_command_told_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    told = set(re.findall(r"(?:`|\n|\()make (?:-s )?([a-z][a-z-]+)", everything()))
    assert told - targets == set()
    parts = {target for target in targets if target.startswith(("install-", "static-"))}
    assert targets - told == parts, "they are parts of others"


def test_every_module_that_is_run_exists() -> None:
    told = set(re.findall(r"python3? -m ([a-z_.]+[a-z_])", everything())) - {"deploy.bench"}
    assert len(told) > 6
    assert [name for name in told if find_spec(name) is None] == []
    assert [name for name in re.findall(r"uvicorn --factory ([\w.]+):main", everything()) if find_spec(name) is None] == []


def test_every_metric_told_exists() -> None:
    rendered = Metrics("catalog").render().decode()
    part = text("docs/operations.md").split("is Prometheus text:")[1].split("Watch")[0]
    metrics = re.findall(r"`([a-z_]+)`", part)
    assert len(metrics) == 6
    assert [name for name in metrics if name.removesuffix("_total") not in rendered] == []


def test_every_address_told_exists() -> None:
    known = {name for document in openapi.documents().values() for name, _ in openapi.operations(document)}
    told = set(re.findall(r"\b((?:GET|POST|PUT|PATCH|DELETE) /[a-z][\w/{}.-]*[\w}])", everything()))
    assert len(told) > 15
    known |= {name.rstrip("/") for name in known}
    assert {re.sub(r"[?#].*", "", name) for name in told} - known == set()


def test_every_rule_was_read_in_its_source_or_is_the_houses() -> None:
    rules = load_rules()
    held = [rules.quorum, rules.owner_decision, rules.risk, *rules.refusal_codes, *(lane.decision for lane in rules.lanes)]
    assert "no" not in {docs.held(one) for one in (*held, Rules.load())}, "the README says that each was read, or is a house rule"


# Links


@cache
def defined(path: Path) -> frozenset[str]:
    """Functions and classes of a module, at any depth."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a document's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings)


def links(path: Path) -> Iterator[tuple[str, Path, str]]:
    """The words, the file and the anchor of each link to something of ours."""
    without_code = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for words, target in LINK.findall(without_code):
        if not target.startswith(("https://", "http://")):
            place, _, anchor = target.partition("#")
            yield words, (path.parent / place).resolve() if place else path, anchor


@pytest.mark.parametrize("path", DOCUMENTS, ids=names(DOCUMENTS))
def test_links_lead_somewhere(path: Path) -> None:
    broken = [
        (words, target.name, anchor)
        for words, target, anchor in links(path)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=names(DOCUMENTS))
def test_functions_named_are_where_the_link_leads(path: Path) -> None:
    named = [(words.strip("`"), target) for words, target, _ in links(path) if target.suffix == ".py" and words.startswith("`")]
    assert [(name, target.name) for name, target in named if name not in defined(target)] == []


def test_every_document_can_be_found_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [target for _, target, _ in links(path) if target.suffix == ".md" and target.exists()]
    assert set(DOCUMENTS) - reached == set()


# What is shown is run


# `make token` is told where the suite of the test is.
MAKE = 'make() { local "${@:2}"; "$PYTHON" -m deploy.tokens --folder "$FOLDER" --role "$ROLE" --ministry "$MINISTRY"; }'
OPERATIONS = ("## Dead events", "## The broker lost its data", "## Verifying the audit")


@pytest.mark.heavy
def test_the_commands_shown_work(tmp_path: Path) -> None:
    """How a ministry joins, and what operators do, as it stands there, against a suite of its own."""
    if not shutil.which("curl"):
        pytest.skip("the commands in the documents need curl")
    suite = Embedded(tmp_path / "suite")
    shown = [shell_block("README.md", "## How a ministry joins")]
    shown += [shell_block("docs/operations.md", heading) for heading in OPERATIONS]
    script = "\n".join([MAKE, *shown]).replace("http://127.0.0.1:8000", suite.url)
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "FOLDER": str(suite.folder), "PYTHONPATH": str(ROOT)}
    command = ["bash", "-euo", "pipefail", "-c", script]
    suite.suite.start()
    try:
        wait_ready(suite.suite, f"{suite.url}/results/readyz")
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    finally:
        suite.stop()
    assert "The dataset is published." in done.stdout
    dataset = json.loads((tmp_path / "var/molg/dataset.json").read_text(encoding="utf-8"))
    assert (dataset["ministry"], dataset["state"], dataset["rows"]) == ("molg", "published", 2)
    assert json.loads((tmp_path / "checkpoints" / "catalog.json").read_text(encoding="utf-8"))["position"] > 17


def test_the_commands_shown_leave_nothing_to_commit(tmp_path: Path) -> None:
    """Whatever a page writes in the clone is ignored by git, tokens above all."""
    written = {path for document in DOCUMENTS for path in re.findall(r"(?:^|\s)>\s*([\w./-]+)", shell_lines(document))}
    assert "var/coverage/worker.token" in written
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    ignored = subprocess.run(["git", "check-ignore", *written], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert written - set(ignored.stdout.split()) == set()


def shell_lines(document: Path) -> str:
    """The commands of a document: what stands in blocks of bash or of no language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return "\n".join(block for language, block in blocks if language in ("", "bash"))


def test_the_commands_shown_say_what_went_wrong(tmp_path: Path) -> None:
    """Where nothing answers, curl speaks; where the service refuses, its problem is shown."""
    assert not [document for document in DOCUMENTS if re.search(r"curl .*?\s-s?f\b", shell_lines(document))]
    script = shell_block("README.md", "## How a ministry joins").replace(
        "http://127.0.0.1:8000", f"http://127.0.0.1:{free_port()}"
    )
    command = ["bash", "-c", f"make() {{ echo token; }}\n{script}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.count("Failed to connect") + done.stderr.count("Couldn't connect") >= 3
    assert {path.name for path in tmp_path.iterdir()} == {"var"}


def shell_block(path: str, heading: str) -> str:
    found = re.search(r"```bash\n(.*?)```", text(path).split(heading)[1], re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tutorial's package where an installer would put it; gives its target."""
    files = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text("docs/methods.md"), re.DOTALL))
    module = tmp_path / "site" / "food_aid_coverage" / "__init__.py"
    about = tmp_path / "site" / "food_aid_coverage-1.0.0.dist-info"
    for folder in (module.parent, about):
        folder.mkdir(parents=True)
    module.write_text(files["food_aid_coverage/__init__.py"], encoding="utf-8")
    table, entry = re.search(r'\[project\.entry-points\."(.+)"\]\n(.+)', files["pyproject.toml"]).groups()  # type: ignore[union-attr]
    (about / "entry_points.txt").write_text(f"[{table}]\n{entry.replace(chr(34), '')}\n", encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: food-aid-coverage\nVersion: 1.0.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return "food_aid_coverage"


def link_demo_tables(folder: Path) -> None:
    """The bundle as prepare would link it, but for the pseudonyms' key."""
    household, benefits = (
        f"read_csv('{DEMO / name}.csv', types={{'person_no': 'VARCHAR'}})" for name in ("household", "benefits")
    )
    chosen = "sha256(h.person_no) AS pseudonym, h.region AS household__region, b.food_aid AS benefits__food_aid"
    query = f"SELECT {chosen} FROM {household} h LEFT JOIN {benefits} b USING (person_no)"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY ({query}) TO '{folder / 'linked.parquet'}' (FORMAT parquet)")


async def carried_out(target: str, scratch: Path) -> tuple[Hosted, list[Output]]:
    """The worker's own way: find the code, read its card in a child, run it in a child, judge what it left."""
    launcher = Launcher()
    try:
        (method,) = [one async for one in hosted(launcher, scratch, Sandbox.PREFER, await located([target]))]
        parameters, faults = fit_parameters(method.card.parameters, {})
        assert faults == []
        with run_folders(scratch) as folders:
            await asyncio.to_thread(link_demo_tables, folders.bundle)
            job = Job(
                task=Task.RUN, target=target, work=str(folders.work), bundle=str(folders.bundle), readable=method.code.readable,
                parameters=parameters, match_rates={"benefits": 0.97}, seconds=method.card.resources.seconds,
                memory_mb=method.card.resources.memory_mb, sandbox=Sandbox.PREFER,
            )  # fmt: skip
            report = await launcher.run(job, lambda progress, message: None)
            verdict = judge(report, str(folders.work), method.card)
    finally:
        await launcher.stop()
    assert (verdict.outcome, verdict.reason) == (Outcome.SUCCEEDED, None)
    return method, verdict.outputs


@pytest.mark.heavy
async def test_the_tutorial_runs(tutorial: str, tmp_path: Path) -> None:
    assert tutorial in hosting.targets()
    method, given = await carried_out(tutorial, tmp_path)
    check_card(method.card)
    assert {(one.kind, one.name) for one in given} == {(one.kind, one.name) for one in method.card.outputs}
    rules, parsed = Rules.load(), {one.kind: outputs.parse(one.body) for one in given}
    verdicts: list[Verdict] = [
        check_table(parsed[OutputKind.TABLE], rules),
        check_metrics(parsed[OutputKind.METRICS], rules),
        check_figure(parsed[OutputKind.FIGURE], "coverage_chart", ["coverage"], rules),
    ]
    assert [verdict.as_json() for verdict in verdicts if not verdict.passed] == []
    rows: list[list[Any]] = parsed[OutputKind.TABLE]["rows"]
    assert len(rows) == 4
    assert all(0 < receiving < households and share == receiving / households for _, households, receiving, share in rows)
