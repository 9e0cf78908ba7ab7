"""One worker process, many runs: whatever a method does, the service hears the right reason and the next run works."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from services.analysis.worker import landlock
from shared.contracts import Outcome, OutputKind
from tests.analysis import worker_methods
from tests.analysis.weighted_models import weighted
from tests.analysis.worker_process import WorkerProcess
from tests.analysis.worker_stub import Stub, StubRun, eventually
from tests.processes import gone

pytestmark = pytest.mark.heavy
Start = Callable[..., StubRun]
HOSTED = ("probe", "broken", "missing", "no_card")
confined = pytest.mark.skipif(
    landlock.version() < 1 or os.uname().machine != "x86_64", reason="this machine has no Landlock or no table of system calls"
)


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("linked") / "linked.parquet"
    with duckdb.connect(":memory:") as connection:
        rows = "SELECT 'a' AS pseudonym, 30.0 AS income__wages UNION ALL SELECT 'b', NULL UNION ALL SELECT 'c', 12.0"
        connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    stub = Stub().start()
    yield stub
    stub.stop()


def run_worker(stub: Stub, folder: Path, cards: Path) -> Iterator[WorkerProcess]:
    methods = worker_methods.install(folder / "methods")
    worker = WorkerProcess(stub.url, folder / "worker", methods, stub.worker_token, hosted=HOSTED, cards=cards)
    try:
        assert worker.ready() == ["probe@1.0.0"]
        yield worker
        assert worker.process.poll() is None, worker.log_file.read_text()
        assert worker.left_in_scratch() == []
    finally:
        assert worker.end() == 0
    assert list(worker.scratch.iterdir()) == []


@pytest.fixture(scope="module")
def worker(stub: Stub, tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Iterator[WorkerProcess]:
    yield from run_worker(stub, tmp_path_factory.mktemp("confined"), cards)


@pytest.fixture
def start(stub: Stub, worker: WorkerProcess, linked: bytes) -> Iterator[Start]:
    """Whatever the run of a test did, the next one works."""
    start = starter(stub, linked)
    yield start
    assert finished(start("succeed")) == ""


def starter(stub: Stub, linked: bytes) -> Start:
    def start(do: str, *, seconds: int = 300, memory_mb: int = 256, lease: float = 30.0, **parameters: object) -> StubRun:
        run = StubRun("probe", {"do": do, **parameters}, {"linked.parquet": linked}, seconds, memory_mb, lease)
        return stub.queue(run)

    return start


def finished(run: StubRun) -> str:
    """The reason's code, or "" for a success; a failed run has no artefacts."""
    eventually(lambda: run.finish is not None)
    assert run.finish is not None
    if run.finish.reason is None:
        assert len(run.finish.artefacts) in (4, 5)  # what slept or struggled makes no model
        return ""
    assert run.finish.artefacts == []
    return run.finish.reason.code


def sentence(run: StubRun) -> str:
    assert run.finish is not None
    assert run.finish.reason is not None
    return run.finish.reason.detail


def test_a_good_method_gives_every_kind_of_output(start: Start) -> None:
    run = start("succeed")
    assert finished(run) == ""
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED
    table = json.load(io.BytesIO(run.artefacts[OutputKind.TABLE, "counts"]))
    assert table["rows"] == [[2012, 42]]
    assert json.loads(run.artefacts[OutputKind.RESTRICTED_LIST, "cases"])["pseudonym"] == "ab" * 32
    assert run.artefacts[OutputKind.MODEL, "scorer"] == b"a model"
    assert [(alarm.code, alarm.feature) for alarm in run.finish.alarms] == [("leaking-feature", "income__wages")]
    assert {kind for kind, _ in run.artefacts} == set(OutputKind) - {OutputKind.LOG}


def test_work_in_bulk_spills_and_scores_inside_the_sandbox(start: Start) -> None:
    model = weighted([2]).hex()
    for run, rows in (
        (start("spill", memory_mb=200), [[2012, 1_000_000]]),
        (start("score", model=model), [[2012, 42], [2013, 84]]),
    ):
        assert finished(run) == ""
        assert json.load(io.BytesIO(run.artefacts[OutputKind.TABLE, "counts"]))["rows"] == rows


@pytest.mark.parametrize(
    ("do", "code"),
    [
        ("crash", "method-crashed"),
        ("silent_exit", "method-crashed"),
        ("loud_exit", "method-crashed"),
        ("abort", "method-crashed"),
        ("threads", "method-crashed"),
        ("allocate", "method-memory"),
        ("share", "method-memory"),
        ("not_outputs", "method-output-invalid"),
        ("nan", "method-output-invalid"),
        ("an_object", "method-output-invalid"),
        ("ragged", "method-output-invalid"),
        ("undeclared", "method-output-invalid"),
        ("huge", "method-output-invalid"),
        ("inline_figure", "method-output-invalid"),
        ("odd_name", "method-output-invalid"),
        ("recursive", "method-output-invalid"),
        ("forge_text", "method-output-invalid"),
        ("fill", "method-output-invalid"),
        ("refuse", "method-refused-input"),
        ("shout", ""),
        ("chatter", ""),
    ],
)
def test_each_fault_has_its_reason(start: Start, do: str, code: str) -> None:
    assert finished(start(do, memory_mb=200)) == code


def test_why_the_centre_does_not_take_a_model_reaches_the_requester(start: Start) -> None:
    run = start("pickled")
    assert finished(run) == "method-output-invalid"
    assert sentence(run).endswith("The centre did not accept an output (pickle).")


@pytest.mark.parametrize("do", ["hang", "sleep"])
def test_too_slow_is_a_timeout(start: Start, do: str) -> None:
    assert finished(start(do, seconds=1)) == "method-timeout"


def test_a_reason_holds_no_value_of_the_data(start: Start) -> None:
    crashed, left, refused = start("crash"), start("loud_exit"), start("refuse")
    for run in (crashed, left, refused):
        finished(run)
        assert not re.search(r"\d{6}|[\x00-\x1f]", sentence(run))
    assert sentence(crashed).endswith("Kind of error: KeyError.")
    assert "too-few-rows" in sentence(refused)
    assert "fewer than 100 households" in sentence(refused)


def test_what_a_method_reports_is_bounded_and_cleaned(start: Start) -> None:
    run = start("chatter")
    assert finished(run) == ""
    assert run.said == "[2J"
    assert all(len(beat.message) <= 200 for beat in run.beats)


def test_a_forged_output_never_reads_another_file(start: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    run = start("forge", secret=str(secret))
    assert finished(run) == "method-output-invalid"
    assert run.artefacts == {}


def test_a_pipe_in_place_of_an_output_stops_nobody(start: Start) -> None:
    assert finished(start("forge_pipe")) in ("method-output-invalid", "method-crashed")


def test_the_child_has_an_empty_environment_and_a_private_folder(start: Start) -> None:
    run = start("environment")
    assert finished(run) == ""
    said = [beat.message for beat in run.beats if "|" in beat.message]
    assert said[-1] == "HOME,LANG,OMP_NUM_THREADS,ORT_DISABLE_TELEMETRY,TMPDIR|True|0o700|5||True"


def test_the_same_run_gives_the_same_bytes(start: Start) -> None:
    first, second = start("random_numbers"), start("random_numbers")
    assert finished(first) == finished(second) == ""
    assert first.artefacts == second.artefacts


def test_cancelling_kills_the_method_at_once(start: Start, worker: WorkerProcess) -> None:
    run = start("hang", seconds=300)
    eventually(lambda: run.said.isdigit())
    run.cancelled = True
    assert finished(run) == "cancelled"
    assert run.finish is not None
    assert run.finish.outcome is Outcome.CANCELLED
    assert gone(int(run.said))


def test_a_stale_claim_is_dropped(start: Start) -> None:
    run = start("hang", seconds=300, lease=1.5)
    eventually(lambda: run.said.isdigit())
    run.reclaim()
    eventually(lambda: gone(int(run.said)))
    assert run.finish is None
    assert "finish" not in run.stale_calls


def test_a_corrupt_bundle_is_not_run(stub: Stub, start: Start) -> None:
    run = start("succeed")
    run.corrupt = True
    assert finished(run) == "input-corrupt"


def test_a_finish_is_repeated_until_it_is_taken(stub: Stub, start: Start) -> None:
    stub.fail_next("/finish", 503, -500, 429)
    stub.fail_next("/bundle", 502)
    stub.fail_next("/linked.parquet", 503)
    assert finished(start("succeed")) == ""
    eventually(lambda: stub.faults["/finish"] == [])


def test_a_rotated_token_is_read_again(stub: Stub, worker: WorkerProcess, start: Start) -> None:
    stub.worker_token = "worker-token-2"
    run = start("succeed")
    eventually(lambda: stub.refused_tokens > 0 or run.finish)
    worker.token_file.write_text("worker-token-2")
    assert finished(run) == ""


@confined
@pytest.mark.parametrize("do", ["read_outside", "write_outside", "change_input", "connect", "execute", "breed", "kill_parent"])
def test_a_confined_method_reaches_nothing_outside(stub: Stub, start: Start, tmp_path: Path, do: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    run = start(do, secret=str(secret), port=stub.port)
    assert finished(run) == "method-crashed"
    assert sentence(run).endswith("PermissionError.")
    assert secret.read_text() == "secret"


def test_only_reviewed_code_that_gives_a_card_is_announced(stub: Stub, worker: WorkerProcess) -> None:
    assert set(stub.methods) == {("probe", "1.0.0")}
    faults = {line["method"]: line["error"] for line in worker.log if line["message"] == "a method cannot be hosted"}
    assert faults == {
        "blind_broken": "UnloadableError",
        "blind_missing.method": "NotFoundError",
        "blind_no_card": "UnloadableError",
    }


def test_every_log_line_is_json_without_data(worker: WorkerProcess) -> None:
    assert {line["service"] for line in worker.log} == {"worker"}
    for private in ("900101-1234567", "123456", "household", "worker-token", "half way"):
        assert private not in worker.log_file.read_text()
