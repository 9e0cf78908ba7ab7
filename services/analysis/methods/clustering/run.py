"""How many kinds, whether they are real, and what is typical of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from services.analysis.methods.clustering.card import CARD, SCHEMA
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.arrays import Floats, Matrix, Whole, numbers
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.export import RefusedError, export
from services.analysis.methods.toolkit.layout import Cell, Table, count, dimension, figure, measured, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.rows import Words
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report
from shared.contracts import TrainedBy, TrainingPeriod

FEWEST, LARGEST, SAMPLE = 60, 200_000, 2000
CHOICES = range(2, 9)


@dataclass(frozen=True)
class Choice:
    """One number of clusters, beside what shuffled columns give."""

    clusters: int
    silhouette: float
    stability: float
    by_chance: float


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    found = bundle.columns()
    columns = {
        name.removeprefix("table__"): numbers(values, len(values), name)
        for name, values in found.items()
        if name != "pseudonym" and values.dtype.kind != "O" and name.removeprefix("table__") not in given["left_out"]
    }
    columns = {name: values for name, values in columns.items() if len(np.unique(values[np.isfinite(values)])) > 1}
    size = len(found["pseudonym"])
    if size < FEWEST:
        raise MethodError("too-few-rows", f"There are fewer than {FEWEST} rows.")
    if not columns:
        raise MethodError("no-features", "The table has no column of numbers that differ.")
    matrix = scaled(columns)
    report(0.1, "choosing how many")
    tried = choices(matrix, given["clusters"], report)
    chosen = max(tried, key=lambda each: each.silhouette)
    report(0.8, "describing")
    model = fit(matrix, chosen.clusters)
    member = joined(model.predict(matrix), matrix)
    words = {name: given["titles"].get(name, (name, name)) for name in columns}
    made = [clusters_table(member), profile(member, columns, words), choices_table(tried, size)]
    drawn = figures.bars("profile_figure", ("군집별 특성", "What is typical of each cluster"), "profile", "place", PLACE)
    models = exported(model, list(columns), matrix, chosen)
    return Outputs(
        tables={each["name"]: each for each in made},
        figures={"profile_figure": drawn},
        metrics={"summary": summary(chosen, size, len(set(member)))},
        models=models,
    )


PLACE: Words = ("중앙값 대비 위치", "Place beside the median")
CUT = 2.0


def scaled(columns: dict[str, Floats]) -> Matrix:
    """Each column by its median and the width of its middle eight tenths, cut at two widths; gaps are 0. [rows, columns]"""
    made = []
    for values in columns.values():
        known = values[np.isfinite(values)]
        low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
        width = (high - low) or float(known.std())
        made.append(np.where(np.isfinite(values), np.clip((values - middle) / width, -CUT, CUT), 0.0))
    return np.column_stack(made).astype(np.float32)


def fit(matrix: Matrix, clusters: int, seed: int = 0) -> KMeans:
    rng = np.random.default_rng(seed)
    rows = matrix if len(matrix) <= LARGEST else matrix[rng.choice(len(matrix), LARGEST, replace=False)]
    return KMeans(clusters, n_init=4, random_state=seed).fit(rows)


def choices(matrix: Matrix, wanted: int | None, report: Report) -> list[Choice]:
    rng = np.random.default_rng(0)
    sample = matrix[np.sort(rng.choice(len(matrix), min(SAMPLE, len(matrix)), replace=False))]
    shuffled = np.column_stack([rng.permutation(column) for column in sample.T])
    numbers_tried = [wanted] if wanted else [each for each in CHOICES if each < len(np.unique(sample, axis=0))]
    if not numbers_tried:
        raise MethodError("no-features", "The rows do not differ.")
    tried = []
    for at, clusters in enumerate(numbers_tried):
        report(0.1 + 0.7 * at / len(numbers_tried), f"{clusters} clusters")
        tried.append(Choice(clusters, silhouette(sample, clusters), stability(sample, clusters), silhouette(shuffled, clusters)))
    return tried


def silhouette(rows: Matrix, clusters: int) -> float:
    label = fit(rows, clusters).labels_
    return float(silhouette_score(rows, label)) if len(set(label)) > 1 else 0.0


def stability(rows: Matrix, clusters: int) -> float:
    """Whether two halves tell the same kinds apart."""
    order = np.random.default_rng(1).permutation(len(rows))
    halves = (fit(rows[order[::2]], clusters), fit(rows[order[1::2]], clusters))
    return float(adjusted_rand_score(*(half.predict(rows) for half in halves)))


def joined(member: Whole, matrix: Matrix) -> Whole:
    """Clusters of fewer than ten join the nearest; numbered from 1, the largest first."""
    while True:
        codes, sizes = np.unique(member, return_counts=True)
        if len(codes) == 1 or sizes.min() >= MINIMUM_CELL:
            break
        centres = np.array([matrix[member == code].mean(axis=0) for code in codes])
        small = int(sizes.argmin())
        distance = ((centres - centres[small]) ** 2).sum(axis=1)
        distance[small] = np.inf
        member = np.where(member == codes[small], codes[int(distance.argmin())], member)
    order = codes[np.argsort(-sizes, kind="stable")]
    return np.asarray([{code: place for place, code in enumerate(order, start=1)}[code] for code in member], dtype=np.int64)


def clusters_table(member: Whole) -> Table:
    rows: list[list[Cell]] = [[str(code), int((member == code).sum())] for code in sorted(set(member))]
    columns = [dimension("cluster", "군집", "Cluster"), count("subjects", "대상 수", "Subjects")]
    return table("clusters", ("군집", "Clusters"), columns, rows, text("큰 군집부터.", "The largest first."))


def profile(member: Whole, columns: dict[str, Floats], words: dict[str, Words]) -> Table:
    """Mean of each column in each cluster, and where it lies beside the median of all; only where ten have a value."""
    places = scaled(columns)
    rows: list[list[Cell]] = []
    for code in sorted(set(member)):
        for at, (name, values) in enumerate(columns.items()):
            known = values[(member == code) & np.isfinite(values)]
            gaps = int((member == code).sum()) - len(known)
            if len(known) < MINIMUM_CELL or 0 < gaps < MINIMUM_CELL:
                continue
            ko, en = words[name]
            place = float(places[member == code, at].mean())
            size = int((member == code).sum())
            rows.append([str(code), name, f"{code}: {ko}", f"{code}: {en}", size, round(float(known.mean()), 4), round(place, 4)])
    made = [
        dimension("cluster", "군집", "Cluster"),
        dimension("column", "항목", "Column"),
        dimension("label_ko", "이름", "Name in Korean"),
        dimension("label_en", "영어 이름", "Name"),
        count("subjects", "대상 수", "Subjects"),
        measured("mean", "평균", "Mean", of="subjects"),
        measured("place", *PLACE, of="subjects"),
    ]
    note = text(
        "값이 있는 대상이 10 미만이면 싣지 않았습니다.", "Left out where fewer than 10 subjects have a value, or have none."
    )
    return table("profile", ("군집별 특성", "What is typical of each cluster"), made, rows, note)


def choices_table(tried: list[Choice], size: int) -> Table:
    rows: list[list[Cell]] = [
        [str(each.clusters), size, *(round(value, 4) for value in (each.silhouette, each.by_chance, each.stability))]
        for each in tried
    ]
    columns = [
        dimension("number", "군집 수", "Number of clusters"),
        count("subjects", "대상 수", "Subjects"),
        measured("silhouette", "실루엣", "Silhouette", of="subjects"),
        measured("by_chance", "무작위 실루엣", "Silhouette of shuffled columns", of="subjects"),
        measured("stability", "안정성", "Stability", of="subjects"),
    ]
    note = text(
        "무작위 실루엣보다 높지 않으면 군집이 없다고 봅니다.",
        "Where the silhouette is no higher than of shuffled columns, there are no clusters.",
    )
    return table("choices", ("군집 수의 선택", "How many clusters there are"), columns, rows, note)


def summary(chosen: Choice, size: int, clusters: int) -> dict[str, Any]:
    found = [
        figure("clusters", text("군집 수", "Clusters"), clusters, size),
        figure("silhouette", text("실루엣", "Silhouette"), chosen.silhouette, size),
        figure("by_chance", text("무작위 실루엣", "Silhouette of shuffled columns"), chosen.by_chance, size),
        figure("stability", text("안정성", "Stability"), chosen.stability, size),
    ]
    return {"name": "summary", "figures": found, "split": None, "notes": None}


def exported(model: KMeans, names: list[str], matrix: Matrix, chosen: Choice) -> dict[str, bytes]:
    """Takes scaled columns, not the columns themselves: each round is scaled by its own median and width."""
    by, learned = TrainedBy(name=CARD.name, version=CARD.version), TrainingPeriod(rows=len(matrix))
    metrics = {"silhouette": chosen.silhouette, "stability": chosen.stability}
    try:
        return {"clusters_model": export(model, names, matrix[:20_000], method=by, training=learned, metrics=metrics)}
    except RefusedError:
        return {}
