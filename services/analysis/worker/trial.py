"""A model is tried before anybody reviews it: opened, and asked for the scores of made-up rows. Runs inside the child."""

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.worker import onnx_scores
from services.analysis.worker.manifests import HostedManifest
from services.analysis.worker.onnx_method import OnnxMethod
from services.analysis.worker.onnx_scores import STEP, AnswerError, Floats
from shared.contracts import HostedFeature

FEW: Final = 33
"""One row and these find a fixed batch, whatever it is; as many as a run asks at once tell the cost."""
SEED: Final = 11
SCALES: Final = (0.0, 1.0, 1000.0)
# What onnxruntime says it lacks, such as `Foo(28)`: the name of an operator, and nothing of the file.
LACKING: Final = re.compile(r"implementation for ([A-Za-z]{1,60}\(\d{1,3}\))")
NO_MEMORY: Final = ("bad allocation", "bad_alloc", "Failed to allocate")
# Rounding depends on how many rows are multiplied at once, and a neighbour as near as another may
# change with it; a model that looks at other rows gives nearly every row another score.
CLOSE: Final = 1e-3
MIXED: Final = 0.25
# Of a score, beyond 1 as a share of it: far above the rounding of float32, far below an error of a converter.
EQUAL: Final = 1e-4
Tell = Callable[[float, str], None]


class TrialError(Exception):
    """Why the model is not taken: a code of the platform's, and the values that its sentence names."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = {name: str(value)[:200] for name, value in values.items()}


def try_out(method: OnnxMethod, tell: Tell) -> None:
    """Score 1, 33 and 4,096 rows: the manifest's examples, or made-up ones. TrialError, or MemoryError.

    `tell` says how many rows are tried."""
    tell(0.0, "1")
    manifest, session = method.manifest, opened(method)
    rows = examples(manifest) if manifest.examples else made_up(manifest, np.random.default_rng(SEED))
    alone = np.concatenate([asked(session, manifest, rows[[at]]) for at in range(FEW)])
    tell(0.3, str(FEW))
    together = asked(session, manifest, rows[:FEW])
    check_rows_apart(alone, together)
    if manifest.missing_values:
        check_missing(session, manifest, rows[:FEW], together)
    tell(0.6, str(STEP))
    check_examples(asked(session, manifest, rows), manifest)


def examples(manifest: HostedManifest) -> Floats:
    """As many rows as are scored at once: the examples over and over."""
    given = np.array([example.values for example in manifest.examples], dtype=np.float32)
    return given[np.arange(STEP) % len(given)]


def made_up(manifest: HostedManifest, rng: np.random.Generator) -> Floats:
    """As many rows as are scored at once: the manifest's codes, and numbers small and large of both signs."""
    return np.asarray(np.column_stack([column(feature, rng) for feature in manifest.features]))


def column(feature: HostedFeature, rng: np.random.Generator) -> NDArray[np.float32]:
    if feature.codes:
        codes: NDArray[np.float64] = rng.choice(np.array(sorted(feature.codes.values())), STEP)
        return codes.astype(np.float32)
    found: NDArray[np.float64] = rng.normal(size=STEP) * rng.choice(SCALES, STEP)
    return found.astype(np.float32)


def opened(method: OnnxMethod) -> Any:
    try:
        return method.session()
    except Exception as error:
        lacking = LACKING.search(str(error))
        raise refusal(error, "cannot-open", why=lacking[1] if lacking else type(error).__name__) from None


def asked(session: Any, manifest: HostedManifest, rows: Floats) -> Floats:
    try:
        return onnx_scores.answered(session, manifest, rows)
    except AnswerError as other:
        raise TrialError("other-answer", rows=len(rows), shape=list(other.shape)) from None
    except Exception as error:
        raise refusal(error, "cannot-score", rows=len(rows)) from None


def refusal(error: Exception, code: str, **values: object) -> Exception:
    """What the runtime says is not passed on: it may quote whatever stands in the file."""
    import onnxruntime  # it starts threads, so not before the sandbox is shut

    return MemoryError() if out_of_memory(error) else TrialError(code, version=onnxruntime.__version__, **values)


def out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY)


def check_rows_apart(alone: Floats, together: Floats) -> None:
    known = np.abs(alone[np.isfinite(alone)])
    size = float(known.max()) if len(known) else 1.0
    same = np.isclose(alone, together, rtol=CLOSE, atol=CLOSE * size, equal_nan=True)
    if (~same).mean() > MIXED:
        raise TrialError("rows-mixed")


def check_examples(found: Floats, manifest: HostedManifest) -> None:
    """The file gives the scores of the estimator that it was made from."""
    for number, example in enumerate(manifest.examples):
        difference = abs(float(found[number]) - example.score) / max(1.0, abs(example.score))
        if not difference <= EQUAL:
            raise TrialError("other-scores", number=number, difference=f"{difference:.2g}")


def check_missing(session: Any, manifest: HostedManifest, rows: Floats, whole: Floats) -> None:
    """A row that lacks a value has a score where it has one with all of them."""
    if np.isnan(rows).any():
        return  # the examples say themselves what a row that lacks a value scores
    lacking = rows.copy()
    lacking[np.arange(len(rows)), np.arange(len(rows)) % rows.shape[1]] = np.nan
    if not np.isfinite(asked(session, manifest, lacking)[np.isfinite(whole)]).all():
        raise TrialError("missing-not-scored")
