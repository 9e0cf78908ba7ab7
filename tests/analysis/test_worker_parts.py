"""The parts of the worker one by one: the linked table, the digest of code, outputs of a stranger, the sandbox's refusal."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import numpy as np
import pytest

from services.analysis.methods import BUILT_IN
from services.analysis.worker import hosting, outputs
from services.analysis.worker.client import Client
from services.analysis.worker.execution import Execution
from services.analysis.worker.folders import own_folder, run_folders
from services.analysis.worker.jobs import ChildReport, Job, Layers, Sandbox, Status, Task, Why
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.messages import Claim
from services.analysis.worker.outputs import InvalidError
from services.analysis.worker.reasons import SENTENCES, plain
from services.analysis.worker.sdk import Bundle, MethodError
from services.analysis.worker.tokens import TokenFile
from services.analysis.worker.verdict import judge
from shared.contracts import MethodCard, Outcome, OutputKind
from tests.analysis import worker_methods
from tests.analysis.worker_stub import Stub, StubRun

TABLE = {
    "name": "counts",
    "title": {"ko": "수", "en": "counts"},
    "columns": [
        {"name": "area", "title": {"ko": "지역", "en": "area"}, "kind": "dimension"},
        {"name": "n", "title": {"ko": "수", "en": "n"}, "kind": "count"},
        {"name": "k", "title": {"ko": "수", "en": "k"}, "kind": "count"},
        {"name": "share", "title": {"ko": "비율", "en": "share"}, "kind": "rate", "of": "n", "numerator": "k"},
    ],
    "rows": [["Seoul", 40, 20, 0.5], [None, 10, 10, 1]],
}
FIGURE = {"data": {"name": "counts"}, "mark": "bar"}


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MethodCard:
    namespace: dict[str, Any] = {}
    exec(worker_methods.CARD, namespace)
    card: MethodCard = namespace["card"]("probe")
    return card


def linked(folder: Path, query: str) -> Bundle:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY ({query}) TO '{folder / 'linked.parquet'}' (FORMAT parquet)")
    return Bundle(folder)


def written(folder: Path, **files: object) -> str:
    for path, content in {"outcome": {"status": Status.DONE}, **files}.items():
        target = folder / (path.replace("__", "/") + ".json")
        target.parent.mkdir(exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)


def ended(exit: int = 0, why: Why | None = None) -> ChildReport:
    return ChildReport(exit, why, Layers(), 1.0, 10)


class TestBundle:
    def test_kinds_of_columns(self, tmp_path: Path) -> None:
        values = (
            "'a' AS s, 1::HUGEINT AS i, true AS b, 1.5::DECIMAL(9,2) AS d, DATE '2014-03-01' AS day, uuid() AS u, 2.5::FLOAT AS f"
        )
        nothing = "NULL, NULL, NULL, NULL, NULL, NULL, NULL"
        found = linked(tmp_path, f"SELECT {values} UNION ALL SELECT {nothing}").columns()
        assert {name: found[name].dtype.kind for name in found} == {**dict.fromkeys("ibdf", "f"), "s": "O", "day": "O", "u": "O"}
        assert all(values[1] is None if values.dtype == object else np.isnan(values[1]) for values in found.values())
        assert (found["i"][0], found["b"][0], found["d"][0], found["day"][0]) == (1.0, 1.0, 1.5, "2014-03-01")

    def test_chosen_columns_keep_the_order_of_rows(self, tmp_path: Path) -> None:
        bundle = linked(tmp_path, 'SELECT i AS "odd ""name", -i AS other FROM range(50000) r(i)')
        found = bundle.columns(['odd "name'])
        assert list(found) == ['odd "name']
        assert np.array_equal(found['odd "name'], np.arange(50000.0))
        assert bundle.columns([]) == {}

    def test_a_missing_column_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(MethodError) as refused:
            linked(tmp_path, "SELECT 1 AS a").columns(["b"])
        assert refused.value.code == "missing-column"

    def test_a_folder_with_a_quote(self, tmp_path: Path) -> None:
        folder = tmp_path / "o'clock"
        folder.mkdir()
        path = tmp_path / "linked.parquet"
        linked(tmp_path, "SELECT 1 AS a")
        path.rename(folder / "linked.parquet")
        assert Bundle(folder).columns()["a"].tolist() == [1.0]


class TestHosting:
    @pytest.fixture
    def installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.syspath_prepend(str(worker_methods.install(tmp_path)))
        return tmp_path

    def test_targets_are_built_in_or_declared(self, installed: Path) -> None:
        assert set(hosting.targets()) >= {*BUILT_IN, "blind_probe.probe", "blind_broken"}

    def test_the_digest_follows_what_the_method_imports(self, installed: Path) -> None:
        code = hosting.locate("blind_probe.probe:anything")
        before = code.digest
        assert set(code.files) == {"blind_probe/__init__.py", "blind_probe/cards.py", "blind_probe/probe.py"}
        (installed / "blind_probe" / "neighbour.py").write_text("")
        assert hosting.locate(code.target).digest == before
        with (installed / "blind_probe" / "cards.py").open("a") as file:
            file.write("\n")
        assert hosting.locate(code.target).digest != before

    def test_the_digest_does_not_depend_on_where_the_code_is(
        self, installed: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        here = hosting.locate("blind_probe.probe").digest
        other = worker_methods.install(tmp_path_factory.mktemp("other"))
        files = {name: other / name for name in hosting.locate("blind_probe.probe").files}
        assert hosting.digest(files) == here
        first, second = list(files)[:2]
        assert hosting.digest(files | {first: files[second], second: files[first]}) != here

    def test_nothing_is_imported_by_looking(self, installed: Path) -> None:
        hosting.locate("blind_probe.probe")
        assert hosting.locate("blind_broken").files
        assert not {"blind_probe", "blind_broken"} & set(sys.modules)

    def test_code_that_is_not_there(self) -> None:
        for target in ("no_such_package.method", "services.analysis.methods.no_such_method"):
            with pytest.raises(hosting.NotFoundError):
                hosting.locate(target)

    def test_code_from_elsewhere_needs_a_complete_sandbox(self) -> None:
        assert hosting.Code(BUILT_IN[0], {}).sandbox(Sandbox.BUILT_IN) is Sandbox.PREFER
        assert hosting.Code("elsewhere.method", {}).sandbox(Sandbox.BUILT_IN) is Sandbox.REQUIRE
        assert hosting.Code("elsewhere.method", {}).sandbox(Sandbox.OFF) is Sandbox.OFF


class TestVerdict:
    def test_good_outputs(self, tmp_path: Path, card: MethodCard) -> None:
        verdict = judge(ended(), written(tmp_path, tables__counts=TABLE, figures__bars=FIGURE), card)
        assert verdict.outcome is Outcome.SUCCEEDED
        assert [(output.kind, output.name) for output in verdict.outputs] == [
            (OutputKind.TABLE, "counts"),
            (OutputKind.FIGURE, "bars"),
        ]

    @pytest.mark.parametrize(
        "files",
        [
            {},
            {"tables__counts": "{"},
            {"tables__counts": "[" * 100_000},
            {"tables__counts": "[1]"},
            {"tables__counts": '{"rows": NaN}'},
            {"tables__counts": TABLE | {"rows": [[1]]}},
            {"tables__counts": TABLE | {"rows": [["x", 1, 1, float("nan")]]}},
            {"tables__counts": TABLE | {"more": 1}},
            {"tables__counts": TABLE | {"columns": TABLE["columns"][:1] * 2}},  # type: ignore[index]  # a list of columns
            {"tables__counts": TABLE | {"columns": [{**TABLE["columns"][3], "of": None}], "rows": []}},  # type: ignore[index]  # as above
            {"tables__other": TABLE},
            {"tables__counts": TABLE, "figures__bars": {"data": {"values": [1]}}},
            {"tables__counts": TABLE, "figures__bars": {"data": {"name": "elsewhere"}}},
            {"tables__counts": TABLE, "figures__bars": FIGURE | {"layer": [{"data": {"url": "http://x"}}]}},
            {"figures__bars": FIGURE},
            {"metrics__quality": {"name": "quality", "figures": [{"name": "auc", "value": 1}]}},
        ],
    )
    def test_outputs_that_are_not_valid(self, tmp_path: Path, card: MethodCard, files: dict[str, object]) -> None:
        verdict = judge(ended(), written(tmp_path, **files), card)
        assert verdict.reason is not None
        assert (verdict.reason.code, verdict.outputs) == ("method-output-invalid", [])

    @pytest.mark.parametrize("line", ["{}", '{"pseudonym": "name", "score": 1, "reasons": []}', "nonsense"])
    def test_a_restricted_list_that_is_not_valid(self, tmp_path: Path, card: MethodCard, line: str) -> None:
        (tmp_path / "restricted_list.ndjson").write_text(line + "\n")
        verdict = judge(ended(), written(tmp_path), card)
        assert verdict.reason is not None
        assert verdict.reason.code == "method-output-invalid"

    def test_links_pipes_and_second_names_are_no_outputs(self, tmp_path: Path) -> None:
        (tmp_path / "plain").write_text("{}")
        (tmp_path / "link").symlink_to("plain")
        (tmp_path / "folder").symlink_to("/etc")
        os.mkfifo(tmp_path / "pipe")
        assert outputs.read(str(tmp_path), "plain") == b"{}"
        os.link(tmp_path / "plain", tmp_path / "second")
        for path in (("link",), ("pipe",), ("second",), ("folder", "hostname"), (".",)):
            with pytest.raises(InvalidError):
                outputs.read(str(tmp_path), *path)

    def test_too_large(self, tmp_path: Path, card: MethodCard) -> None:
        with (tmp_path / "outcome.json").open("wb") as file:
            file.truncate(10 << 30)
        verdict = judge(ended(), str(tmp_path), card)
        assert verdict.reason is not None
        assert verdict.reason.code == "method-output-invalid"

    @pytest.mark.parametrize("why", list(Why))
    def test_every_end_by_the_launcher_has_a_sentence(self, tmp_path: Path, card: MethodCard, why: Why) -> None:
        verdict = judge(ended(-9, why), str(tmp_path), card)
        assert verdict.reason is not None
        assert verdict.reason.detail.startswith(SENTENCES[verdict.reason.code])

    @pytest.mark.parametrize("told", ["{}", "[]", '{"status": "x"}', '{"status": "crashed", "exception": "900101-1234567"}'])
    def test_a_strangers_words_are_not_passed_on(self, tmp_path: Path, card: MethodCard, told: str) -> None:
        verdict = judge(ended(), written(tmp_path, outcome=told), card)
        assert verdict.reason is not None
        assert verdict.reason.detail == SENTENCES["method-crashed"]

    def test_plain_words(self) -> None:
        assert plain("a\n\x1b[31mb\u202ec\ud800d 두레", 100) == "a [31mb c d 두레"
        assert len(plain("x" * 1000, 500)) == 500


SHARED = """
import nested.tools.deep.thing

CARD = {"name": "no card"}

def run(bundle, report):
    raise SystemExit(nested.tools.deep.thing.VALUE)
"""


class TestLauncher:
    async def test_a_method_imports_what_its_package_shares(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also from packages within packages, whose own files run when anything in them is imported."""
        for folder in ("nested", "nested/tools", "nested/tools/deep"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "__init__.py").write_text(f'"""{folder}"""\n')
        (tmp_path / "nested/tools/__init__.py").write_text("import nested.tools.beside\n")
        (tmp_path / "nested/tools/beside.py").write_text("VALUE = 9\n")
        (tmp_path / "nested/tools/deep/thing.py").write_text("VALUE = 7\n")
        (tmp_path / "nested/tools/other.py").write_text("VALUE = 8\n")
        (tmp_path / "nested/method.py").write_text(SHARED)
        monkeypatch.syspath_prepend(str(tmp_path))
        code = hosting.locate("nested.method")
        shared = {f"nested/tools/{name}.py" for name in ("__init__", "beside", "deep/__init__", "deep/thing")}
        assert shared < set(code.files)
        assert "nested/tools/other.py" not in code.files
        launcher = Launcher()
        try:
            with own_folder(tmp_path / "scratch") as mine, run_folders(mine) as folders:
                work, bundle, log = str(folders.work), str(folders.bundle), tmp_path / "log"
                job = Job(Task.RUN, "nested.method", work, bundle, code.readable, sandbox=Sandbox.PREFER, log=str(log))
                await launcher.run(job, lambda progress, message: None)
        finally:
            await launcher.stop()
        assert "SystemExit: 7" in log.read_text()

    async def test_foreign_code_does_not_run_where_a_layer_is_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A launcher that is itself denied Landlock, as in many containers."""
        denied = tmp_path / "denied"
        denied.mkdir()
        (denied / "sitecustomize.py").write_text("from services.analysis.worker import landlock\nlandlock.version = lambda: 0\n")
        monkeypatch.syspath_prepend(str(denied))
        marker = tmp_path / "ran"
        (tmp_path / "blind_marker.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        launcher = Launcher()
        try:
            with own_folder(tmp_path / "scratch") as mine, run_folders(mine) as folders:
                job = Job(Task.DESCRIBE, "blind_marker", str(folders.work), str(folders.bundle), sandbox=Sandbox.REQUIRE)
                report = await launcher.run(job, lambda progress, message: None)
                assert (report.exit, report.layers.landlock) == (77, 0)
                assert not marker.exists()
                off = Job(Task.DESCRIBE, "blind_marker", str(folders.work), str(folders.bundle), sandbox=Sandbox.OFF)
                await launcher.run(off, lambda progress, message: None)
                assert marker.exists()
        finally:
            await launcher.stop()


def test_a_token_file_that_changes(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "token")
    assert tokens.read() == ""
    tokens.path.write_text("first\n")
    assert tokens.read() == "first"
    replacement = tmp_path / "new"
    replacement.write_text("other")
    replacement.replace(tokens.path)
    assert tokens.read() == "other"
    tokens.path.unlink()
    assert tokens.read() == "other"


async def test_heartbeats_end_at_whatever_turn_they_are_told_to(card: MethodCard, tmp_path: Path) -> None:
    """Also while they wake up for news: a slot whose heartbeats went on would take no further run."""
    stub = Stub().start()
    run = stub.queue(StubRun("probe", lease=300, token="token", fence=1))
    client = Client(stub.url, TokenFile(tmp_path / "token"), uuid4())
    told = {"run_id": run.run_id, "fence": 1, "lease_seconds": 300, "token": "token", "resources": {"seconds": 1, "memory_mb": 1}}
    claim = Claim.model_validate(told | {"method": {"name": "probe", "version": "1.0.0", "digest": "0" * 64}})
    hosted = hosting.Hosted(hosting.Code("probe", {}), card, "0" * 64)
    try:
        for turns in range(5):
            execution = Execution(client, Launcher(), claim, hosted, tmp_path, Sandbox.OFF)
            beating = asyncio.create_task(execution._heartbeats())
            while not execution._news._waiters:  # only then does it listen
                await asyncio.sleep(0.01)
            execution._on_progress(0.5, "half way")
            for _ in range(turns):
                await asyncio.sleep(0)
            beating.cancel()
            with pytest.raises(asyncio.CancelledError):
                async with asyncio.timeout(10):
                    await beating
    finally:
        await client.close()
        stub.stop()
