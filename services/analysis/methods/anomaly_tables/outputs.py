"""What a study gives: the list of records with the columns that are strange, and aggregates over enough of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from services.analysis.methods.anomaly_tables import titles
from services.analysis.methods.anomaly_tables.records import Records
from services.analysis.methods.anomaly_tables.scores import WORDS, Scores
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
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.methods.deviation.robust import Codes, Floats

MOST, SMALLEST = 3, 2.0
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
    def strangest(self) -> Codes:
        """Of each listed row the strangest column."""
        return np.asarray(np.argmax(np.abs(self.scores.each[self.listed]), axis=1), dtype=np.int64)


def choose(records: Records, parameters: Parameters, scores: Scores) -> Study:
    order = np.lexsort((records.pseudonyms.astype(str), -scores.residual))[: parameters.places(records.rows)]
    return Study(records, parameters, scores, order[scores.residual[order] >= parameters.threshold])


def list_records(study: Study) -> list[dict[str, object]]:
    likely = np.minimum(1 - np.exp(-study.scores.residual[study.listed] / 4), 0.999)
    return [
        {
            "pseudonym": str(study.records.pseudonyms[row]),
            "score": round(float(score), 4),
            "reasons": _reasons(study, int(row)),
        }
        for row, score in zip(study.listed, likely, strict=True)
    ]


def _reasons(study: Study, row: int) -> list[dict[str, str]]:
    """At most three columns, the strangest first; their names in words, never a value."""
    each, numbers = np.abs(study.scores.each[row]), study.records.numbers.shape[1]
    chosen = [int(at) for at in np.argsort(-each, kind="stable")[:MOST] if each[at] >= SMALLEST]
    told = []
    for at in chosen:
        why = study.scores.why(row, at, numbers)
        (ko, en), name = WORDS[why], study.scores.columns[at]
        told.append({"code": why.value, "ko": f"{name}: {ko}", "en": f"{name}: {en}"})
    return told


def make_tables(study: Study) -> dict[str, Table]:
    made = (by_column(study), by_group(study), layers(study))
    return {one["name"]: one for one in made if one["rows"]}


def by_column(study: Study) -> Table:
    names = study.scores.columns
    sizes = {name: int((study.strangest == at).sum()) for at, name in enumerate(names)}
    rows: list[list[Cell]] = []
    for name, parts in grouped(sizes).items():
        label = OTHER if parts != [name] else (name, name)
        rows.append([name, *label, sum(sizes[part] for part in parts)])
    rows.sort(key=lambda row: -int(row[-1]))
    notes = text("각 기록에서 가장 이상한 열 하나만 셉니다.", "Of each record the strangest column alone is counted.")
    columns = [dimension("column", "열", "Column"), *LABELS, RECORDS]
    return table("findings_by_column", titles.TABLES["findings_by_column"], columns, rows, notes)


def by_group(study: Study) -> Table:
    """Peer groups with enough records on either side; the others together."""
    group, listed = study.records.peers, np.zeros(study.records.rows, dtype=bool)
    listed[study.listed] = True
    names = [name[:LONGEST] for name in study.records.peer_names]
    inside = {str(at): int((listed & (group == at)).sum()) for at in range(len(names))}
    smaller = {at: max(1, min(found, int((group == int(at)).sum()) - found)) for at, found in inside.items()}
    rows: list[list[Cell]] = []
    for name, parts in grouped(smaller).items():
        member = np.isin(group, [int(part) for part in parts])
        every, found = int(member.sum()), int((member & listed).sum())
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
    places = study.parameters.places(study.records.rows)
    ways: dict[str, Floats] = {name: getattr(study.scores, name) for name in WAYS}
    tops = {name: set(np.argsort(-score, kind="stable")[:places].tolist()) for name, score in ways.items()}
    known = np.isfinite(study.records.label)
    label = study.records.label[known]
    told = len(np.unique(label)) == 2 and min(int(label.sum()), int((1 - label).sum())) >= MINIMUM_CELL
    rows: list[list[Cell]] = []
    for name, score in ways.items():
        agrees = len(tops[name] & tops["residual"]) / places
        row: list[Cell] = [name, *WAYS[name], study.records.rows, significant(agrees)]
        if told:
            row += [significant(roc_auc_score(label, score[known])), significant(average_precision_score(label, score[known]))]
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
        metric("review_places", ("검토 가능한 기록", "Records that can be reviewed"), study.parameters.places(rows), rows),
    ]
    if MINIMUM_CELL <= listed <= rows - MINIMUM_CELL:
        figures.append(metric("listed", ("명단에 오른 기록", "Records listed"), listed, listed, "records"))
    notes = text("이상은 오류의 증거가 아니라 다시 볼 이유입니다.", "A finding is a reason to look again, no proof of an error.")
    return {"name": "summary", "figures": figures, "split": {"kind": "folds"}, "notes": notes}
