"""The sdk's work in bulk: SQL in a locked database with hard limits, and scores of every row in blocks."""

import hashlib
import hmac
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given as having
from hypothesis import settings, strategies

from services.analysis.worker import sdk
from services.analysis.worker.sdk import Bundle, Means, MethodError
from tests.analysis.weighted_models import difference, weighted
from tests.exploring import examples

ROWS = 1000
CELLS = """range AS n, sha256(range::VARCHAR) AS pseudonym, CASE WHEN range % 7 = 0 THEN NULL ELSE range / 4 END AS a__x,
    (range * 31 % 97)::BIGINT AS a__y, range % 2 = 0 AS a__flag, 'r' || range % 3 AS a__region,
    DATE '2025-01-01' + (range % 5)::INT AS a__day"""


def bundle_of(folder: Path, rows: int = ROWS, **means: Any) -> Bundle:
    for name in ("bundle", "work"):
        (folder / name).mkdir()
    with duckdb.connect() as connection:
        table = f"SELECT * EXCLUDE (n) FROM (SELECT {CELLS} FROM range({rows})) ORDER BY n"
        connection.execute(f"COPY ({table}) TO '{folder}/bundle/linked.parquet' (ROW_GROUP_SIZE 2048)")
    values: dict[str, Any] = {"memory_mb": 512, "threads": 2, "work": folder / "work"}
    return Bundle(folder / "bundle", means=Means(**values | means))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return bundle_of(tmp_path)


def test_one_select_gives_columns_like_any_other(bundle: Bundle) -> None:
    query = "SELECT a__region AS region, count(*) AS n, max(a__day) AS last FROM linked WHERE a__y < $1 GROUP BY 1 ORDER BY 1"
    found = bundle.sql(query, [50])
    columns = bundle.columns(["a__region", "a__y"])
    chosen = columns["a__y"] < 50
    assert found["region"].tolist() == ["r0", "r1", "r2"]
    assert found["n"].tolist() == [(chosen & (columns["a__region"] == region)).sum() for region in found["region"]]
    assert found["n"].dtype == np.float64
    assert found["last"].tolist() == ["2025-01-05"] * 3


def test_the_database_reads_the_bundle_and_writes_its_own_folder_only(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("a\n1\n")
    hidden = {"one": np.array([1])}
    assert hidden
    refused = [
        f"SELECT * FROM read_csv('{tmp_path}/outside.csv')",
        f"SELECT * FROM read_csv('{tmp_path}/work/../outside.csv')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('https://example.org/a.csv')",
        "SET memory_limit = '10GB'",
        "SET threads = 64",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET lock_configuration",
        "SELECT * FROM hidden",
        "SELECT * FROM read_text('/proc/self/environ')",
    ]
    with bundle.database() as connection:
        for sql in refused:
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
        connection.execute(f"COPY (SELECT 1 AS one) TO '{tmp_path}/work/one.parquet'")
        assert connection.execute(f"SELECT * FROM read_parquet('{tmp_path}/work/one.parquet')").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM linked").fetchall() == [(ROWS,)]


def test_what_does_not_fit_spills_into_the_private_folder_and_no_further(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, memory_mb=64)
    sql = "CREATE TEMP TABLE big AS SELECT sha256(i::VARCHAR) AS k FROM range(800000) t(i)"
    with bundle.database() as connection:
        connection.execute(sql)
        assert list((tmp_path / "work").glob("spill-*/*"))
        assert connection.execute("SELECT count(*) FROM big").fetchall() == [(800_000,)]
    assert list((tmp_path / "work").iterdir()) == []
    small = Bundle(bundle.folder, means=Means(memory_mb=64, disk_mb=10, work=tmp_path / "work"))
    with small.database() as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(sql)


def test_columns_that_are_not_there_or_no_numbers(bundle: Bundle) -> None:
    for ask, code in ((["a__z"], "missing-column"), (["a__x", "a__region"], "not-a-number"), (["a__day"], "not-a-number")):
        with pytest.raises(MethodError) as caught:
            list(bundle.blocks(ask))
        assert caught.value.code == code


def test_pieces_are_of_the_columns_and_the_size_that_are_asked_for(bundle: Bundle) -> None:
    names = ["a__region", "a__x"]
    pieces, whole = list(bundle.pieces(names, 300)), bundle.columns(names)
    assert [list(piece) for piece in pieces] == [names] * 4
    assert [len(piece["a__x"]) for piece in pieces] == [300, 300, 300, 100]
    for name in names:
        np.testing.assert_array_equal(np.concatenate([piece[name] for piece in pieces]), whole[name])
    with pytest.raises(MethodError, match="missing-column"):
        next(bundle.pieces(["a__z"]))


@pytest.mark.parametrize("rows", [0, 1, 2047, 5000])
def test_scores_are_those_of_the_whole_table_at_once(tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks smaller than a row group, not a divisor of it, and reads of several of them."""
    monkeypatch.setattr(sdk, "BLOCK", 700)
    bundle = bundle_of(tmp_path, rows)
    features = ["a__x", "a__flag", "a__y"]
    blocks = list(bundle.blocks(features))
    assert sum(len(block) for block in blocks) == rows
    assert all(block.dtype == np.float32 and block.flags.c_contiguous and len(block) <= 700 for block in blocks)
    columns = bundle.columns(features)
    expected = 2 * np.nan_to_num(columns["a__x"]) - columns["a__flag"] + 0.5 * columns["a__y"]
    scores = bundle.score(weighted([2, -1, 0.5]), features)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    (tmp_path / "m.onnx").write_bytes(difference("a__y", "a__flag"))
    apart = bundle.score(tmp_path / "m.onnx", features)
    np.testing.assert_array_equal(apart, columns["a__y"] - columns["a__flag"])


def test_scores_are_kept_beside_their_pseudonyms(bundle: Bundle, tmp_path: Path) -> None:
    scores = bundle.score(weighted([1]), ["a__y"])
    path = bundle.write(tmp_path / "work" / "scores.parquet", {"score": scores, "twice": 2 * scores})
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT pseudonym, score, twice FROM read_parquet($1)", [str(path)]).fetchall()
    columns = bundle.columns(["pseudonym", "a__y"])
    assert rows == [(name, y, 2 * y) for name, y in zip(columns["pseudonym"], columns["a__y"], strict=True)]
    with pytest.raises(ValueError):
        bundle.write(tmp_path / "work" / "short.parquet", {"score": scores[:-1]})
    with pytest.raises(duckdb.Error):
        bundle.write(tmp_path / "elsewhere.parquet", {"score": scores})


@settings(max_examples=examples(50))
@having(
    key=strategies.binary(min_size=32, max_size=32), text=strategies.text(min_size=1, max_size=30).filter(lambda t: "\0" not in t)
)
def test_a_keyed_digest_in_this_database_is_hmac(tmp_path_factory: pytest.TempPathFactory, key: bytes, text: str) -> None:
    """Prepare's way of making pseudonyms holds in the child's database, too."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    folder = tmp_path_factory.getbasetemp() / "hmac"
    bundle = Bundle(folder / "bundle", means=Means(work=folder / "work")) if folder.exists() else bundle_of(made(folder), 1)
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    found = bundle.sql("SELECT sha256($1 || unhex(sha256($2 || encode($3)))) AS digest", [outer, inner, text])
    assert found["digest"].tolist() == [hmac.new(key, text.encode(), hashlib.sha256).hexdigest()]


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
