"""The worker in one file: whatever its method does, the service hears why, and the next run works."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.analysis.worker import dure_worker
from shared.contracts import Outcome, OutputKind
from tests.analysis.worker_stub import Stub, StubRun, eventually

pytestmark = pytest.mark.heavy

PROGRAM = """
import os, sys, time
from dure_worker import Refused, Worker

def text(words): return {"ko": words, "en": words}
CARD = {
    "name": "alone", "version": "1.0.0", "title": text("alone"), "purpose": "A test.", "owner": "mohw",
    "inputs": [{"name": "income", "title": text("income"), "columns": [{"name": "wages", "type": "number"}]}],
    "linkage": {"key_domain": "person", "base": "income"}, "parameters": {"type": "object"},
    "outputs": [{"name": "counts", "kind": "table", "title": text("counts")},
                {"name": "cases", "kind": "restricted_list", "title": text("cases")},
                {"name": "scorer", "kind": "model", "title": text("scorer")}],
}

def run(folder, parameters, match_rates, report):
    report(0.5, "half way")
    size = (folder / "linked.parquet").stat().st_size
    match parameters["do"]:
        case "crash": raise KeyError("household 900101-1234567")
        case "exit": os._exit(3)
        case "hang": time.sleep(300)
        case "refuse": raise Refused("too-few-rows", "There are too few rows.")
        case "none": return None
        case "nan": return {"tables": {"counts": {"rows": [[float("nan")]]}}}
    case = {"pseudonym": "ab" * 32, "score": 0.5, "reasons": []}
    alarm = {"code": "leaking-feature", "detail": "Too good.", "feature": None}
    tables, models = {"counts": {"rows": [[size]]}}, {"scorer": b"a model"}
    return {"tables": tables, "restricted_list": [case], "models": models, "alarms": [alarm]}

Worker(sys.argv[1], "token", CARD, run, files=[__file__], wait=1).serve()
"""


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    stub = Stub().start()
    yield stub
    stub.stop()


@pytest.fixture(scope="module")
def program(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[bytes]"]:
    """Isolated from our environment: nothing but the one file can be imported."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "method.py").write_text(PROGRAM)
    (folder / "dure_worker.py").write_bytes(Path(dure_worker.__file__).read_bytes())
    (folder / "token").write_text(stub.worker_token)
    command = [sys.executable, "-S", "-s", "method.py", stub.url]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={"PATH": os.environ["PATH"]}, stdout=log, stderr=log)
    yield process
    assert process.poll() is None, (folder / "log").read_text()
    process.terminate()
    process.wait(20)


def carried_out(stub: Stub, do: str, **more: Any) -> StubRun:
    run = stub.queue(StubRun("alone", {"do": do}, {"linked.parquet": b"PAR1"}, **more))
    eventually(lambda: run.finish is not None)
    return run


def test_it_hands_in_whatever_a_method_may_give(stub: Stub, program: "subprocess.Popen[bytes]") -> None:
    run = carried_out(stub, "succeed")
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED
    assert run.artefacts[OutputKind.TABLE, "counts"] == b'{"rows": [[4]]}'
    assert run.artefacts[OutputKind.MODEL, "scorer"] == b"a model"
    assert {kind for kind, _ in run.artefacts} == {OutputKind.TABLE, OutputKind.RESTRICTED_LIST, OutputKind.MODEL}
    assert [alarm.code for alarm in run.finish.alarms] == ["leaking-feature"]


@pytest.mark.parametrize(
    ("do", "code"),
    [
        ("crash", "method-crashed"),
        ("exit", "method-crashed"),
        ("hang", "method-timeout"),
        ("refuse", "method-refused-input"),
        ("none", "method-crashed"),
        ("nan", "method-output-invalid"),
    ],
)
def test_what_fails_says_why_and_the_next_run_works(stub: Stub, program: "subprocess.Popen[bytes]", do: str, code: str) -> None:
    finish = carried_out(stub, do, seconds=2).finish
    assert finish is not None
    assert finish.reason is not None
    assert finish.reason.code == code
    assert "900101" not in finish.reason.detail
    again = carried_out(stub, "succeed").finish
    assert again is not None
    assert again.outcome is Outcome.SUCCEEDED


def test_a_cancelled_run_is_dropped_at_once(stub: Stub, program: "subprocess.Popen[bytes]") -> None:
    run = stub.queue(StubRun("alone", {"do": "hang"}, {"linked.parquet": b"PAR1"}, seconds=300))
    eventually(lambda: run.beats)
    run.cancelled = True
    again = carried_out(stub, "succeed").finish
    assert again is not None, "the worker did not wait for the method that was cancelled"
    assert run.finish is None


def test_bytes_that_arrive_changed_are_not_worked_on(stub: Stub, program: "subprocess.Popen[bytes]") -> None:
    finish = carried_out(stub, "succeed", corrupt=True).finish
    assert finish is not None
    assert finish.reason is not None
    assert finish.reason.code == "input-corrupt"
