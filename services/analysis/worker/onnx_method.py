"""A method that is an ONNX file and a manifest: no code of its own, scored as the manifest says. Runs inside the child."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.worker.manifests import HostedManifest
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report
from shared.contracts import HostedFeature, MethodCard

MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.onnx"
SCORES_FILE: Final = "scores.f32"
FEATURES_FILE: Final = "features.f32"
BLOCK: Final = 65_536
SMALLEST: Final = 10
BANDS: Final = 10
REASONS: Final = 3
Floats = NDArray[np.float32]


@dataclass
class OnnxMethod:
    """CARD and run, as of a module. `folder` holds the manifest and, unless the model stands elsewhere, the ONNX file."""

    folder: Path
    manifest: HostedManifest
    CARD: MethodCard

    def features(self, bundle: Bundle) -> Floats:
        """The model's inputs, a column each in the manifest's order, float32; NaN where nothing is known."""
        columns = bundle.columns(["pseudonym", *(feature.column for feature in self.manifest.features)])
        if len(columns["pseudonym"]) < SMALLEST:
            raise MethodError("too-few-rows", f"There are fewer than {SMALLEST} rows to score.")
        return np.column_stack([numbers(feature, columns[feature.column]) for feature in self.manifest.features])

    def run(self, bundle: Bundle, report: Report) -> Outputs:
        matrix = self.features(bundle)
        given = bundle.folder / SCORES_FILE
        score = np.fromfile(given, dtype="<f4") if given.exists() else self.score(matrix, report)
        if score.shape != (len(matrix),) or not np.isfinite(score).all():
            raise MethodError("bad-scores", "The model did not give one finite score for each row.")
        report(0.9, "writing results")
        return self.outputs(bundle, matrix, score.astype(np.float64))

    def session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(self.folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])

    def score(self, matrix: Floats, report: Report) -> Floats:
        """One score for each row, in blocks of bounded memory."""
        session, parts = self.session(), []
        for start in range(0, len(matrix), BLOCK):
            parts.append(self.block(session, matrix[start : start + BLOCK]))
            report(0.8 * min(start + BLOCK, len(matrix)) / len(matrix), "scoring")
        return np.concatenate(parts)

    def block(self, session: Any, rows: Floats) -> Floats:
        inputs = session.get_inputs()
        if len(inputs) == 1:
            fed = {inputs[0].name: rows}
        elif [one.name for one in inputs] == [feature.name for feature in self.manifest.features]:
            fed = {one.name: rows[:, [at]] for at, one in enumerate(inputs)}
        else:
            raise MethodError("bad-model", "The model's inputs are not the features that its manifest names.")
        names = [one.name for one in session.get_outputs()]
        if self.manifest.output not in names:
            raise MethodError("bad-model", "The model has no output of the name that its manifest gives.")
        found = np.asarray(session.run([self.manifest.output], fed)[0])
        if found.ndim == 2 and found.shape[1] > self.manifest.position:
            found = found[:, self.manifest.position]
        if found.shape != (len(rows),) or found.dtype.kind not in "fiu":
            raise MethodError("bad-model", "The model's output is not one number for each row.")
        return found.astype(np.float32)

    def outputs(self, bundle: Bundle, matrix: Floats, score: NDArray[np.float64]) -> Outputs:
        """Whatever of the three the card declares: the scores in bands, their summary, and the list of the highest."""
        declared = {output.name for output in self.CARD.outputs}
        found = Outputs()
        if "score_bands" in declared:
            found.tables["score_bands"] = bands(score)
        if "summary" in declared:
            count = {
                "name": "mean_score",
                "title": words("평균 점수", "Mean score"),
                "value": float(score.mean()),
                "count": len(score),
            }
            found.metrics["summary"] = {"name": "summary", "figures": [count], "split": None, "notes": None}
        if "highest" in declared:
            found.restricted_list = self.highest(bundle, matrix, score)
        return found

    def highest(self, bundle: Bundle, matrix: Floats, score: NDArray[np.float64]) -> list[dict[str, Any]]:
        """The rows with the highest scores; equal ones by pseudonym. A pseudonym stands once, with its highest score."""
        pseudonym = bundle.columns(["pseudonym"])["pseudonym"].astype(str)
        ranked = np.lexsort((pseudonym, -score))
        _, first = np.unique(pseudonym[ranked], return_index=True)
        chosen = ranked[np.sort(first)][: int(bundle.parameters.get("capacity", 100))]
        reasons = self.reasons(matrix, chosen, score)
        return [
            {"pseudonym": pseudonym[row], "score": round(float(score[row]), 6), "reasons": reasons[at]}
            for at, row in enumerate(chosen)
        ]

    def reasons(self, matrix: Floats, chosen: NDArray[np.int64], score: NDArray[np.float64]) -> list[list[dict[str, str]]]:
        """What lowers a score most when it is set to the typical value. None where the model stands elsewhere."""
        if not (self.folder / MODEL_FILE).exists() or not len(chosen):
            return [[] for _ in chosen]
        typical = np.array([np.median(known) if len(known := column[np.isfinite(column)]) else np.nan for column in matrix.T])
        session, drops = self.session(), np.empty((len(chosen), matrix.shape[1]))
        for at, value in enumerate(typical):
            changed = matrix[chosen].copy()
            changed[:, at] = value
            drops[:, at] = score[chosen] - self.block(session, changed)
        titles = {f"{role.name}__{column.name}": column.title for role in self.CARD.inputs for column in role.columns}
        told = [feature.reason(titles.get(feature.column)) for feature in self.manifest.features]
        return [[told[at] for at in np.argsort(-row, kind="stable")[:REASONS] if row[at] > 0] for row in drops]


def numbers(feature: HostedFeature, values: NDArray[Any]) -> Floats:
    """A column as the model takes it: numbers as they are, texts by the manifest's codes, unknown ones as NaN."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    codes = {text: np.float32(code) for text, code in feature.codes.items()}
    return np.array([codes.get(value, np.float32("nan")) for value in values], dtype=np.float32)


def bands(score: NDArray[np.float64]) -> dict[str, Any]:
    """How the scores are spread: bands of equal size, fewer where there are few rows, so that none stands on less than ten."""
    parts = np.array_split(np.sort(score), min(BANDS, max(1, len(score) // (2 * SMALLEST))))
    rows = [[place, len(part), round(float(part.mean()), 6)] for place, part in enumerate(parts, start=1)]
    columns = [
        {"name": "band", "title": words("점수 구간", "Score band"), "kind": "dimension"},
        {"name": "rows", "title": words("건수", "Rows"), "kind": "count"},
        {"name": "mean_score", "title": words("평균 점수", "Mean score"), "kind": "measure", "of": "rows"},
    ]
    return {"name": "score_bands", "title": words("점수 분포", "How the scores are spread"), "columns": columns, "rows": rows}


def words(ko: str, en: str) -> dict[str, str]:
    return {"ko": ko, "en": en}


def load(folder: Path) -> OnnxMethod:
    """The method of a folder."""
    manifest = HostedManifest.model_validate(json.loads((folder / MANIFEST_FILE).read_bytes()))
    return OnnxMethod(folder, manifest, manifest.card)
