"""Programs of the suite as child processes: started on free loopback ports, waited for, stopped, nothing left running."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.installation import settings
from deploy.tokens import mint

ROOT = Path(__file__).resolve().parent.parent
WORKER_READY = "worker.ready"


def free_port() -> int:
    """A loopback port that nobody else is given for a minute, only a server that asks for it by number.

    The connection leaves the port in TIME_WAIT: the kernel hands it out no more by itself, neither
    to another caller of this function nor to an outgoing connection, but SO_REUSEADDR may bind it.
    """
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps the port waiting
        client.recv(1)
        return int(server.getsockname()[1])


@dataclass
class Program:
    """One child process with its log file; started again with the same arguments. It gets the file descriptors of `inherits`."""

    name: str
    arguments: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        home = os.environ.get("HOME", "/tmp")  # noqa: S108
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": home, "PYTHONUNBUFFERED": "1", "ORT_DISABLE_TELEMETRY": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments], cwd=ROOT, env=environment | dict(self.environment),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=self.inherits,
            )  # fmt: skip

    @property
    def ended(self) -> int | None:
        """Exit code, None while it runs."""
        return self.process.poll() if self.process else 0

    def kill(self) -> None:
        """As a crash would: no warning, no goodbye."""
        if self.process and self.ended is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end, and end it if it does not."""
        if not self.process or self.ended is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def wait_ready(program: Program, url: str, *, seconds: float = 300, tell: Callable[[str], None] = print) -> None:
    """Wait until a readyz answers 200; say so every few seconds. RuntimeError with the log's end if the program ends first."""
    started = told = time.monotonic()
    while time.monotonic() - started < seconds:
        if program.ended is not None:
            raise RuntimeError(f"{program.name} ended with code {program.ended}:\n{program.tail()}")
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() - told > 3:
            told = time.monotonic()
            tell(f"  ... {program.name} is starting ({told - started:.0f} s)")
        time.sleep(0.1)
    raise RuntimeError(f"{program.name} was not ready after {seconds:.0f} s:\n{program.tail()}")


@dataclass
class Embedded:
    """The embedded suite and one stock worker beside it, in one folder.

    `methods`: those that the worker hosts, by name; None: all that are here. `cards`: where it keeps their cards.
    `listener`: a socket that listens on the port already, so that nobody else's answer is taken for the suite's."""

    folder: Path
    port: int = 0
    extra: tuple[str, ...] = ()
    methods: Sequence[str] | None = None
    cards: Path | None = None
    listener: socket.socket | None = None
    suite: Program = field(init=False)
    worker: Program = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        arguments = ["-m", "deploy.embedded", "--folder", str(self.folder), "--port", str(self.port), *self.extra]
        inherits = (self.listener.fileno(),) if self.listener else ()
        arguments += [word for number in inherits for word in ("--listener", str(number))]
        self.suite = Program("suite", arguments, self.folder / "suite.log", inherits=inherits)
        self.worker = worker(self.folder, self.url, self.methods, self.cards)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, tell: Callable[[str], None] = print) -> None:
        self.suite.start()
        wait_ready(self.suite, f"{self.url}/results/readyz", tell=tell)
        self.worker.start()

    @property
    def programs(self) -> dict[str, Program]:
        return {"suite": self.suite, "worker": self.worker}

    def restart(self, name: str) -> None:
        """Kill a program as a crash would, and start it again."""
        self.programs[name].kill()
        self.programs[name].start()

    def stop(self) -> None:
        self.worker.stop()
        self.suite.stop()


@dataclass
class Separate:
    """The four services as processes of their own over RabbitMQ, with settings from the environment, and one worker."""

    folder: Path
    databases: Mapping[str, str]
    amqp_url: str
    bus_prefix: str
    methods: Sequence[str] | None = None
    cards: Path | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for service, values in settings(self.folder, "http://127.0.0.1").items():
            port = free_port()
            self.urls[service] = f"http://127.0.0.1:{port}"
            values |= {"database_url": self.databases[service], "amqp_url": self.amqp_url, "bus_prefix": self.bus_prefix}
            values |= {"public_url": self.urls[service], "webhook_private": True}
            environment = {f"{service.upper()}_{name.upper()}": as_text(value) for name, value in values.items()}
            arguments = ["-m", "uvicorn", "--factory", f"services.{service}.app:main", "--port", str(port), "--no-access-log"]
            arguments += ["--http", "shared.server:Protocol", "--timeout-graceful-shutdown", "10"]
            self.programs[service] = Program(service, arguments, self.folder / f"{service}.log", environment)
        self.programs["worker"] = worker(self.folder, self.urls["analysis"], self.methods, self.cards)

    def start(self, tell: Callable[[str], None] = print) -> None:
        services = [program for name, program in self.programs.items() if name != "worker"]
        for program in services:
            program.start()
        for program in services:
            wait_ready(program, f"{self.urls[program.name]}/{program.name}/readyz", tell=tell)
        self.seed()
        self.programs["worker"].start()

    def seed(self) -> None:
        """The founding members join; where they have, nothing happens."""
        environment = os.environ | dict(self.programs["catalog"].environment)
        command = [sys.executable, "-m", "deploy.seed.members"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

    def restart(self, name: str) -> None:
        """Kill a program as a crash would, and start it again."""
        program = self.programs[name]
        program.kill()
        program.start()

    def stop(self) -> None:
        for program in reversed(self.programs.values()):
            program.stop()


def worker(folder: Path, url: str, methods: Sequence[str] | None = None, cards: Path | None = None) -> Program:
    """The stock worker; a file in the folder is there while it asks for runs."""
    arguments = ["-m", "services.analysis.worker", "--url", url, "--token-file", str(worker_token(folder)), "--uploads"]
    arguments += ["--cache", str(cards or folder / "cards"), "--ready-file", str(folder / WORKER_READY)]
    if methods is not None:
        arguments += ["--methods", *methods]
    return Program("worker", arguments, folder / "worker.log")


def wait_worker(program: Program, folder: Path) -> tuple[str, ...]:
    """Wait until it has announced its methods; their names. RuntimeError with the log's end if it ends first."""
    while not (ready := folder / WORKER_READY).exists():
        if program.ended is not None:
            raise RuntimeError(f"{program.name} ended with code {program.ended}:\n{program.tail()}")
        time.sleep(0.05)
    return tuple(name.partition("@")[0] for name in json.loads(ready.read_bytes())["methods"])


def as_text(value: object) -> str:
    return json.dumps(value) if isinstance(value, (list, dict, bool)) else str(value)


def worker_token(folder: Path) -> Path:
    """A token for the stock worker, in a file that only its user reads."""
    token = folder / "worker.token"
    token.touch(mode=0o600)
    token.write_text(mint(folder, "worker", "mois", "stock-worker", hours=24 * 30))
    return token
