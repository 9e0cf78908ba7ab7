"""How many kinds, whether they are real, and what is typical of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from services.analysis.methods.clustering.card import CARD, SCHEMA
from services.analysis.methods.clustering.chance import Chance, by_chance
from services.analysis.methods.clustering.members import Members, fit, learned, members, silhouette
from services.analysis.methods.clustering.space import Space, make_space
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.arrays import Matrix
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.export import RefusedError, export
from services.analysis.methods.toolkit.layout import Cell, Table, count, dimension, figure, measured, rounded, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.rows import Words
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report
from shared.contracts import TrainedBy, TrainingPeriod

FEWEST, SAMPLE, FIRST = 60, 2000, 20_000
CHOICES = range(2, 9)
BY_CHANCE: Words = ("유형이 없을 때의 실루엣", "Silhouette without any kinds")
EXCESS: Words = ("우연을 넘는 정도(표준오차)", "Standard errors above chance")


@dataclass(frozen=True)
class Choice:
    """One number of clusters, beside what data without kinds give."""

    clusters: int
    silhouette: float
    stability: float
    chance: Chance


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    size = int(bundle.sql("SELECT count(*) AS rows FROM linked")["rows"][0])
    if size < FEWEST:
        raise MethodError("too-few-rows", f"There are fewer than {FEWEST} rows.")
    space = make_space(bundle, size, given["left_out"])
    if not space.scales:
        raise MethodError("no-features", "The table has no column of numbers that differ.")
    report(0.1, "choosing how many")
    tried = choices(space, given["clusters"], report)
    kinds = [each for each in tried if each.chance.beaten]
    if not kinds:
        return without_kinds(tried, size)
    chosen = max(kinds, key=lambda each: each.silhouette)
    report(0.8, "describing")
    model = fit(learned(space), chosen.clusters)
    member = members(model, space)
    words = {name: given["titles"].get(name, (name, name)) for name in space.names}
    made = [clusters_table(member), profile(member, space, words), choices_table(tried, size)]
    drawn = figures.bars("profile_figure", ("군집별 특성", "What is typical of each cluster"), "profile", "place", PLACE)
    return Outputs(
        tables={each["name"]: each for each in made},
        figures={"profile_figure": drawn},
        metrics={"summary": summary(chosen, size, int(member.max()))},
        models=exported(model, space, chosen),
    )


def without_kinds(tried: list[Choice], size: int) -> Outputs:
    """Nothing lies above chance: no clusters, no profile and no model, only what was compared."""
    nearest = max(tried, key=lambda each: each.chance.excess)
    note = text(
        "이 표의 대상은 유형으로 나뉘지 않습니다. 유형이 없는 자료에서도 이만한 실루엣이 나옵니다. "
        "그래서 군집별 특성과 모형은 내지 않았습니다.",
        "The subjects of this table do not fall into kinds: data without any kinds give such silhouettes too. "
        "So there is no profile and no model.",
    )
    figures = [figure("clusters", text("군집 수", "Clusters"), 1, size), *compared(nearest, size)]
    return Outputs(
        tables={"choices": choices_table(tried, size)},
        metrics={"summary": {"name": "summary", "figures": figures, "split": None, "notes": note}},
    )


PLACE: Words = ("중앙값 대비 위치", "Place beside the median")


def choices(space: Space, wanted: int | None, report: Report) -> list[Choice]:
    rng = np.random.default_rng(0)
    sample = space.at(np.sort(rng.choice(space.rows, min(SAMPLE, space.rows), replace=False)))
    numbers_tried = [wanted] if wanted else [each for each in CHOICES if each < len(np.unique(sample, axis=0))]
    if not numbers_tried:
        raise MethodError("no-features", "The rows do not differ.")
    chances = by_chance(sample, numbers_tried, lambda share: report(0.1 + 0.4 * share, "data without kinds"))
    tried = []
    for at, (clusters, chance) in enumerate(zip(numbers_tried, chances, strict=True)):
        report(0.5 + 0.3 * at / len(numbers_tried), f"{clusters} clusters")
        tried.append(Choice(clusters, silhouette(sample, clusters), stability(sample, clusters), chance))
    return tried


def stability(rows: Matrix, clusters: int) -> float:
    """Whether two halves tell the same kinds apart."""
    order = np.random.default_rng(1).permutation(len(rows))
    halves = (fit(rows[order[::2]], clusters), fit(rows[order[1::2]], clusters))
    return float(adjusted_rand_score(*(half.predict(rows) for half in halves)))


def clusters_table(member: Members) -> Table:
    rows: list[list[Cell]] = [[str(code), int((member == code).sum())] for code in range(1, member.max() + 1)]
    columns = [dimension("cluster", "군집", "Cluster"), count("subjects", "대상 수", "Subjects")]
    return table("clusters", ("군집", "Clusters"), columns, rows, text("큰 군집부터.", "The largest first."))


def profile(member: Members, space: Space, words: dict[str, Words]) -> Table:
    """Mean of each column in each cluster, and where it lies beside the median of all; only where ten have a value."""
    codes = range(1, member.max() + 1)
    by_cluster: dict[int, list[list[Cell]]] = {code: [] for code in codes}
    for (name, (ko, en)), (values, place) in zip(words.items(), space.columns(), strict=True):
        for code, rows in by_cluster.items():
            own = member == code
            size, known = int(own.sum()), values[own & np.isfinite(values)]
            if len(known) >= MINIMUM_CELL and size - len(known) not in range(1, MINIMUM_CELL):
                typical = [rounded(float(known.mean())), rounded(float(place[own].mean()))]
                rows.append([str(code), name, f"{code}: {ko}", f"{code}: {en}", size, *typical])
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
    told = [row for rows in by_cluster.values() for row in rows]
    return table("profile", ("군집별 특성", "What is typical of each cluster"), made, told, note)


def choices_table(tried: list[Choice], size: int) -> Table:
    rows: list[list[Cell]] = [
        [
            str(each.clusters),
            size,
            round(each.silhouette, 4),
            round(each.chance.silhouette, 4),
            round(each.chance.excess, 1),
            round(each.stability, 4),
        ]
        for each in tried
    ]
    columns = [
        dimension("number", "군집 수", "Number of clusters"),
        count("subjects", "대상 수", "Subjects"),
        measured("silhouette", "실루엣", "Silhouette", of="subjects"),
        measured("by_chance", *BY_CHANCE, of="subjects"),
        measured("excess", *EXCESS, of="subjects"),
        measured("stability", "안정성", "Stability", of="subjects"),
    ]
    note = text(
        "유형이 없는 자료 세 가지의 실루엣보다 표준오차 5배 넘게 높아야 군집이 있다고 봅니다.",
        "There are clusters only where the silhouette is more than 5 standard errors above each of three kinds of data "
        "without any: one spread with the same covariance, one box, shuffled columns.",
    )
    return table("choices", ("군집 수의 선택", "How many clusters there are"), columns, rows, note)


def summary(chosen: Choice, size: int, clusters: int) -> dict[str, Any]:
    found = [
        figure("clusters", text("군집 수", "Clusters"), clusters, size),
        *compared(chosen, size),
        figure("stability", text("안정성", "Stability"), chosen.stability, size),
    ]
    return {"name": "summary", "figures": found, "split": None, "notes": None}


def compared(choice: Choice, size: int) -> list[dict[str, Any]]:
    """The silhouette beside what data without kinds give."""
    return [
        figure("silhouette", text("실루엣", "Silhouette"), choice.silhouette, size),
        figure("by_chance", text(*BY_CHANCE), choice.chance.silhouette, size),
        figure("excess", text(*EXCESS), choice.chance.excess, size),
    ]


def exported(model: KMeans, space: Space, chosen: Choice) -> dict[str, bytes]:
    """Takes scaled columns, not the columns themselves: each round is scaled by its own median and width."""
    by, period = TrainedBy(name=CARD.name, version=CARD.version), TrainingPeriod(rows=space.rows)
    metrics = {"silhouette": chosen.silhouette, "stability": chosen.stability}
    sample = space.block(range(min(space.rows, FIRST)))
    try:
        return {"clusters_model": export(model, space.names, sample, method=by, training=period, metrics=metrics)}
    except RefusedError:
        return {}
