"""A method that is an ONNX file and a manifest: no code of its own, scored as the manifest says. Runs inside the child."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.worker import onnx_scores
from services.analysis.worker.manifests import HostedManifest
from services.analysis.worker.onnx_scores import Flags, Floats
from services.analysis.worker.sdk import Array, Bundle, MethodError, Outputs, Report
from shared.canonical import canonical_text
from shared.contracts import HostedFeature, MethodCard, tens

MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.onnx"
SCORES_FILE: Final = "scores.f32"
FEATURES_FILE: Final = "features.f32"
BLOCK: Final = 65_536
CELLS: Final = 1 << 23
SMALLEST: Final = 10
BANDS: Final = 10
REASONS: Final = 3
Places = NDArray[np.int64]
# Equal scores in the order of the rows, which is the same in every request of the same data. NaN, which would be the
# greatest, is a row that was not scored.
TOP: Final = """SELECT pseudonym, max(score) AS score, arg_max(place, (score, -place)) AS place
    FROM (SELECT pseudonym, file_row_number AS place, score FROM numbered POSITIONAL JOIN scores
          WHERE NOT isnan(score) ORDER BY score DESC, place LIMIT $1)
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
        if given.exists():
            score = np.fromfile(given, dtype="<f4")
            scored = np.concatenate([onnx_scores.scorable(self.manifest, block) for block in blocks])
        else:
            score, scored = self.score(blocks, rows, report)
        if score.shape != (rows,) or not np.array_equal(np.isfinite(score), scored):
            raise MethodError("bad-scores", "The model did not give one finite score for each row that it was asked for.")
        self.check_scored(scored)
        report(0.9, "writing results")
        return self.outputs(bundle, score)

    def check_scored(self, scored: Flags) -> None:
        """Rows that lack a value are left out only where the result counts them, and never nearly all of them."""
        if scored.sum() < SMALLEST:
            raise MethodError(
                "too-few-rows", f"Fewer than {SMALLEST} rows have every value, and the model takes no missing ones."
            )
        if not scored.all() and "summary" not in {output.name for output in self.CARD.outputs}:
            sentence = "Some rows lack a value, the model takes no missing ones, and the card has no `summary` that counts them."
            raise MethodError("missing-values", sentence)

    def session(self) -> Any:
        return onnx_scores.open_session(self.folder / MODEL_FILE)

    def score(self, blocks: Iterator[Floats], rows: int, report: Report) -> tuple[Floats, Flags]:
        """One score for each row, NaN for those that are not scored; and which are."""
        session, start = self.session(), 0
        score, scored = np.empty(rows, dtype=np.float32), np.empty(rows, dtype=bool)
        for block in blocks:
            here = slice(start, start + len(block))
            score[here], scored[here] = self.block(session, block), onnx_scores.scorable(self.manifest, block)
            start += len(block)
            report(0.8 * start / rows, "scoring")
        return score, scored

    def block(self, session: Any, rows: Floats) -> Floats:
        return onnx_scores.scores(session, self.manifest, rows)

    def outputs(self, bundle: Bundle, score: Floats) -> Outputs:
        """Whatever of the three the card declares: the scores in bands, their summary, and the list of the highest."""
        declared = {output.name for output in self.CARD.outputs}
        found, known = Outputs(), score[np.isfinite(score)]
        if "score_bands" in declared:
            found.tables["score_bands"] = bands(known)
        if "summary" in declared:
            figures = [mean_score(known), *left_out(len(score) - len(known), len(score))]
            found.metrics["summary"] = {"name": "summary", "figures": figures, "split": None, "notes": None}
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


def mean_score(score: Floats) -> dict[str, Any]:
    title = words("평균 점수", "Mean score")
    return {"name": "mean_score", "title": title, "value": float(score.astype(np.float64).mean()), "count": len(score)}


def left_out(rows: int, of: int) -> list[dict[str, Any]]:
    """How many rows were not scored, up to the next full ten so that no fewer are told of; nothing if every row was."""
    title = words("결측값이 있어 점수를 내지 않은 행", "Rows that lack a value and were not scored")
    return [{"name": "rows_not_scored", "title": title, "value": tens(rows), "count": of, "unit": "건"}] if rows else []


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
