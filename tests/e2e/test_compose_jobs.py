"""The one-shot jobs of an installation in containers, without containers."""

import io
import json
import os
import sqlite3
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.compose import bucket, engine_keys, identity, setup
from deploy.compose.images import CONTENTS, Image, locked
from shared.auth import Jwks, Role, TokenVerifier
from shared.keys import MacKey, SigningKey, VerifyKey

SERVICES = ("analysis", "catalog", "requests", "results")


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_are_a_job_of_their_own(service: str, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/db"
    environment = {"PATH": os.environ["PATH"], f"{service.upper()}_DATABASE_URL": url}
    command = [sys.executable, "-m", "shared.migrate", f"services.{service}"]
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert "up to date" in done.stdout
    with sqlite3.connect(tmp_path / "db") as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert {"alembic_version", "outbox", "audit"} <= tables


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for service in SERVICES:
        (tmp_path / "keys" / service).mkdir(parents=True)
        monkeypatch.setenv(f"BROKER_PASSWORD_{service.upper()}", f"{service}-0123456789abcdef")
    monkeypatch.setattr(setup, "KEYS", tmp_path / "keys")
    monkeypatch.setattr(setup, "DEFINITIONS", tmp_path / "definitions.json")
    return tmp_path


def test_setup_makes_a_key_for_each_audit_once(places: Path) -> None:
    setup.main()
    before = {service: (places / "keys" / service / "audit.pem").read_bytes() for service in SERVICES}
    setup.main()
    assert before == {service: (places / "keys" / service / "audit.pem").read_bytes() for service in SERVICES}
    assert len(set(before.values())) == len(SERVICES)
    for service in SERVICES:
        folder = places / "keys" / service
        assert stat.S_IMODE((folder / "audit.pem").stat().st_mode) == 0o600
        signature = SigningKey.load(folder / "audit.pem").sign(b"words")
        assert VerifyKey.load(folder / "audit.pub.pem").verify(b"words", signature)


def test_setup_makes_a_key_for_the_macs_of_each_service_and_its_scoring_door(places: Path) -> None:
    setup.main()
    before = {service: MacKey.load(places / "keys" / service / "audit.mac") for service in (*SERVICES, "scoring")}
    setup.main()
    assert before == {service: MacKey.load(places / "keys" / service / "audit.mac") for service in before}
    assert before["scoring"] == before["analysis"]
    assert len({key.secret for key in before.values()}) == len(SERVICES)
    assert [file.name for file in (places / "keys" / "scoring").iterdir()] == ["audit.mac"]


def test_setup_writes_the_brokers_users_without_their_passwords(places: Path) -> None:
    setup.main()
    text = (places / "definitions.json").read_text("utf-8")
    assert "0123456789abcdef" not in text
    assert all(user["password_hash"] for user in json.loads(text)["users"])


def test_setup_refuses_a_short_password(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_PASSWORD_RESULTS", "short")
    with pytest.raises(SystemExit, match="BROKER_PASSWORD_RESULTS"):
        setup.main()


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ISSUER", "https://idp.test")
    monkeypatch.setenv("AUDIENCE", "dure")
    for name, path in (("FOLDER", "secret"), ("KEY_SET", "jwks.json"), ("WORKER_TOKEN", "token")):
        monkeypatch.setattr(identity, name, tmp_path / path)
    return tmp_path


async def test_the_stand_in_for_the_provider_is_believed(
    provider: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verifier = TokenVerifier(Jwks(str(provider / "jwks.json")), "https://idp.test", "dure")
    monkeypatch.setattr(sys, "argv", ["identity"])
    assert identity.main() == 0
    capsys.readouterr()
    worker = await verifier.verify((provider / "token").read_text())
    assert worker.roles == {Role.WORKER}
    assert "private" not in (provider / "jwks.json").read_text().lower()
    assert "PRIVATE" not in (provider / "jwks.json").read_text()
    monkeypatch.setattr(sys, "argv", ["identity", "tokens"])
    monkeypatch.setattr(sys, "stdin", io.StringIO('[{"subject": "lee", "ministry": "nts", "roles": "steward,auditor"}]'))
    assert identity.main() == 0
    (token,) = json.loads(capsys.readouterr().out)
    lee = await verifier.verify(token)
    assert (lee.subject, lee.ministry, lee.roles) == ("lee", "nts", {Role.STEWARD, Role.AUDITOR})


@contextmanager
def storage(answers: dict[str, int]) -> Iterator[tuple[str, list[tuple[str, str, dict[str, str]]]]]:
    asked: list[tuple[str, str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(answers[self.command])
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_PUT = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("answers", "verbs", "code"),
    [
        ({"HEAD": 200}, ["HEAD"], 0),
        ({"HEAD": 404, "PUT": 200}, ["HEAD", "PUT"], 0),
        ({"HEAD": 404, "PUT": 403}, ["HEAD", "PUT"], 1),
        ({"HEAD": 403}, ["HEAD"], 1),
    ],
)
def test_the_bucket_is_made_where_it_is_missing(
    answers: dict[str, int], verbs: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with storage(answers) as (url, asked):
        for name, value in {
            "ENDPOINT": url,
            "REGION": "here",
            "BUCKET": "dure",
            "ACCESS_KEY": "us",
            "SECRET_KEY": "hidden",
        }.items():
            monkeypatch.setenv(f"S3_{name}", value)
        assert bucket.main() == code
    assert [(verb, path) for verb, path, _ in asked] == [(verb, "/dure") for verb in verbs]
    assert all(headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=us/") for _, _, headers in asked)
    assert "hidden" not in f"{asked}{capsys.readouterr()}"


def test_what_does_not_belong_into_an_image_is_found() -> None:
    lock, _ = CONTENTS["worker"]
    good = Image("worker", 1, 1, frozenset({"shared.contracts.base", "services.analysis.worker.run"}), locked(lock), 10001, False)
    assert good.faults() == []
    code = good.code | {"services.analysis.actions", "shared.db"}
    bad = Image("worker", 1, 1, code, locked(lock) - {"numpy"} | {"sqlalchemy"}, 0, True)
    assert bad.faults() == [
        "worker holds code that is not its own: services.analysis.actions",
        "worker holds code that is not its own: shared.db",
        "worker holds sqlalchemy, which its lock does not name",
        "worker lacks numpy of its lock",
        "worker runs as root, or may write to its own code",
    ]


# The keys of an engine


def context(side: ssl.Purpose, folder: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(side, cafile=str(folder / "authority.pem"))
    made.load_cert_chain(folder / "own.pem", folder / "own.key")
    made.check_hostname, made.verify_mode = False, ssl.CERT_REQUIRED
    return made


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """SSLCertVerificationError if one does not take the other's certificate."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    for _ in range(10):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert all(end.getpeercert() for end in ends)


@pytest.fixture
def make_keys(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        for part in engine_keys.PARTS:
            (tmp_path / name / part).mkdir(parents=True, exist_ok=True)
        engine_keys.main(tmp_path / name)
        return tmp_path / name

    return make


def test_the_parts_of_an_engine_know_one_another_and_nobody_else(make_keys: Callable[[str], Path]) -> None:
    own, other = make_keys("own"), make_keys("other")
    server = context(ssl.Purpose.CLIENT_AUTH, own / "scheduler")
    for part in ("node", "worker"):
        shake_hands(server, context(ssl.Purpose.SERVER_AUTH, own / part))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, context(ssl.Purpose.SERVER_AUTH, other / "node"))


def test_keys_of_an_engine_are_made_once_and_its_authority_signs_no_more(make_keys: Callable[[str], Path]) -> None:
    folder = make_keys("own")
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in files} == {"authority.pem", "own.pem", "own.key"}
    assert len({content for path, content in files.items() if path.name == "authority.pem"}) == 1
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files if path.suffix == ".key")
    make_keys("own")
    assert files == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
