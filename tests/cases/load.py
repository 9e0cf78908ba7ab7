"""The cases of redteam/ on load: what one caller may cost the others."""

import asyncio
import json
import os
import random
import re
import resource
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import duckdb
import httpx

from tests.cases import adapter
from tests.cases.adapter import (
    ANALYST,
    AUDITOR,
    CSV,
    CUSTODIAN,
    KEY,
    PARQUET,
    STEWARDS,
    Broke,
    Person,
    Suite,
    Unable,
    wait,
)
from tests.cases.case import Outcome, Scene

LEE = STEWARDS["nts"]
MALLORY = Person("steward", "mohw", "mallory.full")
HALF_REQUESTS = 1500
STREAMS = 200
BIG_FILES = 12
ROWS_OF_A_BOMB = 100_000_000
ROWS_OF_MANY = 20_000_000
CUT_FOR = 10.0  # seconds of calls that hang up
LATE = 2.0  # seconds after which an ordinary call is late
SMALL_DISK = 96  # MiB


def answered(suite: Suite, path: str = "/catalog/healthz") -> float:
    """Seconds until somebody else is answered; infinite if not within eight."""
    began = time.monotonic()
    with suppress(httpx.HTTPError):
        httpx.get(suite.url + path, timeout=8, trust_env=False).raise_for_status()
        return time.monotonic() - began
    return float("inf")


@contextmanager
def listening(suite: Suite) -> Iterator[list[float]]:
    """How long others waited, one after the other, meanwhile."""
    waits: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            waits.append(answered(suite))
            time.sleep(0.02)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        time.sleep(0.5)
        yield waits
    finally:
        over.set()
        thread.join()


def many_errors(scene: Scene) -> Outcome:
    """04: a body of 120,000 faults keeps nobody waiting, and is not read without a token."""
    suite, faults, seen = scene.suite(), [], []
    many = json.dumps({f"k{i}": i for i in range(120_000)}).encode()
    wrong = json.dumps({"title": "t", "allowed_purposes": [1] * 600_000}).encode()
    asker = Person("requester", "mohw", "many.errors")
    tries = [
        (asker, "/requests", many),
        (None, "/requests", many),
        (LEE, "/catalog/datasets", wrong),
    ]
    for who, path, body in tries:
        with listening(suite) as waits:
            usual = max(waits)
            waits.clear()
            answer = suite.call(
                who, "POST", path, content=body, headers={"Content-Type": "application/json"}
            )
            time.sleep(0.3)
        late, what = max(waits), f"{path} {'with' if who else 'without'} token"
        told = len(answer.json().get("errors", []))
        seen.append(
            f"{what}: {answer.status_code}, {told} errors, "
            f"others waited {late * 1000:.0f} ms (before {usual * 1000:.0f})"
        )
        if late > max(0.2, 2 * usual) or told > 1000 or (who is None and answer.status_code != 401):
            faults.append(seen[-1])
    return Outcome(not faults, "; ".join(seen))


def half_requests(scene: Scene) -> Outcome:
    """07: requests that are never finished end after some seconds, and others are answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    connections: list[socket.socket] = []
    with scene.own() as suite:
        port = httpx.URL(suite.url).port or 80
        try:
            for _ in range(HALF_REQUESTS):
                with suppress(OSError):
                    connections.append(socket.create_connection(("127.0.0.1", port), 5))
                    connections[-1].sendall(b"GET /catalog/healthz HTTP/1.1\r\nHost: x\r\nX-a: ")
            meanwhile = answered(suite)
            until = time.monotonic() + 45
            while (
                left := sum(open_still(each) for each in connections)
            ) and time.monotonic() < until:
                time.sleep(1)
            afterwards = answered(suite)
        finally:
            for each in connections:
                each.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    seen = f"{left} of {len(connections)} still held after 45 s; "
    seen += f"others answered in {meanwhile:.2f} s, then {afterwards:.2f} s"
    return Outcome(left == 0 and afterwards < LATE, seen)


def open_still(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def draft(suite: Suite, who: Person) -> str:
    answer = suite.register(who, [KEY], f"Queue {uuid4().hex[:6]}")
    if answer.status_code != 201:
        raise Broke(f"register: {answer.status_code} {answer.text[:300]}")
    return str(answer.json()["id"])


def state(suite: Suite, who: Person, dataset: str) -> str:
    return str(suite.check(who, dataset, 1)["state"])


def checks_in_turn(scene: Scene) -> Outcome:
    """08: another ministry's small file does not wait for all the big ones before it."""
    suite = scene.suite()
    body = "person_no\n" + "".join(f"P{i}\n" for i in range(300_000))
    big = [draft(suite, LEE) for _ in range(BIG_FILES)]
    for number, dataset in enumerate(big):
        suite.upload(LEE, dataset, f"{body}X{number}\n")
    small = draft(suite, CUSTODIAN)
    before = sum(state(suite, LEE, each) in ("passed", "failed") for each in big)
    suite.upload(CUSTODIAN, small, "person_no\nP2\n")
    suite.checked(CUSTODIAN, small, 1, 400)
    after = sum(state(suite, LEE, each) in ("passed", "failed") for each in big)
    for dataset in big:
        suite.checked(LEE, dataset, 1, 400)
    waited = after - before
    return Outcome(
        waited <= 3,
        f"it waited for {waited} of the {BIG_FILES - before} big files before it",
    )


def parquet(folder: Path, rows: int) -> bytes:
    """A small file of very many rows of one key."""
    file = folder / "many.parquet"
    with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as db:
        query = f"SELECT 'P' || (i % 10)::VARCHAR AS person_no FROM range({rows}) t(i)"
        db.execute(
            f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)"
        )
    content = file.read_bytes()
    file.unlink()
    return content


def parquet_bomb(scene: Scene) -> Outcome:
    """09: a file that takes long to check keeps no other ministry's file waiting."""
    suite, content = scene.suite(), parquet(scene.scratch(), ROWS_OF_A_BOMB)
    bomb, small = draft(suite, LEE), draft(suite, CUSTODIAN)
    answer = suite.upload(LEE, bomb, content, PARQUET)
    suite.upload(CUSTODIAN, small, "person_no\nP1\n")
    began = time.monotonic()
    try:
        suite.checked(CUSTODIAN, small, 1, 75)
    except Broke as late:
        return Outcome(False, str(late))
    finally:
        suite.call(
            LEE,
            "POST",
            f"/catalog/datasets/{bomb}/withdraw",
            json={"reason": "The end of the case."},
        )
    return Outcome(
        True,
        f"upload {answer.status_code}; "
        f"the other file was checked after {time.monotonic() - began:.0f} s",
    )


def many_rows(scene: Scene) -> Outcome:
    """18: a valid small file of many rows is checked to its end, and not again and again."""
    suite, dataset = scene.suite(), draft(scene.suite(), LEE)
    answer = suite.upload(LEE, dataset, parquet(scene.scratch(), ROWS_OF_MANY), PARQUET)
    if not answer.is_success:
        return Outcome(True, f"refused at once: {answer.status_code} {answer.text[:200]}")
    check = suite.checked(LEE, dataset, 1, 180)
    found = [each["code"] for each in adapter.findings(check)][:3]
    return Outcome(
        check["rows"] == ROWS_OF_MANY or check["state"] == "failed",
        f"{check['state']}, {check['rows']:,} rows, {found}",
    )


def streams(scene: Scene) -> Outcome:
    """10: one caller holds so many event streams and no more."""
    suite, asker = scene.suite(), Person("requester", "moef", "sse.user")
    suite.ok(
        ANALYST,
        "PUT",
        "/analysis/quotas/moef",
        json={"most": 0, "reason": "A case of waiting runs."},
    )
    version = suite.live("cross_tabulation")
    table = "person_no,region\n" + "".join(f"P{n:04d},{'ab'[n % 2]}\n" for n in range(40))
    dataset = suite.dataset(
        LEE, [KEY, {"name": "region", "type": "string", "role": "attribute"}], table
    )
    inputs = {
        "table": {"dataset_id": dataset, "columns": {"subject": "person_no", "region": "region"}}
    }
    answer = suite.submit(asker, "cross_tabulation", version, inputs, {"rows": "region"})
    if answer.status_code != 201:
        raise Broke(f"request: {answer.status_code} {answer.text[:300]}")
    request = answer.json()["id"]
    suite.approve(request, [(LEE, dataset)])
    items = wait(
        lambda: suite.ok(asker, "GET", f"/analysis/runs?request_id={request}")["items"], "the run"
    )
    head = get(f"/analysis/runs/{items[0]['id']}/events", suite.token(asker))
    statuses = asyncio.run(opened(suite, head))
    suite.call(
        asker, "POST", f"/requests/{request}/withdraw", json={"reason": "The end of the case."}
    )
    refused = sum(status in ("429", "503") for status in statuses)
    return Outcome(
        bool(refused), f"of {len(statuses)} streams of one caller {refused} were refused"
    )


def get(path: str, token: str) -> bytes:
    """A request as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


async def opened(suite: Suite, head: bytes) -> list[str]:
    """Open streams and leave them open: the status of each, empty where none came."""
    pairs = []
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(suite.url).port or 80)
        writer.write(head)
        pairs.append((reader, writer))
    statuses = []
    for reader, _ in pairs:
        line = b""
        with suppress(TimeoutError):
            line = await asyncio.wait_for(reader.readline(), 10)
        statuses.append(line.decode().split(" ")[1] if b" " in line else "")
    for _, writer in pairs:
        writer.close()
    return statuses


def mixed_load(file: Path, scene: Scene) -> Outcome:
    """11: fifty users at once get no 5xx."""
    with scene.own(worker=True) as suite:
        suite.live("cross_tabulation")
        code, said = adapter.script(file, suite, scene.scratch(), DUR="20", USERS="50")
    found = re.search(r"\d+ calls in .*errors: (\{.*?\});", said)
    if code or found is None:
        raise Broke(said[-400:])
    bad = re.findall(r"'([^']*?(?: 5\d\d |Error|Timeout)[^']*)'", found[1])
    return Outcome(not bad, found[0][:500])


def clients_that_hang_up(scene: Scene) -> Outcome:
    """16: after calls that were cut an ordinary one is answered at once."""
    with scene.own() as suite:
        fill_requests(suite)
        head = get("/requests?limit=200", suite.token(AUDITOR))
        count = hang_up(httpx.URL(suite.url).port or 80, head, CUT_FOR)
        began, answer = time.monotonic(), "none within 120 s"
        with suppress(httpx.HTTPError):
            answer = str(suite.call(AUDITOR, "GET", "/requests?limit=1").status_code)
        took = time.monotonic() - began
    return Outcome(
        answer == "200" and took <= LATE,
        f"{count} calls were cut; then an ordinary one: {answer} after {took:.1f} s",
    )


def hang_up(port: int, head: bytes, seconds: float) -> int:
    """Begin calls, twenty at a time, and cut them before they can be answered: how many."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        batch = []
        for _ in range(20):
            batch.append(socket.create_connection(("127.0.0.1", port), 5))
            batch[-1].sendall(head)
        time.sleep(random.random() * 0.06)
        for each in batch:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
            count += 1
    return count


def fill_requests(suite: Suite, count: int = 120) -> None:
    """So many requests that a page of them is some work."""
    name = f"trial_{uuid4().hex[:8]}"
    suite.announce(name)
    version = suite.live(name)
    dataset = suite.dataset(LEE, [KEY], "person_no\nP01\nP02\n")
    for number in range(count):
        who = Person("requester", "mohw", f"kim.{number}")
        answer = suite.submit(who, name, version, {"people": {"dataset_id": dataset}})
        if answer.status_code != 201:
            raise Broke(f"request: {answer.status_code} {answer.text[:300]}")


def full_disk(scene: Scene) -> Outcome:
    """17: on a full disk readyz does not say ready, and no refusal is lost."""
    folder = scene.scratch() / "small"
    folder.mkdir()
    with small_disk(folder), adapter.started(folder / "suite", worker=False) as suite:
        for who in (LEE, MALLORY, AUDITOR):
            suite.token(who)
        dataset = draft(suite, LEE)
        fill(folder)
        stored = suite.upload(LEE, dataset, "person_no\nP1\n", CSV).status_code
        ready = suite.call(None, "GET", "/catalog/readyz")
        path = f"/catalog/datasets/{dataset}/withdraw"
        refused = suite.call(MALLORY, "POST", path, json={"reason": "A case."}).status_code
        (folder / "filler").unlink()
        wait(
            lambda: suite.register(LEE, [KEY], "Space again").status_code == 201,
            "the service to write again",
            30,
        )
        until = time.monotonic() + 15
        while (
            not (rows := len(suite.audited("catalog", MALLORY.subject)))
            and time.monotonic() < until
        ):
            time.sleep(0.5)
    says_ready = ready.is_success and ready.json().get("status") == "ready"
    seen = f"full: upload {stored}, readyz {ready.status_code}, a refused attempt {refused}; "
    seen += f"later {rows} rows of it"
    return Outcome(not says_ready and (rows > 0 or refused in (503, 507)), seen)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own of some MiB."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        raise Unable("a small disk cannot be mounted by this user")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (65536, 1):
            with suppress(OSError):
                while True:
                    os.write(file.fileno(), b"x" * size)


def measures(_: Path, __: Scene) -> Outcome:
    return Outcome(
        None,
        "it measures, or fills databases: nothing of it is right or wrong by itself",
    )


JUDGES: dict[str, Callable[[Scene], Outcome]] = {
    "04": many_errors,
    "07": half_requests,
    "08": checks_in_turn,
    "09": parquet_bomb,
    "10": streams,
    "16": clients_that_hang_up,
    "17": full_disk,
    "18": many_rows,
}
AS_THEY_ARE: dict[str, Callable[[Path, Scene], Outcome]] = {
    "11": mixed_load,
    "12": measures,
    "13": measures,
}
