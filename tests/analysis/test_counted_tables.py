"""Cross tables and clusters of tables that do not stand in memory: what the database counts and what blocks tell is what a plain
computation over all rows gives."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from sklearn.cluster import KMeans

from services.analysis.methods import clustering, cross_tabulation
from services.analysis.methods.clustering import chance, members, space
from services.analysis.methods.cross_tabulation.counts import edges_of
from services.analysis.methods.toolkit.arrays import texts
from services.analysis.methods.toolkit.disclosure import Level, levels
from services.analysis.worker.sdk import Bundle
from tests.analysis.linked import records, silent, write

SIZE = 5000
CELLS = """
SELECT sha256((i // 2)::VARCHAR) AS pseudonym,
       CASE WHEN i % 11 > 0 THEN ['서울', 'b''"', 'unknown', '=cmd()', repeat('ㄱ', 45) || i % 2][1 + (hash(i) % 5)::INTEGER] END
       AS table__place,
       'v' || sqrt(hash(i + 3) % 10000)::INTEGER AS table__many,
       CASE WHEN i % 700 = 0 THEN 'rare' WHEN i % 3 = 0 THEN 'often' ELSE 'other' END AS table__few,
       CASE WHEN i % 5 = 0 THEN NULL WHEN i % 17 = 0 THEN 'nan'::DOUBLE WHEN i % 19 = 0 THEN 'inf'::DOUBLE
            WHEN i % 23 = 0 THEN '-inf'::DOUBLE ELSE hash(i) % 100000 / 7.0 END AS table__income,
       hash(i + 1) % 4 AS table__band, i % 3 = 0 AS table__flag, (hash(i + 2) % 900 / 100.0)::DECIMAL(9, 2) AS table__rate,
       CASE WHEN i % 6 = 0 THEN 'inf'::DOUBLE WHEN i % 7 > 0 THEN i % 2 + 0.5 END AS table__half,
       DATE '2020-01-01' + (i % 3)::INTEGER AS "table__a ""b"" day", NULL::VARCHAR AS table__none
FROM range(5000) t(i) ORDER BY pseudonym
"""


def bundle_of(folder: Path, **parameters: Any) -> Bundle:
    folder.mkdir(exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"COPY ({CELLS}) TO '{folder}/linked.parquet' (FORMAT parquet)")
    return Bundle(folder, parameters)


def plain_levels(values: Any, name: str, bins: int) -> list[Level]:
    """Row by row, with all rows in memory."""
    belongs = texts(values, len(values))
    known = np.isfinite(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if len(np.unique(values[known])) > bins:
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)[1:-1]))
        place = np.searchsorted(edges, values, side="right") + 1
        belongs = np.array([f"{at}/{len(edges) + 1}" if one else "unknown" for at, one in zip(place, known)], dtype=object)
    return levels(name, belongs, lambda member: int(member.sum()) >= 10)


def plain_cell(member: Any, measure: Any) -> tuple[int, float | None]:
    known = measure[member & np.isfinite(measure)]
    enough = len(known) >= 10 and member.sum() - len(known) not in range(1, 10)
    return int(member.sum()), round(float(known.mean()), 4) if enough else None


@pytest.mark.parametrize(
    ("down", "across", "measure", "bins"),
    [
        ("place", "few", "income", 5),
        ("many", "income", "rate", 7),
        ("income", "rate", "income", 20),
        ("half", "flag", "half", 2),
        ("band", 'a "b" day', "flag", 4),
        ("band", "place", "none", 3),
        ("rate", "rate", "band", 2),
    ],
)
def test_a_cross_table_is_that_of_all_rows(tmp_path: Path, down: str, across: str, measure: str, bins: int) -> None:
    bundle = bundle_of(tmp_path, rows=down, columns=across, measure=measure, bins=bins)
    found = {name.removeprefix("table__"): values for name, values in bundle.columns().items()}
    values = np.full(SIZE, np.nan) if measure == "none" else found[measure]
    outputs = cross_tabulation.run(bundle, silent)
    one, two = plain_levels(found[down], down, bins), plain_levels(found[across], across, bins)
    groups = [(level.code, level.words[1], *plain_cell(level.member, values)) for level in (*one, *two)]
    told = records(outputs.tables["groups"])
    assert [(row["level"], row["level_en"], row["subjects"], row["mean"]) for row in told] == groups
    cells = [(a.code, b.code, *plain_cell(a.member & b.member, values)) for a in one for b in two]
    told = records(outputs.tables["cells"])
    cells = [cell for cell in cells if cell[2] >= 10]
    assert [(row["row"], row["column"], row["subjects"], row["mean"]) for row in told] == cells


@pytest.mark.parametrize("bins", [2, 3, 5, 20])
def test_a_number_is_cut_where_a_plain_quantile_cuts_it(tmp_path: Path, bins: int) -> None:
    rng = np.random.default_rng(bins)
    for at, size in enumerate([21, 22, 99, 100, 1000, 3001]):
        for kind, values in enumerate([rng.lognormal(9, 3, size), rng.integers(0, 30, size) / 10, rng.normal(0, 1e-300, size)]):
            bundle = write(tmp_path / f"{at}-{kind}", {"x": values})
            expected = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])).tolist()
            assert edges_of(bundle, "table__x", size, bins) == expected


def plain_places(bundle: Bundle) -> tuple[dict[str, Any], Any]:
    """The columns that differ, and where their rows lie, with all of them in memory."""
    columns, made = {}, []
    for name, values in bundle.columns().items():
        known = values[np.isfinite(values)] if values.dtype.kind == "f" else np.zeros(0)
        if len(np.unique(known)) > 1:
            low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
            width = (high - low) or float(known.std())
            columns[name.removeprefix("table__")] = np.where(np.isfinite(values), values, np.nan)
            made.append(np.where(np.isfinite(values), np.clip((values - middle) / width, -2, 2), 0.0))
    return columns, np.column_stack(made).astype(np.float32)


def plain_joined(member: Any, matrix: Any) -> Any:
    while True:
        codes, sizes = np.unique(member, return_counts=True)
        if len(codes) == 1 or sizes.min() >= 10:
            break
        centres = np.array([matrix[member == code].mean(axis=0) for code in codes])
        small = int(sizes.argmin())
        distance = ((centres - centres[small]) ** 2).sum(axis=1)
        distance[small] = np.inf
        member = np.where(member == codes[small], codes[int(distance.argmin())], member)
    called = {code: place for place, code in enumerate(codes[np.argsort(-sizes, kind="stable")], start=1)}
    return np.array([called[code] for code in member])


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven blocks of rows, one column at a time."""
    monkeypatch.setattr(members, "BLOCK", 768)
    monkeypatch.setattr(space, "CELLS", 1)


@pytest.fixture
def kinds_at_any_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not told from chance is described too: here how it is read counts, not what it says."""
    monkeypatch.setattr(chance, "LEAST", -np.inf)


@pytest.mark.usefixtures("in_blocks", "kinds_at_any_rate")
def test_clusters_in_blocks_are_those_of_all_rows(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, clusters=5)
    columns, matrix = plain_places(bundle)
    member = plain_joined(KMeans(5, n_init=4, random_state=0).fit(matrix).predict(matrix), matrix)
    outputs = clustering.run(bundle, silent)
    sizes = {row["cluster"]: row["subjects"] for row in records(outputs.tables["clusters"])}
    assert sizes == {str(code): int((member == code).sum()) for code in sorted(set(member))}
    expected = []
    for code in sorted(set(member)):
        for at, (name, values) in enumerate(columns.items()):
            own = member == code
            if (cell := plain_cell(own, values))[1] is not None:
                expected.append((str(code), name, *cell, round(float(matrix[own, at].mean()), 4)))
    profile = records(outputs.tables["profile"])
    assert [(row["cluster"], row["column"], row["subjects"], row["mean"], row["place"]) for row in profile] == expected


@pytest.mark.fit
def test_how_it_is_read_changes_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    bundle = bundle_of(tmp_path)
    whole = clustering.run(bundle, silent)
    request.getfixturevalue("in_blocks")
    again = clustering.run(bundle, silent)
    assert (again.tables, again.metrics) == (whole.tables, whole.metrics)


def test_small_clusters_join_the_nearest_as_with_all_rows() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        clusters_, rows = int(rng.integers(1, 9)), int(rng.integers(1, 120))
        matrix = rng.normal(size=(rows, 3)).astype(np.float32)
        member = rng.choice(clusters_, rows, p=rng.dirichlet(np.full(clusters_, 0.5)))
        sizes = np.bincount(member, minlength=clusters_)
        sums = np.array([matrix[member == code].sum(axis=0, dtype=np.float64) for code in range(clusters_)])
        np.testing.assert_array_equal(members.joined(sizes, sums)[member], plain_joined(member, matrix))


@pytest.mark.fit
def test_clusters_are_learned_from_all_rows_up_to_a_size_and_from_a_sample_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = bundle_of(tmp_path)
    all_rows = space.make_space(bundle, SIZE, ())
    matrix = plain_places(bundle)[1]
    monkeypatch.setattr(members, "LARGEST", SIZE)
    np.testing.assert_array_equal(members.learned(all_rows), matrix)
    monkeypatch.setattr(members, "LARGEST", SIZE - 1)
    drawn = np.random.default_rng(0).choice(SIZE, SIZE - 1, replace=False)
    np.testing.assert_array_equal(members.learned(all_rows), matrix[drawn])
    outputs = clustering.run(bundle, silent)
    assert sum(row["subjects"] for row in records(outputs.tables["clusters"])) == SIZE
