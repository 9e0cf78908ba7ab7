"""A stock worker with a scheduler: runs of hosted models are scored on nodes, end as they do without, and never hang."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from distributed import Client

from services.analysis.worker import hosting
from services.analysis.worker.cluster import Cluster, ClusterError
from services.analysis.worker.engine import Certificates
from services.analysis.worker.engine.dask import security
from services.analysis.worker.folders import LOCK, PREFIX
from services.analysis.worker.onnx_method import BLOCK
from services.analysis.worker.options import parse
from shared.contracts import Outcome, OutputKind
from tests.analysis import onnx_models, worker_methods
from tests.analysis.certificates import Authority
from tests.analysis.engine_process import ROOT, started
from tests.analysis.weighted_models import above_its_block, hungry, weighted
from tests.analysis.worker_process import WorkerProcess
from tests.analysis.worker_stub import Stub, StubRun, eventually

ASKER = """
import json, os
from blind_probe.cards import card, text
from services.analysis.worker.sdk import Outputs, Question

CARD = card("asker")

def blocks(bundle, size):
    for piece in bundle.pieces(["income__wages"], size):
        yield piece["income__wages"].astype("f4").reshape(-1, 1)

def run(bundle, report):
    told = bundle.parameters
    report(0.25, "asking")
    if files := told.get("files"):
        os.makedirs("asked")
        for name, what in files.items():
            os.symlink(what, f"asked/{name}") if what.startswith("/") else open(f"asked/{name}", "w").write(what)
        open("asked/question.json", "w").write(json.dumps({"question": {"features": ["w"]}, "sizes": [2]}))
        os.write(3, b'{"ask": true}\\n')
        return outputs([int((bundle.folder / "answer.f32").exists())], os.read(4, 1).decode())
    model = bytes.fromhex(told["model"])
    if size := told.get("size"):
        found = bundle.answers(model, blocks(bundle, size), Question(("wages",)))
    else:
        found = bundle.score(model, ["income__wages"])
    return outputs([len(found)], found.tobytes().hex()[-400:], float(found.astype("f8").sum()))

def outputs(counts, words, total=0.0):
    rows = [[words[:200], count] for count in counts] + [[str(total), 1]]
    columns = [{"name": "year", "title": text("year"), "kind": "dimension"}, {"name": "n", "title": text("n"), "kind": "count"}]
    return Outputs({"counts": {"name": "counts", "title": text("counts"), "columns": columns, "rows": rows, "notes": None}})
"""
PARTS = 4
ROWS = BLOCK * (PARTS - 1) + 1000
Nodes = list[subprocess.Popen[str]]


@dataclass
class Engine:
    """A scheduler with two nodes, and the folder that they share."""

    scheduler: str
    authority: Authority
    root: Path
    nodes: Nodes

    def options(self, **other: Any) -> tuple[str, ...]:
        """Of a worker that has its models scored here."""
        own: Certificates = other.get("certificates") or self.authority.sign("worker")
        told = {"scheduler": other.get("scheduler", self.scheduler), "root": other.get("root", self.root), **vars(own)}
        return tuple(word for name, value in told.items() for word in (f"--{name}", str(value)))

    def node(self, name: str, root: Path | None = None) -> Any:
        own = self.authority.sign(name)
        return started("node", own, "--scheduler", self.scheduler, "--root", str(root or self.root))

    def asked(self) -> Any:
        """Its scheduler, which knows what each node is at."""
        return Client(self.scheduler, security=security(self.authority.sign("asking")), set_as_default=False)

    def left(self) -> list[str]:
        """What runs left in the shared folder."""
        return [path.name for path in self.root.iterdir() if path.name != ".dask"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    authority, root = Authority(folder / "authority"), folder / "root"
    root.mkdir()
    with started("scheduler", authority.sign("scheduler"), "--port", "0") as (_, address):
        engine = Engine(address, authority, root, [])
        with engine.node("first") as (first, _), engine.node("second") as (second, _):
            engine.nodes += [first, second]
            yield engine


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, body = tmp_path_factory.mktemp("hosted") / "models", above_its_block(2)
    told: dict[str, Any] = {"output": "score", "position": 0, "missing_values": True}
    onnx_models.write(folder / "above", onnx_models.manifest(onnx_models.card("above"), **told), body)
    onnx_models.write(folder / "hungry", onnx_models.manifest(onnx_models.card("hungry"), **told), hungry(2))
    onnx_models.write(folder / "refusing", onnx_models.manifest(onnx_models.card("refusing"), output="nothing"), body)
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three rows of each person, in no order; wages that are missing, regions that the manifest does not know."""
    path = tmp_path_factory.mktemp("table") / "linked.parquet"
    regions = ", ".join(f"'{region}'" for region in (*onnx_models.REGIONS, "제주"))
    cells = f"""sha256((hash(i) % {ROWS // 3})::VARCHAR) AS pseudonym, [{regions}][(1 + hash(i * 7) % 4)::INT] AS income__region,
        CASE WHEN i % 11 = 0 THEN NULL ELSE hash(i * 3) % 1000000 / 7 END AS income__wages"""
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {cells} FROM range({ROWS}) t(i)) TO '{path}' (ROW_GROUP_SIZE 20480)")
    return path.read_bytes()


@dataclass
class House:
    """A worker, and the service that it works for."""

    stub: Stub
    worker: WorkerProcess
    table: bytes

    def queue(self, name: str = "above", lease: float = 30.0, memory: int = 1024, **told: Any) -> StubRun:
        given = {"capacity": 50} if name != "asker" else told
        return self.stub.queue(StubRun(name, given, {"linked.parquet": self.table}, 300, memory, lease))

    def ended(self, run: StubRun) -> StubRun:
        eventually(lambda: run.finish is not None, self.worker)
        return run

    def logged(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.worker.log if line["message"] == message]


@contextmanager
def house(folder: Path, models: Path, table: bytes, *options: str) -> Iterator[House]:
    """A worker that hosts the models and what asks."""
    stub, imports = Stub().start(), worker_methods.install(folder / "imports", "asker = blind_probe.asker")
    (imports / "blind_probe" / "asker.py").write_text(ASKER)
    options = ("--models", str(models), *options)
    worker = WorkerProcess(stub.url, folder, imports, stub.worker_token, options, hosted=["asker"])
    try:
        worker.ready()
        yield House(stub, worker, table)
    finally:
        worker.end()
        stub.stop()


@pytest.fixture(scope="module")
def spread(engine: Engine, models: Path, table: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("spread"), models, table, *engine.options()) as opened:
        yield opened


@pytest.fixture(scope="module")
def alone(models: Path, table: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("alone"), models, table) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(alone: House) -> StubRun:
    """The same run, by a worker that was given no scheduler."""
    run = alone.ended(alone.queue())
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED, run.finish.reason
    assert set(run.artefacts) == {(OutputKind.TABLE, "score_bands"), (OutputKind.METRICS, "summary"), HIGHEST}
    assert len(run.artefacts[HIGHEST].splitlines()) == 50
    return run


COUNTS = (OutputKind.TABLE, "counts")
HIGHEST = (OutputKind.RESTRICTED_LIST, "highest")


@contextmanager
def frozen(nodes: Nodes) -> Iterator[None]:
    """They take partitions, and finish none."""
    for node in nodes:
        node.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            node.send_signal(signal.SIGCONT)


def same(run: StubRun, expected: StubRun) -> None:
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED, run.finish.reason
    assert run.artefacts == expected.artefacts


def test_a_run_gives_the_same_bytes_with_an_engine(engine: Engine, spread: House, expected: StubRun) -> None:
    run = spread.ended(spread.queue())
    same(run, expected)
    (told,) = spread.logged("scores came from the engine")
    assert (told["run"], told["scheduler"], told["rows"]) == (str(run.run_id), engine.scheduler, ROWS)
    assert any(beat.message.endswith(f"of {PARTS} partitions scored on the engine") for beat in run.beats)
    assert engine.left() == []
    assert spread.worker.left_in_scratch() == []


def test_a_node_that_is_killed_in_the_middle_changes_nothing(engine: Engine, spread: House, expected: StubRun) -> None:
    with ExitStack() as stack:
        third, address = stack.enter_context(engine.node("third"))
        client = stack.enter_context(engine.asked())
        client.wait_for_workers(3, timeout=60)
        stack.enter_context(frozen([third]))
        with frozen(engine.nodes):
            run = spread.queue()
            eventually(lambda: client.processing()[address])
        eventually(lambda: "partitions scored" in run.said and not run.said.startswith("0"))
        assert run.finish is None, "what the third has taken is missing"
        third.kill()
        assert third.wait(10) == -signal.SIGKILL
        same(spread.ended(run), expected)
    assert engine.left() == []


def test_a_run_that_is_cancelled_or_lost_gives_its_partitions_up(engine: Engine, spread: House, expected: StubRun) -> None:
    with frozen(engine.nodes):
        cancelled = spread.queue()
        eventually(lambda: cancelled.said.startswith("0 of"))
        assert len(engine.left()) == 1
        cancelled.cancelled = True
        ended = spread.ended(cancelled).finish
        assert ended is not None
        assert ended.outcome is Outcome.CANCELLED
        assert engine.left() == []
        lost = spread.queue(lease=1.0)
        eventually(lambda: lost.said.startswith("0 of"))
        lost.reclaim()
        eventually(lambda: spread.logged("the run is no longer ours"))
        assert (engine.left(), lost.finish) == ([], None)
    same(spread.ended(spread.queue()), expected)
    assert engine.left() == []


def test_a_model_that_refuses_its_rows_says_so_itself(spread: House, alone: House) -> None:
    run, other = spread.ended(spread.queue("refusing")), alone.ended(alone.queue("refusing"))
    assert run.finish is not None
    assert run.finish == other.finish
    assert run.finish.reason is not None
    assert run.finish.reason.code == "method-refused-input"


def test_a_model_that_would_take_a_node_down_takes_its_own_child_down(engine: Engine, spread: House, expected: StubRun) -> None:
    """A block more memory than the card allows: on a node it is as it is without one, and the node goes on."""
    run = spread.ended(spread.queue("hungry", memory=300))
    assert run.finish is not None
    assert run.finish.reason is not None
    assert run.finish.reason.code in ("method-memory", "method-crashed"), run.finish
    assert [node.poll() for node in engine.nodes] == [None, None]
    same(spread.ended(spread.queue()), expected)
    assert engine.left() == []


# What a method that is code asks.


@pytest.mark.parametrize("size", [None, BLOCK // 2 + 3])
def test_what_a_method_asks_is_answered_by_the_nodes_in_the_same_bytes(
    engine: Engine, spread: House, alone: House, size: int | None
) -> None:
    told: dict[str, Any] = {"model": above_its_block(1).hex(), "size": size}
    answers = len(spread.logged("an answer came from the engine"))
    run, other = spread.ended(spread.queue("asker", **told)), alone.ended(alone.queue("asker", **told))
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED, run.finish.reason
    assert run.artefacts == other.artefacts
    assert json.loads(run.artefacts[COUNTS])["rows"][0][1] == ROWS
    new = spread.logged("an answer came from the engine")[answers:]
    assert [line["run"] for line in new] == [str(run.run_id)] * len(new)
    assert sum(line["rows"] for line in new) == ROWS
    assert engine.left() == []
    assert spread.worker.left_in_scratch() == []


def test_what_no_node_can_answer_the_method_answers_or_says_itself(engine: Engine, spread: House, alone: House) -> None:
    wrong: dict[str, Any] = {"model": weighted([1, 2]).hex()}
    run, other = spread.ended(spread.queue("asker", **wrong)), alone.ended(alone.queue("asker", **wrong))
    assert run.finish is not None
    assert run.finish == other.finish
    assert run.finish.reason is not None
    assert run.finish.reason.code == "method-crashed"
    assert spread.logged("the engine does not answer what is asked; the child does")
    assert engine.left() == []


def test_a_question_cannot_lead_out_of_the_childs_folder(engine: Engine, spread: House, alone: House) -> None:
    for one, files in ((spread, {"rows.f32": "/etc/passwd"}), (spread, {"model.onnx": "/proc/self/environ"}), (alone, {})):
        run = one.ended(one.queue("asker", files={"model.onnx": "", "rows.f32": "12345678"} | files))
        assert run.finish is not None
        assert run.finish.outcome is Outcome.SUCCEEDED, run.finish.reason
        assert json.loads(run.artefacts[COUNTS])["rows"][0] == ["u", 0]
    assert engine.left() == []


def test_a_run_whose_question_nobody_answers_ends(engine: Engine, spread: House) -> None:
    """Cancelled while it waits."""
    told: dict[str, Any] = {"model": above_its_block(1).hex()}
    with frozen(engine.nodes):
        cancelled = spread.queue("asker", **told)
        eventually(lambda: cancelled.said == "0 of 2 partitions scored on the engine")
        assert cancelled.beats[-1].progress == 0.25, "the method's own"
        cancelled.cancelled = True
        ended = spread.ended(cancelled).finish
        assert ended is not None
        assert ended.outcome is Outcome.CANCELLED
        assert engine.left() == []


def test_what_a_killed_worker_left_is_removed(
    engine: Engine, models: Path, table: bytes, spread: House, expected: StubRun, tmp_path: Path
) -> None:
    with house(tmp_path, models, table, *engine.options()) as first, frozen(engine.nodes):
        run = first.queue()
        eventually(lambda: run.said.startswith("0 of"))
        first.worker.kill()
        assert len(engine.left()) == 1
    same(spread.ended(spread.queue()), expected)
    assert engine.left() == []


def test_a_scheduler_that_is_away_fails_the_run(engine: Engine, models: Path, table: bytes, tmp_path: Path) -> None:
    with started("scheduler", engine.authority.sign("gone"), "--port", "0") as (_, gone):
        pass
    left = engine.root / f"{PREFIX}left"
    left.mkdir()
    (left / LOCK).touch()
    with house(tmp_path, models, table, *engine.options(scheduler=gone)) as away:
        assert engine.left() == [], "what somebody left there is removed at the start"
        finish = away.ended(away.queue()).finish
        assert finish is not None
        assert finish.reason is not None
        assert (finish.outcome, finish.reason.code) == (Outcome.FAILED, "engine-failed")
        assert "could not be reached" in finish.reason.detail
        asked = away.ended(away.queue("asker", model=above_its_block(1).hex())).finish
        assert asked is not None
        assert asked.reason == finish.reason
    assert engine.left() == []


async def asked(engine: Engine, models: Path, bundle: Path, **other: Any) -> Any:
    """The scores of a worker with these options, without the worker around them."""
    given: dict[str, Any] = {
        "scheduler": engine.scheduler,
        "certificates": engine.authority.sign("asking"),
        "root": engine.root,
    }
    given |= other
    seconds = given.pop("seconds", 300)
    code = hosting.locate(f"{hosting.MODEL}{models / 'above'}")
    return await Cluster(**given).scores(code, bundle, 1024, seconds, lambda progress, message: None)


async def test_what_an_engine_can_do_wrong_has_a_sentence(engine: Engine, models: Path, table: bytes, tmp_path: Path) -> None:
    (tmp_path / "linked.parquet").write_bytes(table)
    foreign = Authority(tmp_path / "foreign").sign("worker", trusting=engine.authority.path)
    with pytest.raises(ClusterError, match="could not be reached"):
        await asked(engine, models, tmp_path, certificates=foreign)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(ClusterError, match="FileNotFoundError"):
        await asked(engine, models, tmp_path, root=tmp_path / "elsewhere")
    with frozen(engine.nodes), pytest.raises(ClusterError, match="longer than the method card allows"):
        await asked(engine, models, tmp_path, seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(ClusterError, match="longer than the method card allows"):
        await asked(engine, models, tmp_path, scheduler=f"tls://127.0.0.1:{mute.getsockname()[1]}", seconds=0.5)
    assert len(await asked(engine, models, tmp_path)) == ROWS
    (tmp_path / "linked.parquet").write_bytes(table[:1000])
    assert await asked(engine, models, tmp_path) is None, "the child says what is wrong with a table"
    with duckdb.connect() as connection:
        (tmp_path / "linked.parquet").write_bytes(table)
        connection.execute(f"COPY (SELECT * FROM '{tmp_path}/linked.parquet' WHERE false) TO '{tmp_path}/empty.parquet'")
    (tmp_path / "empty.parquet").replace(tmp_path / "linked.parquet")
    assert len(await asked(engine, models, tmp_path)) == 0
    assert [*engine.left(), *(tmp_path / "elsewhere").iterdir()] == []


def command_line(*options: str) -> list[str]:
    return ["--url", "http://127.0.0.1:1", "--token-file", "token", *options]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told[:4], "goes with --root, --authority, --certificate, --key"),
        (lambda told: told[2:], "goes with --root"),
        (lambda told: ("--scheduler", "tcp://127.0.0.1:1", *told[2:]), "--scheduler is tls://host:port"),
        (lambda told: (*told[:-1], "/nowhere.key"), "--key: there is nothing at /nowhere.key"),
    ],
)
def test_an_engine_is_named_completely_or_not_at_all(
    engine: Engine, change: Callable[[tuple[str, ...]], tuple[str, ...]], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(command_line(*change(engine.options())))
    assert ended.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.heavy
def test_where_the_library_is_missing_a_worker_says_so_when_it_starts(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['distributed'] = None\n")
    command = [sys.executable, "-m", "services.analysis.worker", *command_line(*engine.options())]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "requirements/engine.txt" in done.stderr.splitlines()[-1]
