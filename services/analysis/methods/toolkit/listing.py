"""The restricted list: pseudonym, score and reasons, the highest score first; no value of the subject leaves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.quantities import NumberStudy
from services.analysis.methods.toolkit.reasons import explain, flags_of
from services.analysis.methods.toolkit.study import Study

MOST = 200_000


def list_highest(study: Study, minimum: float = 0.0) -> list[dict[str, Any]]:
    return told(study, study.listed(minimum)[:MOST])


def list_numbers(study: NumberStudy) -> list[dict[str, Any]]:
    return told(study, study.listed()[:MOST])


def told(study: Study | NumberStudy, places: NDArray[np.intp]) -> list[dict[str, Any]]:
    if not len(places):
        return []
    matrix = study.encoding.matrix(study.rows.at(places))
    reasons = explain(study.final, matrix, study.rows.title, flags_of(study.encoding, study.matrix))
    scores, names = study.scores[study.best][places], study.rows.names(places)
    return [
        {"pseudonym": str(names[at]), "score": round(float(scores[at]), 4), "reasons": reasons[at]} for at in range(len(places))
    ]
