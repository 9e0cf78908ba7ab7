"""A method that is an ONNX file and a manifest: no code of its own, scored as the manifest says. Runs inside the child."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.worker.manifests import HostedManifest
from services.analysis.worker.sdk import Array, Bundle, MethodError, Outputs, Report
from shared.canonical import canonical_text
from shared.contracts import HostedFeature, MethodCard

MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.onnx"
SCORES_FILE: Final = "scores.f32"
FEATURES_FILE: Final = "features.f32"
BLOCK: Final = 65_536
CELLS: Final = 1 << 23
SMALLEST: Final = 10
BANDS: Final = 10
REASONS: Final = 3
Floats = NDArray[np.float32]
Places = NDArray[np.int64]
# Equal scores in the order of the rows, which is the same in every request of the same data.
TOP: Final = """SELECT pseudonym, max(score) AS score, arg_max(place, (score, -place)) AS place
    FROM (SELECT pseudonym, file_row_number AS place, score FROM numbered POSITIONAL JOIN scores
          ORDER BY score DESC, place LIMIT $1)
    GROUP BY pseudonym ORDER BY score DESC, place LIMIT $2"""


@dataclass
class OnnxMethod:
    """CARD and run, as of a module. `folder` holds the manifest and, unless the model stands elsewhere, the ONNX file.

    Of all rows only the scores stand in memory, and the features of one block or one column at a time."""

    folder: Path
    manifest: HostedManifest
    CARD: MethodCard

    def features(self, bundle: Bundle) -> Iterator[Floats]:
        """The model's inputs, a column each in the manifest's order, float32; NaN where nothing is known. In blocks of rows."""
        columns = ["pseudonym", *(feature.column for feature in self.manifest.features)]
        if len(bundle.columns(columns, range(SMALLEST))["pseudonym"]) < SMALLEST:
            raise MethodError("too-few-rows", f"There are fewer than {SMALLEST} rows to score.")
        return matrices(bundle, self.manifest.features, BLOCK)

    def run(self, bundle: Bundle, report: Report) -> Outputs:
        given, blocks = bundle.folder / SCORES_FILE, self.features(bundle)
        rows = int(bundle.sql("SELECT count(*) AS rows FROM linked")["rows"][0])
        score = np.fromfile(given, dtype="<f4") if given.exists() else self.score(blocks, rows, report)
        if score.shape != (rows,) or not np.isfinite(score).all():
            raise MethodError("bad-scores", "The model did not give one finite score for each row.")
        report(0.9, "writing results")
        return self.outputs(bundle, score)

    def session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(self.folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])

    def score(self, blocks: Iterator[Floats], rows: int, report: Report) -> Floats:
        """One score for each row."""
        session, score, start = self.session(), np.empty(rows, dtype=np.float32), 0
        for block in blocks:
            score[start : start + len(block)] = self.block(session, block)
            start += len(block)
            report(0.8 * start / rows, "scoring")
        return score

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

    def outputs(self, bundle: Bundle, score: Floats) -> Outputs:
        """Whatever of the three the card declares: the scores in bands, their summary, and the list of the highest."""
        declared = {output.name for output in self.CARD.outputs}
        found = Outputs()
        if "score_bands" in declared:
            found.tables["score_bands"] = bands(score)
        if "summary" in declared:
            count = {
                "name": "mean_score",
                "title": words("평균 점수", "Mean score"),
                "value": float(score.astype(np.float64).mean()),
                "count": len(score),
            }
            found.metrics["summary"] = {"name": "summary", "figures": [count], "split": None, "notes": None}
        if "highest" in declared:
            found.restricted_list = self.highest(bundle, score)
        return found

    def highest(self, bundle: Bundle, score: Floats) -> list[dict[str, Any]]:
        """The rows with the highest scores; equal ones in row order. A pseudonym stands once, with its highest score."""
        found = top(bundle, score, int(bundle.parameters.get("capacity", 100)))
        chosen = found["place"].astype(np.int64)
        reasons = self.reasons(bundle, chosen, score)
        return [
            {"pseudonym": str(name), "score": round(float(score[row]), 6), "reasons": told}
            for name, row, told in zip(found["pseudonym"], chosen, reasons, strict=True)
        ]

    def reasons(self, bundle: Bundle, chosen: Places, score: Floats) -> list[list[dict[str, str]]]:
        """What lowers a score most when it is set to the typical value. None where the model stands elsewhere."""
        if not (self.folder / MODEL_FILE).exists() or not len(chosen):
            return [[] for _ in chosen]
        typical, matrix = self.typical(bundle, chosen, len(score))
        session, drops = self.session(), np.empty(matrix.shape)
        for at, value in enumerate(typical):
            changed = matrix.copy()
            changed[:, at] = value
            drops[:, at] = score[chosen].astype(np.float64) - self.block(session, changed)
        titles = {f"{role.name}__{column.name}": column.title for role in self.CARD.inputs for column in role.columns}
        told = [feature.reason(titles.get(feature.column)) for feature in self.manifest.features]
        return [[told[at] for at in np.argsort(-row, kind="stable")[:REASONS] if row[at] > 0] for row in drops]

    def typical(self, bundle: Bundle, chosen: Places, rows: int) -> tuple[list[float], Floats]:
        """The median of each feature, and the features of these rows; as many columns at a time as are no more than a few."""
        features, together = self.manifest.features, max(1, CELLS // rows)
        medians: list[float] = []
        matrix = np.empty((len(chosen), len(features)), dtype=np.float32)
        for at in range(0, len(features), together):
            found = np.concatenate(list(matrices(bundle, features[at : at + together])))
            matrix[:, at : at + together] = found[chosen]
            for column in found.T:
                known = column[np.isfinite(column)]
                medians.append(float(np.median(known, overwrite_input=True)) if len(known) else np.nan)
        return medians, matrix


def matrices(bundle: Bundle, features: Sequence[HostedFeature], size: int | None = None) -> Iterator[Floats]:
    """These features of all rows, so many rows at a time."""
    return (stacked(features, piece) for piece in bundle.pieces([feature.column for feature in features], size))


def stacked(features: Sequence[HostedFeature], columns: dict[str, Array]) -> Floats:
    return np.column_stack([numbers(feature, columns[feature.column]) for feature in features])


def numbers(feature: HostedFeature, values: NDArray[Any]) -> Floats:
    """A column as the model takes it: numbers as they are, texts by the manifest's codes, unknown ones as NaN. Texts of a linked
    table are canonical, so those of the manifest have to be."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    codes = {canonical_text(text): np.float32(code) for text, code in feature.codes.items()}
    return np.array([codes.get(value, np.float32("nan")) for value in values], dtype=np.float32)


def top(bundle: Bundle, score: Floats, capacity: int) -> dict[str, Array]:
    """Pseudonyms with the highest scores, each with the first of its rows that has it. More rows are asked for as long as
    those at the top are of too few."""
    with bundle.database() as connection:
        connection.register("scores", {"score": score})
        asked, found = capacity, connection.execute(TOP, [capacity, capacity]).fetchnumpy()
        while len(found["place"]) < capacity and asked < len(score):
            asked *= 8
            found = connection.execute(TOP, [asked, capacity]).fetchnumpy()
    return {name: np.asarray(values) for name, values in found.items()}


def bands(score: Floats) -> dict[str, Any]:
    """How the scores are spread: bands of equal size, fewer where there are few rows, so that none stands on less than ten."""
    parts = np.array_split(np.sort(score), min(BANDS, max(1, len(score) // (2 * SMALLEST))))
    rows = [[place, len(part), round(float(part.astype(np.float64).mean()), 6)] for place, part in enumerate(parts, start=1)]
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
