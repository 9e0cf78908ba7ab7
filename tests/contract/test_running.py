"""How programs of the suite are started: on ports of their own, waited for until they are ready or have ended; never two on
one port or in one folder."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from deploy.holding import SUITE_LOCK, TakenError, hold, listen, listener_of
from deploy.running import ROOT, Program, free_port, wait_ready
from shared.keys import KeyPair

HOLD = "import sys; from pathlib import Path; from deploy.holding import hold; held = hold(Path(sys.argv[1]), 'a test')"
HOLD += "; held.__enter__(); print('held', flush=True); sys.stdin.read()"


def test_a_reserved_port_is_nobody_elses() -> None:
    reserved = {free_port() for _ in range(300)}
    assert len(reserved) == 300
    for _ in range(3000):  # the kernel's own choice, of some thirty thousand ports
        with socket.create_server(("127.0.0.1", 0)) as other:
            assert other.getsockname()[1] not in reserved
    for port in list(reserved)[:20]:
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.heavy
def test_a_program_that_ends_is_waited_for_no_longer(tmp_path: Path) -> None:
    program = Program("ended", ["-c", "raise SystemExit('no such setting')"], tmp_path / "log")
    program.start()
    with pytest.raises(RuntimeError, match="ended with code 1:\nno such setting"):
        wait_ready(program, f"http://127.0.0.1:{free_port()}/readyz", seconds=sys.maxsize)


@contextmanager
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "a.lock"
    with holder(lock) as other:
        with pytest.raises(TakenError, match=f"new is in use by a test .process {other.pid}, since "), hold(lock, "this"):
            pass
        other.kill()
        other.wait()
        with hold(lock, "this"):
            assert lock.read_text().startswith(f"this (process {os.getpid()}")
    assert lock.read_text() == ""


def test_a_port_in_use_is_named_with_its_holder() -> None:
    with listen(free_port()) as first:
        port = first.getsockname()[1]
        with pytest.raises(TakenError, match=f"Port {port} is in use by process {os.getpid()} "):
            listen(port)
    assert listener_of(port) is None
    listen(port).close()


class Stranger(BaseHTTPRequestHandler):
    """Says that it is ready, as a suite would."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.serve", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.heavy
def test_make_serve_is_refused_on_a_port_that_somebody_answers_on(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        done = serve("--folder", str(tmp_path / "own"), "--port", str(stranger.server_port))
        stranger.shutdown()
    assert done.returncode == 1
    assert done.stdout.startswith(f"Port {stranger.server_port} is in use by process {os.getpid()} ")
    assert "Running" not in done.stdout
    assert {path.name for path in (tmp_path / "own").iterdir()} == {"serve.lock", SUITE_LOCK}


@pytest.mark.heavy
@pytest.mark.parametrize("lock", ["serve.lock", SUITE_LOCK])
def test_make_serve_is_refused_in_a_folder_that_is_in_use(tmp_path: Path, lock: str) -> None:
    with hold(tmp_path / lock, "make serve at http://127.0.0.1:8000"):
        done = serve("--folder", str(tmp_path), "--port", str(free_port()))
        assert done.returncode == 1
        assert f"{tmp_path} is in use by make serve at http://127.0.0.1:8000 (process {os.getpid()}, " in done.stdout
        assert "Starting" not in done.stdout


@pytest.mark.heavy
@pytest.mark.parametrize("port", ["0", "80000", "-1", "abc"])
def test_make_serve_names_the_ports_that_there_are(port: str) -> None:
    done = serve("--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid port (1 to 65535) value" in done.stderr


@pytest.mark.heavy
def test_two_suites_never_work_in_one_folder(tmp_path: Path) -> None:
    """Also where somebody starts the program itself."""
    suite = Program("suite", ["-m", "deploy.embedded", "--folder", str(tmp_path), "--port", str(free_port())], tmp_path / "log")
    with hold(tmp_path / SUITE_LOCK, "the suite at http://127.0.0.1:8000"):
        suite.start()
        assert suite.process is not None
        assert suite.process.wait() == 1
    assert f"{tmp_path} is in use by the suite at http://127.0.0.1:8000 (process {os.getpid()}, since " in suite.tail()


@pytest.mark.slow
def test_make_serve_serves_until_it_is_told_to_end_and_leaves_nothing(tmp_path: Path) -> None:
    """As a person sees it: the start page, a second one refused, and the way out when a terminal is closed."""
    port, folder = str(free_port()), str(tmp_path / "own")
    command = [sys.executable, "-m", "deploy.serve", "--folder", folder, "--port", port]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        lines = list(iter(first.stdout.readline, "Running. Stop with Ctrl-C.\n"))
        assert f"Start page: http://127.0.0.1:{port}/\n" in lines
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).headers["Content-Type"] == "text/html; charset=utf-8"
        for arguments, taken in ((["--port", str(free_port())], folder), (["--folder", str(tmp_path / "two")], f"Port {port}")):
            done = serve("--folder", folder, "--port", port, *arguments)
            assert (done.returncode, "Running" in done.stdout) == (1, False)
            assert done.stdout.startswith(f"{taken} is in use by ")
            assert str(first.pid) in done.stdout
        first.send_signal(signal.SIGHUP)
        first.stdout.read()
    assert first.returncode == 0
    listen(int(port)).close()
    with hold(Path(folder) / SUITE_LOCK, "nobody else"):
        pass


def token(folder: Path, ministry: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.tokens", "--folder", str(folder), "--role", "steward", "--ministry", ministry]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.heavy
def test_a_token_for_a_body_that_has_not_joined_comes_with_a_word(tmp_path: Path) -> None:
    KeyPair.ensure(tmp_path / "identity")
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as database:
        database.execute("CREATE TABLE ministry (code, left_at)")
        database.execute("INSERT INTO ministry VALUES ('nts', NULL), ('mpb', '2026-01-02')")
        database.commit()
    assert token(tmp_path, "nts").stderr == ""
    for code in ("xyz", "mpb"):
        done = token(tmp_path, code)
        assert (done.returncode, done.stdout.count(".")) == (0, 2)
        assert done.stderr == f"{code} is no member: this token is refused (403) until it has joined.\n"
    refused = token(tmp_path, "No Such")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_make_help_names_every_command() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (named,) = re.findall(r"^[.]PHONY: (help .*)$", text, re.MULTILINE)
    shown = set(re.findall(r'@echo "make ([a-z-]+)', text))
    assert set(named.split()) - shown == {"help", "install-demo"}
