"""What a library prints is never an answer, and DuckDB draws nothing: neither where a query is slow nor in any zone."""

import ast
import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.analysis.worker import launcher
from services.analysis.worker.launcher import Launcher
from services.catalog.profile import Limits, check_apart, process
from services.catalog.profile.process import Job
from services.results.report.pictures import draw
from shared.contracts import Column

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]
# Without a file of its own a program counts as interactive: DuckDB then draws after two seconds,
# as it does in a module that is started with `python -m`.
SLOW = """
import sys, time
from contextlib import contextmanager
from pathlib import Path
folder = Path(sys.argv[1])
OPEN
with opened as connection:
    began, rows = time.monotonic(), 1 << 28
    while time.monotonic() - began < 2.5:
        rows *= 2
        began = time.monotonic()
        connection.execute(f"SELECT sum(hash(i) % 7) FROM range({rows}) t(i)").fetchall()
    print(connection.execute("SELECT current_setting('TimeZone')").fetchone()[0], file=sys.stderr)
"""
PREPARE = "from services.analysis.prepare.readers import locked\nopened = locked(folder)"
CHECK = """
from services.catalog.profile.engine import locked_engine
from services.catalog.schemas.limits import Limits
opened = locked_engine(folder, Limits())
"""
METHOD = """
import duckdb
from services.analysis.worker.sdk import Bundle, Means
duckdb.sql("SELECT 1 AS a").write_parquet(str(folder / "linked.parquet"))
opened = Bundle(folder, {}, means=Means(work=folder)).database()
"""
OTHER = "from shared.duck import silent_duckdb\nopened = silent_duckdb()"
BARE = "import duckdb\nopened = duckdb.connect()"


def printed(opening: str, folder: Path) -> tuple[bytes, str]:
    """What a program with a slow query prints, and the time zone of its DuckDB."""
    environment = os.environ | {"TZ": "Asia/Seoul", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", SLOW.replace("OPEN", opening), str(folder)],
        capture_output=True, check=True, env=environment,
    )  # fmt: skip
    return ended.stdout, ended.stderr.decode().split()[-1]


@pytest.mark.heavy
def test_a_bare_duckdb_draws_and_has_the_zone_of_the_host(tmp_path: Path) -> None:
    """Otherwise the next test would show nothing."""
    drawn, zone = printed(BARE, tmp_path)
    assert b"%" in drawn
    assert zone == "Asia/Seoul"


@pytest.mark.heavy
@pytest.mark.parametrize("opening", [CHECK, PREPARE, METHOD, OTHER], ids=["check", "prepare", "method", "deploy"])
def test_no_duckdb_of_ours_draws_or_has_the_zone_of_the_host(tmp_path: Path, opening: str) -> None:
    assert printed(opening, tmp_path) == (b"", "UTC")


def test_duckdb_is_opened_in_two_places() -> None:
    """The worker's kit stands alone and opens its own."""
    opening = set()
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/**/*.py"), *ROOT.glob("deploy/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("duckdb.connect", "duckdb.sql", "duckdb.execute"):
                opening.add(path.relative_to(ROOT).as_posix())
    assert opening == {"shared/duck.py", "services/analysis/worker/sdk.py"}


NOISY = """
import os, runpy, sys
import duckdb
connect = duckdb.connect
def noisy(*arguments, **options):
    os.write(1, b"\\r 12% of something\\n" * 100_000)
    connection = connect(*arguments, **options)
    connection.execute("SET progress_bar_time = 0")  # drawn at once, as after two seconds
    return connection
duckdb.connect = noisy
sys.argv = ["check", sys.argv[-1]]
runpy.run_module("services.catalog.profile", run_name="__main__")
"""


@pytest.mark.heavy
async def test_a_report_arrives_whatever_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", NOISY))
    caplog.set_level("INFO")
    rows = 1_200_000
    path = tmp_path / "table"
    path.write_bytes(b"key,n\n" + b"".join(b"%d,%d\n" % (12_000_000 + number, number) for number in range(rows)))
    columns = (
        Column.model_validate({"name": "key", "type": "string", "role": "key", "key_domain": "meter", "nullable": False}),
        Column.model_validate({"name": "n", "type": "integer", "role": "measure"}),
    )
    report = await check_apart(Job(path=path, media_type="text/csv", columns=columns, limits=Limits()))
    assert (report.passed, report.rows, report.keys[0].rows) == (True, rows, rows)
    (record,) = [one for one in caplog.records if "printed" in one.getMessage()]
    words: Any = record.__dict__["printed"]
    assert len(words) <= 2_000
    assert not any(letter.isdigit() for letter in words)


@pytest.mark.heavy
async def test_a_launcher_is_heard_whatever_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.write(1, b'12% ready\\n' * 100_000)\n")
    monkeypatch.setattr(launcher, "import_roots", lambda: [str(tmp_path), str(ROOT)])
    one = Launcher()
    try:
        async with asyncio.timeout(120):
            assert (await one._started()).process.returncode is None
    finally:
        await one.stop()


@pytest.mark.heavy
async def test_a_picture_arrives_whatever_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer prints in the middle of its work."""
    from services.results.report import pictures

    child = (Path(pictures.__file__).parent / "child.py").read_text(encoding="utf-8")
    drawing = "        svg = vl_convert.vegalite_to_svg"
    noisy = child.replace(drawing, f"        os.write(1, b'12%')\n{drawing}")
    assert noisy != child
    (tmp_path / "child.py").write_text(noisy, encoding="utf-8")
    (tmp_path / "fonts").symlink_to(Path(pictures.__file__).parent / "fonts")
    monkeypatch.setattr(pictures, "HERE", tmp_path)
    spec = {"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantitative"}}}
    drawn = await draw({"one": spec})
    assert drawn["one"].fault is None
    assert drawn["one"].svg.startswith("<svg")
