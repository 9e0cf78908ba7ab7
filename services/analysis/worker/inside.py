"""What happens inside the child: shut the doors, import the method, run it, leave its outputs as files."""

import importlib
import json
import os
import random
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from services.analysis.worker import asking, hosting, onnx_method, sandbox, trial
from services.analysis.worker.engine import tasks
from services.analysis.worker.jobs import (
    ALARMS_FILE,
    ANSWERED,
    CARD_FILE,
    FOLDERS,
    LIST_FILE,
    MODELS_FOLDER,
    OUTCOME_FILE,
    UNCONFINED,
    Job,
    Sandbox,
    Status,
    Task,
)
from services.analysis.worker.sdk import Bundle, Means, Method, MethodError, Outputs
from shared.contracts import MethodCard

PROGRESS_FD, ANSWERS_FD = 3, 4
ROOM = 17  # of a run's room on the disk, an eighth is for what it asks (from MiB)


class InvalidOutputError(Exception):
    """The method gave back what cannot be written down; the sentence holds no value of it."""


def enter(job: Job, launcher: int, log: int, progress: int, answers: int) -> NoReturn:
    """Never returns into the launcher's code: no exit handler of the launcher may run twice."""
    code = 1
    try:
        _settle(job, log, progress, answers)
        layers = sandbox.confine(job, launcher)
        os.write(PROGRESS_FD, (json.dumps({"layers": vars(layers)}) + "\n").encode())
        if job.sandbox is Sandbox.REQUIRE and not layers.complete:
            os._exit(UNCONFINED)
        _write(OUTCOME_FILE, _carry_out(job))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _settle(job: Job, log: int, progress: int, answers: int) -> None:
    """Own session, own descriptors, empty environment, private folder; the same random state in every run."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    high = [os.dup2(one, 100 + place) for place, one in enumerate((null, log, log, progress, answers))]
    for place, one in enumerate(high):
        os.dup2(one, place, inheritable=False)
    os.closerange(5, 1 << 16)
    os.set_blocking(PROGRESS_FD, False)
    os.umask(0o077)
    os.chdir(job.work)
    os.environ.clear()
    os.environ.update(HOME=job.work, TMPDIR=str(Path(job.work, "tmp")), LANG="C.UTF-8", OMP_NUM_THREADS="1")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime would report to its maker
    random.seed(0)
    np.random.seed(0)
    importlib.invalidate_caches()
    if job.target and not job.target.startswith(hosting.MODEL):
        hosting.find_spec(job.target.partition(":")[0])  # fills the import caches while folders can still be listed


def _carry_out(job: Job) -> dict[str, Any]:
    try:
        if job.task is Task.PROBE:
            return {"status": Status.DONE}
        if job.task is Task.PARTITION:
            path, rows = tasks.carry_out(tasks.PartitionTask.of(job.parameters), Path(job.bundle), Path(job.work))
            return {"status": Status.DONE, "file": path.name, "rows": rows}
        method = _load(job.target)
        if job.task is Task.DESCRIBE:
            _write(CARD_FILE, MethodCard.model_validate(method.CARD).model_dump(mode="json"))
            return {"status": Status.DONE}
        if job.task is Task.TRIAL and isinstance(method, onnx_method.OnnxMethod):
            trial.try_out(method, report)
            return {"status": Status.DONE}
        means = Means(job.memory_mb, job.disk_mb, job.threads, Path(job.work, "tmp"))
        work, given = Path(job.work), Path(job.bundle)
        nodes = asking.Nodes(work, given, means.disk_mb << ROOM, ask) if job.nodes else None
        bundle = Bundle(given, job.parameters, job.match_rates, job.available_from, means, nodes)
        if job.task is Task.FEATURES and isinstance(method, onnx_method.OnnxMethod):
            _save("unfinished", (block.astype("<f4").tobytes() for block in method.features(bundle)))
            Path("unfinished").rename(onnx_method.FEATURES_FILE)
        else:
            _keep(method.run(bundle, report))
    except MethodError as refusal:
        return {"status": Status.REFUSED, "code": str(refusal.code), "detail": str(refusal.detail)}
    except trial.TrialError as fault:
        return {"status": Status.REFUSED, "code": fault.code, "values": fault.values}
    except MemoryError:
        return {"status": Status.MEMORY}
    except InvalidOutputError as invalid:
        return {"status": Status.INVALID, "detail": str(invalid)}
    except BaseException as crash:
        traceback.print_exc()
        out_of_memory = "OutOfMemory" in type(crash).__name__
        return {"status": Status.MEMORY if out_of_memory else Status.CRASHED, "exception": type(crash).__name__}
    return {"status": Status.DONE}


def _load(target: str) -> Method:
    if target.startswith(hosting.MODEL):
        return onnx_method.load(Path(target.removeprefix(hosting.MODEL)))
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in filter(None, path.split(".")):
        found = getattr(found, name)
    method: Method = found
    return method


def report(progress: float, message: str = "") -> None:
    """Tell how far the method is. Lost when nobody listens fast enough; never waits."""
    line = json.dumps({"progress": min(max(float(progress), 0.0), 1.0), "message": str(message)[:200]}) + "\n"
    try:
        os.write(PROGRESS_FD, line.encode())
    except BlockingIOError:
        return


def ask() -> bool:
    """Say that a question lies in the folder, and wait; whether it was answered."""
    os.set_blocking(PROGRESS_FD, True)
    try:
        os.write(PROGRESS_FD, b'{"ask": true}\n')
    finally:
        os.set_blocking(PROGRESS_FD, False)
    return os.read(ANSWERS_FD, 1) == ANSWERED[:1]


def _keep(outputs: object) -> None:
    if not isinstance(outputs, Outputs):
        raise InvalidOutputError("It did not return an Outputs object.")
    for folder, found in zip(FOLDERS.values(), (outputs.tables, outputs.figures, outputs.metrics), strict=True):
        if not isinstance(found, dict):
            raise InvalidOutputError(f"Its {folder} are not a mapping from names.")
        Path(folder).mkdir()
        for name, content in found.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise InvalidOutputError(f"One of its {folder} has no valid name.")
            _write(f"{folder}/{name}.json", content)
    if outputs.restricted_list is not None:
        if not isinstance(outputs.restricted_list, list):
            raise InvalidOutputError("Its restricted list is not a list.")
        _save(LIST_FILE, (_json(row) + b"\n" for row in outputs.restricted_list))
    _keep_models(outputs.models)
    if not isinstance(outputs.alarms, list):
        raise InvalidOutputError("Its alarms are not a list.")
    _write(ALARMS_FILE, outputs.alarms)


def _keep_models(models: object) -> None:
    if not isinstance(models, dict):
        raise InvalidOutputError("Its models are not a mapping from names.")
    Path(MODELS_FOLDER).mkdir()
    for name, body in models.items():
        if not isinstance(name, str) or not name.isidentifier() or not isinstance(body, bytes):
            raise InvalidOutputError("One of its models has no valid name, or is no bytes.")
        _save(f"{MODELS_FOLDER}/{name}.model", [body])


def _write(path: str, content: object) -> None:
    _save(path, [_json(content)])


def _save(path: str, parts: Iterable[bytes]) -> None:
    try:
        with Path(path).open("wb") as file:
            file.writelines(parts)
    except OSError:
        raise InvalidOutputError("It gave back more than can be kept.") from None


def _json(content: object) -> bytes:
    try:
        return json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidOutputError("It gave back values that JSON cannot hold, such as a missing number.") from None
