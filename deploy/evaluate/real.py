"""Risk scoring on real tables that are not part of the project, beside the plain models that anybody would try."""

# ruff: noqa: S608  The SQL is our own, and so are the file names in it.

import gzip
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from deploy.evaluate.bundles import bundle_of, silent
from deploy.evaluate.findings import Asked, Found, Goal, Line, lines_of
from services.analysis.methods import risk_scoring
from services.analysis.methods.risk_scoring.parameters import Parameters
from services.analysis.methods.risk_scoring.run import read
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.worker.sdk import Bundle

SEED = 20241
PLAIN: dict[str, Callable[[], Any]] = {
    "plain logistic": lambda: make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=300)),
    "plain forest": lambda: make_pipeline(SimpleImputer(strategy="median"), RandomForestClassifier(100, random_state=SEED)),
    "plain boosting": lambda: HistGradientBoostingClassifier(random_state=SEED),
}
MAKERS = "Benefits are partly imputed by the makers of the extract: for volume, not for findings."


def polish(asked: Asked) -> Found | None:
    """Companies that went bankrupt within the horizon; no time in the file, so by folds."""
    if not (path := asked.data / "polish_1year.arff").exists():
        return None
    folder = asked.out / "data" / "polish"
    folder.mkdir(parents=True, exist_ok=True)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next(at for at, line in enumerate(lines) if line.lower().startswith("@data")) + 1
    rows = folder / "rows.csv"
    rows.write_text("\n".join(line.replace("?", "") for line in lines[start:] if line.strip()) + "\n", encoding="utf-8")
    names = ", ".join(f"TRY_CAST(column{at:02d} AS DOUBLE) AS ratio_{at + 1}" for at in range(64))
    source = f"SELECT row_number() OVER () || '' AS subject, CAST(column64 AS DOUBLE) AS outcome_number, {names} FROM "
    source += f"read_csv('{rows}', header=false, all_varchar=true)"
    bundle = bundle_of(source, folder, role="table", key="subject", parameters={"folds": 3})
    return judged("Company bankruptcy (UCI, real)", bundle, ())


def survey(asked: Asked) -> Found | None:
    """Who receives food support, learned from the earlier survey years and measured on the last."""
    if not (path := asked.data / "taxcalc_cps.csv.gz").exists():
        return None
    folder = asked.out / "data" / "survey"
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(path) as packed, (folder / "rows.csv").open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    left_out = "snap_ben, mcaid_ben, ssi_ben, tanf_ben, wic_ben, housing_ben, other_ben, h_seq, a_lineno, s006, RECID, FLPDYR"
    source = f"SELECT RECID || '' AS subject, snap_ben > 0 AS outcome, FLPDYR::INTEGER AS period, * EXCLUDE ({left_out}) FROM "
    source += f"read_csv('{folder / 'rows.csv'}') USING SAMPLE reservoir(40000 ROWS) REPEATABLE (1)"
    bundle = bundle_of(source, folder, role="table", key="subject", parameters={})
    return judged("Food support in a household survey (CPS, real)", bundle, (MAKERS,))


def judged(title: str, bundle: Bundle, notes: tuple[str, ...]) -> Found:
    """The method must be near the best of the plain models, which are given the same split."""
    outputs = risk_scoring.run(bundle, silent)
    kept = str(outputs.metrics["summary"]["split"]["model"])
    own = lines_of(outputs, kept)
    plain = plain_lines(bundle)
    model = next(line for line in own if line.kept)
    goals = (
        Goal("ROC-AUC over the best plain", model.roc_auc - max(line.roc_auc for line in plain), -0.02),
        Goal("PR-AUC over the best plain", model.pr_auc - max(line.pr_auc for line in plain), -0.03),
        Goal("Brier over the best plain", model.brier - min(line.brier for line in plain), 0.01, at_least=False),
    )
    alarms = tuple(f"Alarm: {alarm['code']} {alarm['feature'] or ''}".strip() for alarm in outputs.alarms)
    return Found(title, (*own, *plain), goals, (*notes, *alarms), outputs)


def plain_lines(bundle: Bundle) -> tuple[Line, ...]:
    parameters = Parameters.of(bundle.parameters)
    rows = read(bundle, parameters)
    split = split_rows(rows, folds=parameters.folds)
    matrix = np.column_stack([values for values in rows.features.values() if values.dtype.kind == "f"])
    measured = split.scored & rows.known
    lines = []
    for name, make in PLAIN.items():
        score = np.full(len(rows), np.nan)
        for fold in split.folds:
            score[fold.test] = learned(make(), matrix[fold.train], rows.label[fold.train]).predict_proba(matrix[fold.test])[:, 1]
        lines.append(measured_line(name, rows.label[measured], score[measured]))
    return tuple(lines)


def learned(model: Any, matrix: NDArray[Any], label: NDArray[Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(matrix, label)


def measured_line(name: str, label: NDArray[Any], score: NDArray[Any]) -> Line:
    top = np.argsort(-score, kind="stable")[: max(1, len(score) // 20)]
    precision = float(label[top].mean())
    return Line(
        name,
        len(label),
        round(float(roc_auc_score(label, score)), 4),
        round(float(average_precision_score(label, score)), 4),
        round(float(brier_score_loss(label, score)), 4),
        round(precision / float(label.mean()), 3),
        round(precision, 4),
    )
