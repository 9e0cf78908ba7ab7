"""The engine: the same rows and scores from one machine and from a scheduler with nodes, which take nothing but our tasks."""

import asyncio
import math
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pytest
from distributed import Client

from services.analysis.worker import hosting
from services.analysis.worker.engine import (
    Certificates,
    EngineLostError,
    Part,
    PartitionTask,
    TaskFailedError,
    TaskRefusedError,
    UnknownTaskError,
    open_engine,
    partitions,
    perform,
)
from services.analysis.worker.engine.dask import connected, security
from services.analysis.worker.sdk import Bundle, Means
from tests.analysis import onnx_models
from tests.analysis.certificates import Authority
from tests.analysis.engine_process import started
from tests.analysis.weighted_models import weighted

pytestmark = pytest.mark.engine
PERSONS, MONTHS = 3000, 6
QUERY = """SELECT pseudonym, count(*) AS months, sum(site__kwh) AS kwh, avg(site__kwh) AS mean_kwh,
    count(DISTINCT site__region) AS regions, max(site__month) AS last_month FROM linked GROUP BY pseudonym"""
FEATURES = ("months", "kwh", "mean_kwh", "regions")
MODEL = weighted([0.5, 0.001, -0.25, 3])


def write_panel(folder: Path) -> None:
    """A row for each person and month, as prepare writes them: by pseudonym, then month."""
    cells = f"""sha256((i // {MONTHS})::VARCHAR) AS pseudonym, DATE '2025-01-01' + (i % {MONTHS} * 31)::INT AS site__month,
        CASE WHEN i % 11 = 0 THEN NULL ELSE hash(i) % 1000 / 7 END AS site__kwh, 'r' || hash(i * 3) % 4 AS site__region"""
    with duckdb.connect() as connection:
        table = f"SELECT {cells} FROM range({PERSONS * MONTHS}) t(i) ORDER BY ALL"
        connection.execute(f"COPY ({table}) TO '{folder}/linked.parquet' (ROW_GROUP_SIZE 2048)")
    (folder / "champion.model").write_bytes(MODEL)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("engine")
    (root / "run").mkdir()
    write_panel(root / "run")
    return root


def task(target: str, parts: int = 7, name: str = "scores") -> PartitionTask:
    return PartitionTask(name, "run", target, 0, parts, QUERY, FEATURES, "champion.model", memory_mb=256)


def rows_of(folder: Path, parts: list[Part]) -> list[tuple[Any, ...]]:
    files = [str(folder / part.file) for part in parts]
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet($1) ORDER BY pseudonym", [files]).fetchall()
    assert len(found) == sum(part.rows for part in parts)
    return found


@pytest.fixture(scope="module")
def expected(root: Path) -> list[tuple[Any, ...]]:
    """The whole table at once, without any partition: by the sdk alone."""
    work = root / "whole"
    work.mkdir()
    bundle = Bundle(root / "run", means=Means(work=work))
    with bundle.database() as connection:
        connection.execute(f"COPY (SELECT * FROM ({QUERY}) ORDER BY pseudonym) TO '{work}/linked.parquet'")
    features = Bundle(work, means=Means(work=work))
    scores = features.score(MODEL, FEATURES)
    with features.database() as connection:
        rows = connection.execute("SELECT * FROM linked").fetchall()
    assert len(rows) == PERSONS
    return [(*row, float(score)) for row, score in zip(rows, scores, strict=True)]


async def test_partitions_hold_every_row_once_whatever_their_number(root: Path, expected: list[Any]) -> None:
    for parts in (1, 2, 7, 16):
        async with open_engine(root, lanes=2) as engine:
            done = await asyncio.gather(*(engine.submit(one) for one in partitions(task(f"in-process-{parts}", parts))))
        assert [part.part for part in done] == list(range(parts))
        assert rows_of(root / f"in-process-{parts}", done) == expected
    assert max(part.rows for part in done) < PERSONS / 16 * 2


def test_the_same_task_again_gives_the_same_file(root: Path) -> None:
    first, second = (perform(replace(task("again"), part=3), root) for _ in range(2))
    assert first == second
    assert [path.name for path in (root / "again").iterdir()] == ["part-00003.parquet"]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "os.system"},
        {"bundle": "../run"},
        {"bundle": "/etc"},
        {"target": ".."},
        {"model": "../../etc/passwd"},
        {"part": 7},
        {"part": -1},
    ],
)
def test_tasks_that_are_none(root: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(UnknownTaskError):
        perform(replace(task("refused"), **changed), root)
    assert not (root / "refused").exists()


def test_a_query_reads_nothing_but_its_table(root: Path) -> None:
    (root / "other.csv").write_text("pseudonym\nx\n")
    for query in (f"SELECT * FROM read_csv('{root}/other.csv')", "SELECT * FROM read_text('/etc/passwd')"):
        with pytest.raises(TaskFailedError) as caught:
            perform(replace(task("escape"), query=query), root)
        assert str(caught.value) == "PermissionException"
    with pytest.raises(TaskRefusedError) as caught:
        perform(replace(task("escape"), features=("months", "last_month")), root)
    assert str(caught.value) == "not-a-number"
    assert list((root / "escape").iterdir()) == []


# Beyond one machine.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture(scope="module")
def scheduler(authority: Authority) -> Iterator[str]:
    with started("scheduler", authority.sign("scheduler"), "--port", "0") as (_, address):
        yield address


@pytest.fixture
def node(authority: Authority, scheduler: str, root: Path) -> Callable[[str], Any]:
    return lambda name: started("node", authority.sign(name), "--scheduler", scheduler, "--root", str(root))


async def test_a_scheduler_with_two_nodes_gives_the_same_and_a_killed_one_loses_nothing(
    root: Path, expected: list[Any], authority: Authority, scheduler: str, node: Callable[[str], Any]
) -> None:
    tasks = partitions(task("dask", 24))
    with node("first") as (first, _), node("second"):
        async with open_engine(root, scheduler=scheduler, certificates=authority.sign("client")) as engine:
            waiting = [asyncio.ensure_future(engine.submit(one)) for one in tasks]
            await waiting[0]
            first.kill()
            done = await asyncio.gather(*waiting)
        assert first.wait(10) == -9
    assert sorted(part.part for part in done) == list(range(24))
    assert rows_of(root / "dask", done) == expected
    async with open_engine(root) as engine:
        alone = [await engine.submit(one) for one in partitions(task("alone", 24))]
    assert done == alone, "the partition files are the same byte for byte"


async def test_without_a_certificate_of_our_authority_nobody_gets_in(
    scheduler: str, authority: Authority, tmp_path: Path, root: Path
) -> None:
    foreign = Authority(tmp_path / "foreign").sign("client", trusting=authority.path)
    with pytest.raises(OSError):
        async with connected(scheduler, foreign, seconds="3s"):
            pass
    with pytest.raises(ValueError):
        async with open_engine(root, scheduler=scheduler):
            pass
    with pytest.raises(ValueError):
        async with connected(scheduler.replace("tls", "tcp"), authority.sign("client")):
            pass
    assert await handshake(scheduler, None, authority.path) == "refused"
    assert await handshake(scheduler, foreign, authority.path) == "refused"
    assert await handshake(scheduler, authority.sign("client"), authority.path) == "answered"


@pytest.mark.parametrize("kind", ["scheduler", "node"])
def test_there_is_nothing_to_read_without_a_certificate(
    kind: str, authority: Authority, scheduler: str, node: Callable[[str], Any]
) -> None:
    with (
        started("scheduler", authority.sign("reading"), "--port", "0") if kind == "scheduler" else node("reading") as (
            process,
            own,
        )
    ):
        ports = {one.laddr.port for one in psutil.Process(process.pid).net_connections("tcp") if one.status == psutil.CONN_LISTEN}
        assert int(own.rpartition(":")[2]) in ports
        for port in ports - {int(own.rpartition(":")[2])}:
            for page in ("", "health", "metrics", "info/main/workers.html", "json/counts.json", "statics/css/base.css"):
                assert httpx.get(f"http://127.0.0.1:{port}/{page}", trust_env=False).status_code == 404


async def handshake(scheduler: str, own: Certificates | None, authority: Path) -> str:
    """What a plain TLS client with this certificate gets of the scheduler."""
    host, _, port = scheduler.removeprefix("tls://").partition(":")
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False
    if own:
        context.load_cert_chain(own.certificate, own.key)
    try:
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        try:
            return "answered" if await asyncio.wait_for(reader.read(1), 20) else "refused"
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    except (ssl.SSLError, ConnectionError):
        return "refused"


async def test_nodes_do_nothing_that_is_no_task_of_ours(
    authority: Authority, scheduler: str, node: Callable[[str], Any], root: Path
) -> None:
    """Also not for a client whose certificate is good; and what it sends takes no node away from the others."""
    marker = root / "marker"
    sends: list[Callable[[Client], Any]] = [
        lambda client: client.submit(os.system, f"touch {marker}").result(30),
        lambda client: client.submit(lambda: marker.touch()).result(30),
        lambda client: client.submit(math.sqrt, 4).result(30),
        lambda client: client.run_on_scheduler(os.system, f"touch {marker}"),
        lambda client: client.run(os.system, f"touch {marker}"),
    ]
    with node("third") as (process, _):
        for send in sends:
            own = security(authority.sign("client"))
            with Client(scheduler, security=own, set_as_default=False) as client, pytest.raises(Exception):
                send(client)
        assert not marker.exists()
        assert process.poll() is None
        async with connected(scheduler, authority.sign("client")) as engine:
            assert (await engine.submit(replace(task("after"), part=2))).part == 2
            with pytest.raises(UnknownTaskError):
                await engine.submit(replace(task("after"), name="os.system"))
            with pytest.raises(TaskFailedError):
                await engine.submit(replace(task("after"), query="SELECT * FROM read_text('/etc/passwd')"))
            with pytest.raises(TaskRefusedError):
                await engine.submit(replace(task("after"), features=("months", "last_month")))


def test_a_node_scores_with_the_code_that_was_reviewed_or_not_at_all(root: Path) -> None:
    manifest = onnx_models.manifest(output="score", position=0)
    onnx_models.write(root / "hosted", manifest, MODEL)
    (root / "hosted" / "linked.parquet").write_bytes((root / "run" / "linked.parquet").read_bytes())
    reviewed = PartitionTask("hosted", "hosted", "hosted", 0, 1, digest=hosting.locate(f"model:{root / 'hosted'}").digest)
    with pytest.raises(TaskRefusedError, match="missing-column"):
        perform(reviewed, root)
    with pytest.raises(TaskFailedError, match="OtherCodeError"):
        perform(replace(reviewed, digest="0" * 64), root)
    with pytest.raises(TaskFailedError, match="FileNotFoundError"):
        perform(replace(reviewed, bundle="away", target="away"), root)
    assert not (root / "away").exists(), "a task that comes late makes no folder again"


async def test_without_any_node_a_task_is_given_up(authority: Authority) -> None:
    with started("scheduler", authority.sign("patient"), "--port", "0", "--patience", "0.1") as (_, address):
        async with connected(address, authority.sign("client")) as engine:
            with pytest.raises(EngineLostError, match="NoWorkerError"):
                await engine.submit(task("nobody"))


async def test_a_scheduler_that_goes_leaves_nobody_waiting(authority: Authority, root: Path) -> None:
    """Killed, and told to end: no node is there, so the tasks are under way as long as the scheduler is."""
    for end in ("kill", "terminate"):
        with started("scheduler", authority.sign("leaving"), "--port", "0") as (process, address):
            async with connected(address, authority.sign("client")) as engine:
                waiting = [asyncio.ensure_future(engine.submit(one)) for one in partitions(task("left", 2))]
                await asyncio.sleep(0)
                getattr(process, end)()
                for one in waiting:
                    with pytest.raises(EngineLostError):
                        await one
