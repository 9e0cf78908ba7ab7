"""What lets a method work on more rows than stand in memory: stored columns, ranks for names, scores in blocks, parts."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from deploy.evaluate import ghg
from services.analysis.methods.ghg_anomalies.panel import read
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.parts import conduct_all, spans
from services.analysis.methods.ghg_anomalies.study import conduct
from services.analysis.methods.toolkit import scoring
from services.analysis.methods.toolkit.encoding import fit_encoding
from services.analysis.methods.toolkit.models import MOST_ROWS, sample
from services.analysis.methods.toolkit.reading import Reading, read_rows
from services.analysis.methods.toolkit.reference import Reference, reference_of, spread_of
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.stored import Table
from services.analysis.worker import sdk
from services.analysis.worker.sdk import Bundle, MethodError

SIZE = 3000
CELLS = """
SELECT {name} AS pseudonym, i % 7 = 0 AS table__outcome, CASE WHEN i % 5 > 0 THEN hash(i) % 1000 / 7.0 END AS table__income,
       CASE WHEN i % 11 > 0 THEN ['a', 'b', 'ㄱ'][1 + i % 3] END AS table__kind, CASE WHEN i = 9 THEN 'inf'::DOUBLE ELSE i END
       AS table__much, DATE '2020-01-01' + (i % 400)::INTEGER AS table__seen
FROM range({rows}) t(i)
"""


def quiet(progress: float, message: str) -> None:
    """Nobody listens."""


def bundle_of(folder: Path, name: str = "printf('%08d', i // 2)", rows: int = SIZE) -> Bundle:
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({CELLS.format(name=name, rows=rows)}) TO '{folder}/linked.parquet' (FORMAT parquet)")
    return Bundle(folder)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "PIECE", 700)


@pytest.mark.usefixtures("small_pieces")
def test_stored_columns_are_those_of_the_bundle_piece_by_piece(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path)
    table, whole = Table(bundle), bundle.columns()
    places = np.array([2999, 5, 5, 700, 699])
    assert [*table] == [name for name in whole if name != "pseudonym"]
    for name in table:
        expected = np.where(np.isinf(whole[name]), np.nan, whole[name]) if whole[name].dtype.kind == "f" else whole[name]
        np.testing.assert_array_equal(table.read(name), expected)
        np.testing.assert_array_equal(table.read(name, places), expected[places])


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", ["printf('%08d', i // 2)", "md5((i // 2)::VARCHAR)"])
def test_subjects_are_numbered_in_the_order_of_their_rows_and_lead_back_to_them(tmp_path: Path, name: str) -> None:
    bundle = bundle_of(tmp_path, name)
    table, names = Table(bundle), bundle.columns(["pseudonym"])["pseudonym"]
    distinct = np.array([*dict.fromkeys(names.tolist())])
    number = {name: at for at, name in enumerate(distinct.tolist())}
    ranks = np.array([number[name] for name in names.tolist()])
    np.testing.assert_array_equal(table.ranks, ranks)
    places = np.array([1234, 0, 2999, 1235])
    assert table.subjects.names(table.ranks[places]).tolist() == names[places].tolist()
    assert table.subjects.names(np.arange(len(distinct))).tolist() == distinct.tolist()


def test_an_empty_table_has_columns_and_no_rows(tmp_path: Path) -> None:
    table = Table(bundle_of(tmp_path, rows=0))
    assert (table.rows, table.read("table__income").tolist(), table.ranks.tolist()) == (0, [], [])


def rows_of(folder: Path) -> Rows:
    return read_rows(Table(bundle_of(folder)), Reading(outcome=("outcome",)))


def test_scores_in_blocks_are_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(tmp_path)
    encoding, member = fit_encoding(rows, rows.known), np.arange(SIZE) % 3 > 0
    models = {"sum": lambda matrix: np.nansum(matrix, axis=1), "first": lambda matrix: matrix[:, 0].astype(np.float64)}
    whole = {name: score(encoding.matrix(rows)[member]) for name, score in models.items()}
    monkeypatch.setattr(scoring, "BLOCK", 300)
    found = scoring.score_rows(encoding, rows, member, models)
    for name, expected in whole.items():
        np.testing.assert_array_equal(found[name], expected)
    by_column = reference_of(encoding, rows, member, models["sum"])
    matrix = encoding.matrix(rows)[member]
    spreads = {name: spread_of(matrix[:, at], encoding.codes.get(name, ())) for at, name in enumerate(encoding.names)}
    assert by_column == Reference(len(matrix), spreads, spread_of(whole["sum"]))


def test_the_sample_is_the_same_each_time_and_of_the_training_rows_alone() -> None:
    train = np.arange(MOST_ROWS * 3) % 2 == 1
    chosen = sample(train)
    assert len(np.unique(chosen)) == MOST_ROWS
    assert train[chosen].all()
    np.testing.assert_array_equal(chosen, sample(train))
    few = np.arange(100) % 2 == 1
    np.testing.assert_array_equal(sample(few), np.flatnonzero(few))


def test_statements_in_parts_lose_no_facility_and_find_what_the_whole_finds(tmp_path: Path, few_trees: None) -> None:
    bundle, _ = ghg.link(tmp_path, 2500, 3)
    parameters = Parameters.read({})
    whole, (parted, forest) = conduct(read(bundle), parameters), conduct_all(bundle, parameters, quiet, most=1300)
    assert len(spans(bundle, 1300)) == 2
    assert parted.panel.pseudonyms.tolist() == whole.panel.pseudonyms.tolist()
    assert parted.panel.rows == whole.panel.rows == len(forest)
    np.testing.assert_array_equal(parted.panel.facility, whole.panel.facility)
    np.testing.assert_array_equal(parted.panel.row_stream, whole.panel.row_stream)
    np.testing.assert_array_equal(parted.panel.of_stream("ksic_code")[0], whole.panel.of_stream("ksic_code")[0])
    certain = [
        {(int(at), int(first)) for at, first in zip(each.stream, each.first, strict=True)}
        for each in (study.findings.take(study.findings.layer == 0) for study in (whole, parted))
    ]
    assert len(certain[0] & certain[1]) >= 0.9 * len(certain[0] | certain[1])


def test_parts_of_a_table_that_scatters_a_facility_are_refused(tmp_path: Path, few_trees: None) -> None:
    ghg.link(tmp_path, 2500, 3)
    (tmp_path / "turned").mkdir()
    with duckdb.connect() as connection:
        turned = f"SELECT * FROM '{tmp_path}/linked.parquet' ORDER BY statements__period, pseudonym"
        connection.execute(f"COPY ({turned}) TO '{tmp_path}/turned/linked.parquet' (FORMAT parquet)")
    with pytest.raises(MethodError) as caught:
        conduct_all(Bundle(tmp_path / "turned"), Parameters.read({}), quiet, most=1300)
    assert caught.value.code == "not-in-order"
