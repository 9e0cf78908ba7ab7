"""What a study gives: the list of records with the columns that are strange, and aggregates over enough of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.analysis.methods.anomaly_tables import titles
from services.analysis.methods.anomaly_tables.records import Records
from services.analysis.methods.anomaly_tables.scores import WHYS, WORDS, Scores
from services.analysis.methods.deviation.layout import (
    LABELS,
    MINIMUM_CELL,
    OTHER,
    Cell,
    Spec,
    Table,
    Words,
    bars,
    count,
    dimension,
    figure,
    grouped,
    measured,
    metric,
    rate,
    significant,
    table,
    text,
)
from services.analysis.methods.deviation.measures import separation
from services.analysis.methods.deviation.parameters import MOST_LISTED, Parameters
from services.analysis.methods.deviation.robust import Codes, Flags, Floats
from services.analysis.methods.toolkit.arrays import called
from services.analysis.methods.toolkit.disclosure import own_name

LONGEST = 60
RECORDS = count("records", "기록 수", "Records")
WAYS: dict[str, Words] = {
    "residual": ("기댓값 대비 잔차", "residual against expected"),
    "robust": ("집단 안 강건 z", "robust z within the group"),
    "forest": ("격리 숲", "isolation forest"),
}


@dataclass(frozen=True)
class Study:
    records: Records
    parameters: Parameters
    scores: Scores
    listed: Codes
    """Rows within the budget and beyond the threshold, the strangest first."""

    @property
    def places(self) -> int:
        return min(self.parameters.places(self.records.rows), MOST_LISTED)


def choose(records: Records, parameters: Parameters, scores: Scores) -> Study:
    study = Study(records, parameters, scores, np.empty(0, dtype=np.int64))
    order = np.lexsort((records.ranks, -scores.residual))[: study.places]
    return replace(study, listed=order[scores.residual[order] >= parameters.threshold])


def list_records(study: Study) -> list[dict[str, object]]:
    listed, scores = study.listed, study.scores
    likely = np.minimum(1 - np.exp(-scores.residual[listed] / 4), 0.999)
    names, told = study.records.names(study.records.ranks[listed]), _reasons(scores)
    return [
        {"pseudonym": str(name), "score": round(float(score), 4), "reasons": [told[code] for code in codes[:many]]}
        for name, score, codes, many in zip(names, likely, scores.codes[:, listed].T, scores.reasons[listed], strict=True)
    ]


def _reasons(scores: Scores) -> list[dict[str, str]]:
    """By code: columns by their names in words, never a value. Rows share them, as there are many."""
    return [
        {"code": why.value, "ko": f"{name}: {WORDS[why][0]}", "en": f"{name}: {WORDS[why][1]}"}
        for name in scores.columns
        for why in WHYS
    ]


def make_tables(study: Study) -> dict[str, Table]:
    made = (by_column(study), by_group(study), layers(study))
    return {one["name"]: one for one in made if one["rows"]}


def by_column(study: Study) -> Table:
    names = study.scores.columns
    strangest = np.bincount(study.scores.codes[0, study.listed] // len(WHYS), minlength=len(names))
    sizes = {name: int(size) for name, size in zip(names, strangest, strict=True)}
    rows: list[list[Cell]] = []
    for name, parts in grouped(sizes).items():
        label = OTHER if parts != [name] else (own_name(name),) * 2
        rows.append([own_name(name), *label, sum(sizes[part] for part in parts)])
    rows.sort(key=lambda row: -int(row[-1]))
    notes = text("각 기록에서 가장 이상한 열 하나만 셉니다.", "Of each record the strangest column alone is counted.")
    columns = [dimension("column", "열", "Column"), *LABELS, RECORDS]
    return table("findings_by_column", titles.TABLES["findings_by_column"], columns, rows, notes)


def by_group(study: Study) -> Table:
    """Peer groups with enough records on either side; the others together."""
    shown = called(study.records.peer_names, LONGEST)
    names = [own_name(shown[name]) for name in study.records.peer_names]
    group = study.records.peers
    member, hit = (np.bincount(some[some >= 0], minlength=len(names)) for some in (group, group[study.listed]))
    smaller = {str(at): int(max(1, min(hit[at], member[at] - hit[at]))) for at in range(len(names))}
    rows: list[list[Cell]] = []
    for name, parts in grouped(smaller).items():
        some = [int(part) for part in parts]
        every, found = int(member[some].sum()), int(hit[some].sum())
        if min(found, every - found) >= MINIMUM_CELL:
            label = OTHER if name == "other" else (names[int(name)],) * 2
            rows.append([label[1], *label, every, found, round(found / every, 4)])
    columns = [
        dimension("group", "비교 집단", "Peer group"),
        *LABELS,
        RECORDS,
        count("listed", "명단에 오른 기록", "Listed", of="records"),
        rate("share", "비율", "Share", numerator="listed", of="records"),
    ]
    return table("findings_by_group", titles.TABLES["findings_by_group"], columns, rows)


def layers(study: Study) -> Table:
    """What each way would list at the budget, how much it agrees with the first, and how well it does where somebody knows."""
    ways: dict[str, Floats] = {name: getattr(study.scores, name) for name in WAYS}
    first = _top(ways["residual"], study.places)
    label = study.records.label
    known = np.isfinite(label)
    label = label[known]
    wrong = label == 1
    told = bool((wrong | (label == 0)).all()) and MINIMUM_CELL <= wrong.sum() <= len(label) - MINIMUM_CELL
    rows: list[list[Cell]] = []
    for name, score in ways.items():
        agrees = (first & _top(score, study.places)).sum() / study.places
        row: list[Cell] = [name, *WAYS[name], study.records.rows, significant(agrees)]
        if told:
            row += [significant(one) for one in separation(wrong, score[known])]
        rows.append(row)
    columns = [
        dimension("by", "방법", "By"),
        *LABELS,
        RECORDS,
        measured("agrees", "잔차와 일치", "Agrees with the residual", of="records"),
    ]
    if told:
        columns += [
            measured("roc_auc", "ROC-AUC", "ROC-AUC", of="records"),
            measured("average_precision", "평균 정밀도", "Average precision", of="records"),
        ]
    return table("layers", titles.TABLES["layers"], columns, rows)


def _top(score: Floats, places: int) -> Flags:
    found = np.zeros(len(score), dtype=bool)
    found[np.argsort(-score, kind="stable")[:places]] = True
    return found


def make_figures(tables: dict[str, Table]) -> dict[str, Spec]:
    if "findings_by_column" not in tables:
        return {}
    body = bars("records", text("기록 수", "Records"))
    return {"column_figure": figure("column_figure", titles.FIGURES["column_figure"], "findings_by_column", body)}


def make_metrics(study: Study) -> dict[str, Any]:
    rows, listed = study.records.rows, len(study.listed)
    figures = [
        metric("records", ("기록", "Records"), rows, rows, "records"),
        metric("columns", ("비교한 열", "Columns compared"), len(study.scores.columns), rows),
        metric("review_places", ("검토 가능한 기록", "Records that can be reviewed"), study.places, rows),
    ]
    if MINIMUM_CELL <= listed <= rows - MINIMUM_CELL:
        figures.append(metric("listed", ("명단에 오른 기록", "Records listed"), listed, listed, "records"))
    notes = text("이상은 오류의 증거가 아니라 다시 볼 이유입니다.", "A finding is a reason to look again, no proof of an error.")
    return {"name": "summary", "figures": figures, "split": {"kind": "folds"}, "notes": notes}
