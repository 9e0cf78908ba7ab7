"""The life of a worker process: late service, several workers, SIGTERM, kill -9, code that changes, no sandbox.

Each test has a worker of its own, as most of them end it; it hosts one method, whose card is read once."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from services.analysis.methods import BUILT_IN
from shared.contracts import Outcome, OutputKind
from tests.analysis import worker_methods
from tests.analysis.worker_process import WorkerProcess
from tests.analysis.worker_stub import Stub, StubRun, eventually
from tests.processes import gone

pytestmark = pytest.mark.heavy

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub().start()
    yield stub
    stub.stop()


@pytest.fixture
def methods(tmp_path: Path) -> Path:
    return worker_methods.install(tmp_path / "methods")


@pytest.fixture
def start_worker(stub: Stub, methods: Path, tmp_path: Path, cards: Path) -> Iterator[StartWorker]:
    workers: list[WorkerProcess] = []

    def start(
        *options: str, name: str = "one", ready: bool = True, sandbox: str = "prefer", hosted: Sequence[str] | None = ("probe",)
    ) -> WorkerProcess:
        told = (stub.worker_token, options, sandbox)
        workers.append(WorkerProcess(stub.url, tmp_path / name, methods, *told, hosted=hosted, cards=cards))
        if ready:
            workers[-1].ready()
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


def probe(stub: Stub, do: str, *, seconds: int = 300, lease: float = 30.0, **parameters: object) -> StubRun:
    return stub.queue(StubRun("probe", {"do": do, **parameters}, seconds=seconds, lease=lease))


def test_once_ends_after_one_run(stub: Stub, start_worker: StartWorker) -> None:
    run = probe(stub, "sleep", pause=0)
    waiting = probe(stub, "sleep", pause=0)
    worker = start_worker("--once", ready=False)
    eventually(lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 0
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED
    assert waiting.waiting


def test_a_worker_waits_for_a_service_that_is_not_up_yet(stub: Stub, start_worker: StartWorker) -> None:
    stub.fail_next("/methods", 503, 502, -500)
    stub.fail_next("/claims", 503)
    start_worker()
    run = probe(stub, "sleep", pause=0)
    eventually(lambda: run.finish)
    assert stub.faults == {"/methods": [], "/claims": []}


def test_it_announces_each_method_once_and_says_when_it_is_ready(stub: Stub, start_worker: StartWorker) -> None:
    """All that are here; the next start reads no card, and the file goes with the worker."""
    cards = [importlib.import_module(module).CARD for module in BUILT_IN]
    expected = sorted([*(f"{card.name}@{card.version}" for card in cards), "probe@1.0.0"])
    for name in ("first", "second"):
        worker = start_worker(name=name, hosted=None)
        assert worker.ready() == expected
        assert sorted("@".join(one) for one in stub.methods) == expected
        assert [announced.card for announced in map(stub.announced, (card.name for card in cards))] == cards
        (ready,) = (line for line in worker.log if line["message"] == "worker ready")
        assert (ready["hosted"], ready["methods"]) == (len(expected), expected)
        about = {line["method"]: line for line in worker.log if "method" in line}
        assert len(about) == len([line for line in worker.log if "method" in line]), "one line for each"
        assert {line["state"] for line in about.values() if "state" in line} == {"registered"}
        broken = {method for method, line in about.items() if line["message"] == "a method cannot be hosted" and line["why"]}
        assert worker.end() == 0
        assert not worker.ready_file.exists()
        assert broken == {"blind_broken", "blind_no_card"}, "what gives no card is tried again"
    assert {line["card"] for line in about.values() if line["message"] == "method announced"} == {"kept"}


def test_only_the_named_methods_are_hosted(stub: Stub, start_worker: StartWorker) -> None:
    worker = start_worker(hosted=["cross_tabulation", "probe"])
    assert {name for name, _ in stub.methods} == {"cross_tabulation", "probe"}
    assert worker.end() == 0
    wrong = start_worker(name="wrong", hosted=["probe", "cross_tabulaton"], ready=False)
    eventually(lambda: wrong.process.poll() is not None)
    assert wrong.process.returncode == 2
    assert [line["method"] for line in wrong.log if line["level"] == "error"] == ["cross_tabulaton"]


def test_two_workers_share_the_work_and_a_killed_one_takes_its_child_along(stub: Stub, start_worker: StartWorker) -> None:
    first = start_worker(name="first")
    run = probe(stub, "hang")
    eventually(lambda: run.said.isdigit())
    second = start_worker(name="second")
    other = probe(stub, "sleep", pause=0)
    eventually(lambda: other.finish)
    assert other.worker != run.worker
    family = first.family()
    assert int(run.said) in [one.pid for one in family]
    first.kill()
    eventually(lambda: all(gone(one.pid) for one in family))
    assert run.finish is None
    run.fence, run.parameters = 0, {"do": "sleep", "pause": 0}
    eventually(lambda: run.finish)
    assert run.worker == other.worker
    assert second.process.poll() is None


def test_rows_that_a_killed_worker_left_are_removed_by_the_next(stub: Stub, start_worker: StartWorker) -> None:
    first = start_worker()
    run = probe(stub, "hang")
    run.files["linked.parquet"] = b"rows"
    run.fence = 0
    eventually(lambda: run.said.isdigit())
    first.kill()
    left = list(first.scratch.iterdir())
    assert left
    start_worker()
    assert not any(folder.exists() for folder in left)


def test_sigterm_lets_a_run_end_within_the_grace(stub: Stub, start_worker: StartWorker) -> None:
    worker = start_worker()
    run = probe(stub, "sleep", pause=1)
    eventually(lambda: run.said.isdigit())
    assert worker.end() == 0
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED


def test_sigterm_gives_a_long_run_back(stub: Stub, start_worker: StartWorker) -> None:
    worker = start_worker("--grace", "0.5")
    run = probe(stub, "hang")
    eventually(lambda: run.said.isdigit())
    assert worker.end() == 0
    assert run.finish is not None
    assert run.finish.outcome is Outcome.CANCELLED
    assert gone(int(run.said))


def test_sigterm_does_not_wait_for_a_service_that_is_gone(stub: Stub, start_worker: StartWorker) -> None:
    worker = start_worker("--grace", "0.5")
    run = probe(stub, "hang")
    eventually(lambda: run.said.isdigit())
    stub.fail_next("/finish", *([503] * 1000))
    assert worker.end() == 0
    assert run.finish is None


@pytest.mark.parametrize("cancelled", [False, True])
def test_even_without_a_sandbox_no_descendant_outlives_its_run(stub: Stub, start_worker: StartWorker, *, cancelled: bool) -> None:
    start_worker(sandbox="off")
    run = probe(stub, "breed", stay=cancelled)
    eventually(lambda: len(run.said.split()) == 3)
    run.cancelled = cancelled
    eventually(lambda: run.finish)
    assert run.finish is not None
    assert run.finish.outcome is (Outcome.CANCELLED if cancelled else Outcome.SUCCEEDED)
    assert all(gone(int(pid)) for pid in run.said.split())


def test_a_killed_worker_leaves_no_process_and_no_row_even_without_a_sandbox(stub: Stub, start_worker: StartWorker) -> None:
    worker = start_worker(sandbox="off")
    run = probe(stub, "breed", stay=True)
    eventually(lambda: len(run.said.split()) == 3)
    family = worker.family()
    worker.kill()
    eventually(lambda: all(gone(pid) for pid in [*(one.pid for one in family), *map(int, run.said.split())]))
    eventually(lambda: not worker.left_in_scratch())


def test_a_dead_launcher_is_replaced(stub: Stub, start_worker: StartWorker) -> None:
    start_worker(sandbox="off")
    run = probe(stub, "kill_parent", lease=60.0)
    eventually(lambda: not run.waiting)
    good = probe(stub, "sleep", pause=0)
    eventually(lambda: good.finish)
    assert run.finish is None


def test_two_runs_at_once(stub: Stub, start_worker: StartWorker) -> None:
    start_worker("--concurrency", "2", "--grace", "0")
    stuck = probe(stub, "hang")
    eventually(lambda: stuck.said.isdigit())
    run = probe(stub, "sleep", pause=0)
    eventually(lambda: run.finish)
    assert stuck.finish is None


def test_changed_code_is_not_run_and_not_announced_again(stub: Stub, start_worker: StartWorker, methods: Path) -> None:
    worker = start_worker()
    helper = methods / "blind_probe" / "cards.py"
    helper.write_text(helper.read_text() + "\nCHANGED = True\n")
    run = probe(stub, "sleep", pause=0)
    eventually(lambda: any("code of a method has changed" in line["message"] for line in worker.log))
    assert run.finish is None
    worker.end()
    second = start_worker(name="second", ready=False)
    eventually(lambda: second.process.poll() is not None)
    assert second.process.returncode == 2
    assert any("raise the version" in line["message"] for line in second.log)


def test_what_a_method_prints_is_kept_only_if_asked_and_only_its_end(
    stub: Stub, start_worker: StartWorker, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    start_worker("--logs", str(logs))
    run = probe(stub, "shout")
    eventually(lambda: run.finish)
    kept = logs / f"{run.run_id}.log"
    assert 0 < kept.stat().st_size <= 64 * 1024
    assert kept.stat().st_mode & 0o777 == 0o600


def test_where_a_layer_is_missing_only_built_in_methods_run_and_the_centre_is_told(
    stub: Stub, start_worker: StartWorker, methods: Path
) -> None:
    """A machine without Landlock, as in many containers, and a worker that was told nothing else."""
    deny = "from services.analysis.worker import landlock\nlandlock.version = lambda: 0\n"
    (methods / "sitecustomize.py").write_text(deny)
    worker = start_worker(sandbox="built-in", hosted=["record_linkage", "probe"])
    assert {name for name, _ in stub.methods} == {"record_linkage"}
    assert {"method": "blind_probe.probe", "error": "UnloadableError"} in [
        {name: line.get(name) for name in ("method", "error")} for line in worker.log
    ]
    eventually(lambda: stub.missing_layers == ["landlock"], worker)


def test_a_log_is_sent_only_by_a_worker_that_was_told_to(stub: Stub, start_worker: StartWorker) -> None:
    quiet = start_worker("--once")
    silent = probe(stub, "shout")
    eventually(lambda: silent.finish)
    eventually(lambda: quiet.process.poll() == 0)
    start_worker("--send-logs", name="telling")
    told, failed = probe(stub, "shout"), probe(stub, "crash")
    eventually(lambda: told.finish and failed.finish)
    sent = [{name: len(data) for (kind, name), data in run.artefacts.items() if kind is OutputKind.LOG} for run in (silent, told)]
    assert sent == [{}, {"printed": 64 * 1024}]
    assert told.finish is not None
    assert OutputKind.LOG not in {one.kind for one in told.finish.artefacts}, "it is no output"
    assert b"KeyError" in failed.artefacts[OutputKind.LOG, "printed"]


def test_a_worker_without_methods_says_so(start_worker: StartWorker, stub: Stub) -> None:
    stub.fail_next("/methods", *([422] * 1000))
    worker = start_worker(ready=False)
    eventually(lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 2
    assert not worker.ready_file.exists()
    assert list(worker.scratch.iterdir()) == []
