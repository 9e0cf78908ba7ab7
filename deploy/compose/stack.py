"""An installation in containers, driven from outside: built, started, disturbed, and removed with everything it kept."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx

from deploy.compose.make_env import write
from deploy.installation import SERVICES
from deploy.running import ROOT, free_port

QUIET_SECONDS = 3.0
# What the caller's own environment may say; anything else could overrule the installation's file.
PASSED_ON = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "PIP_INDEX_URL",
             "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")  # fmt: skip


class StackError(Exception):
    """A command of the container engine failed."""


@dataclass
class Stack:
    """One installation: a project name, a folder for its environment and its log, a free port for its gateway."""

    folder: Path
    project: str
    given: dict[str, str]
    tell: Callable[[str], None] = print
    port: int = field(default_factory=free_port)
    files: tuple[Path, ...] = (ROOT / "docker-compose.yml",)

    def prepare(self) -> None:
        """A folder of its own with new secrets."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        write(
            self.folder / "env", {"GATEWAY_PORT": str(self.port), "PUBLIC_URL": self.url, "WEBHOOK_PRIVATE": "true", **self.given}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def value(self, name: str) -> str:
        """What the installation's file says."""
        lines = (self.folder / "env").read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))

    @property
    def log(self) -> Path:
        return self.folder / "compose.log"

    @property
    def environment(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return passed | {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1"}

    @cached_property
    def compose(self) -> list[str]:
        """`docker compose` where it is, else the older `docker-compose`."""
        for candidate in (["docker", "compose"], ["docker-compose"]):
            if shutil.which(candidate[0]) and not subprocess.run([*candidate, "version"], capture_output=True).returncode:
                files = [part for file in self.files for part in ("-f", str(file))]
                return [*candidate, "-p", self.project, "--env-file", str(self.folder / "env"), *files]
        raise StackError("Neither `docker compose` nor `docker-compose` is here.")

    def find_engine(self) -> None:
        """StackError if there is none that answers."""
        if subprocess.run([*self.compose, "ps"], cwd=ROOT, env=self.environment, capture_output=True).returncode:
            raise StackError("The container engine does not answer: is it running, and may you use it?")

    def do(self, what: str, *arguments: str) -> None:
        """A compose command that takes a while; says that it still runs, and shows the log's end if it fails."""
        started = told = time.monotonic()
        with self.log.open("ab") as log:
            command = [*self.compose, *arguments]
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - told > QUIET_SECONDS:
                    told = time.monotonic()
                    self.tell(f"  ... still {what} ({told - started:.0f} s)")
        if process.returncode:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
            raise StackError(f"{what} failed (code {process.returncode}):\n{tail}")

    def ask(self, *arguments: str, given: str = "") -> str:
        """What a compose command prints."""
        command = [*self.compose, *arguments]
        answer = subprocess.run(command, cwd=ROOT, env=self.environment, input=given, capture_output=True, text=True)
        if answer.returncode:
            raise StackError(f"{' '.join(arguments[:3])} failed:\n{answer.stdout}{answer.stderr}")
        return answer.stdout

    def job(self, service: str, *arguments: str, options: Sequence[str] = (), given: str = "") -> str:
        """What a container of this service prints when it does something else for once."""
        return self.ask("run", "--rm", "--no-deps", "-T", *options, service, *arguments, given=given)

    def up(self, *scale: str) -> None:
        """`node=2` starts two containers of that service."""
        self.do("starting", "up", "-d", "--no-build", *(part for each in scale for part in ("--scale", each)))

    def wait_ready(self, seconds: float = 120) -> None:
        """Until every service says `ready` through the gateway."""
        started = told = time.monotonic()
        waiting = list(SERVICES)
        while waiting := [service for service in waiting if self.state(service) != "ready"]:
            if time.monotonic() - started > seconds:
                said = self.ask("logs", "--no-color", "--tail=15", waiting[0])
                raise StackError(f"not ready after {seconds:.0f} s: {', '.join(waiting)}\n{said}")
            if time.monotonic() - told > QUIET_SECONDS:
                told = time.monotonic()
                self.tell(f"  ... waiting for {', '.join(waiting)} ({told - started:.0f} s)")
            time.sleep(0.3)

    def state(self, service: str) -> str:
        try:
            answer = httpx.get(f"{self.url}/{service}/readyz", timeout=5, trust_env=False)
            parts = [part for part in answer.json()["parts"] if part["name"] != "rules"]
            # A text that is due to be read again is for people: the service works.
            return "ready" if all(part["state"] == "ready" for part in parts) else str(answer.json()["status"])
        except (httpx.HTTPError, ValueError, KeyError):
            return "unavailable"

    def health(self) -> dict[str, str]:
        """What the engine says of each running container that has a health check."""
        shown = '{{index .Config.Labels "com.docker.compose.service"}} {{if .State.Health}}{{.State.Health.Status}}{{end}}'
        command = ["docker", "inspect", "--format", shown, *self.ask("ps", "-q").split()]
        lines = subprocess.run(command, check=True, env=self.environment, capture_output=True, text=True).stdout.splitlines()
        pairs = [line.split(" ", 1) for line in lines]
        return {name: status for name, status in pairs if status}

    def host(self) -> str:
        """The address under which the containers find this machine."""
        command = ["docker", "network", "inspect", f"{self.project}_services", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
        return subprocess.run(command, check=True, env=self.environment, capture_output=True, text=True).stdout.strip()

    def tokens(self, people: Sequence[Mapping[str, str]]) -> list[str]:
        """A token for each, minted by the development identity provider."""
        tokens: list[str] = json.loads(
            self.job("identity", "python", "-m", "deploy.compose.identity", "tokens", given=json.dumps(people))
        )
        return tokens

    def remove(self) -> None:
        """Containers, networks and volumes; the log stays."""
        with (self.folder / "containers.log").open("w") as file:
            command = [*self.compose, "logs", "--no-color"]
            subprocess.run(command, cwd=ROOT, env=self.environment, stdout=file, stderr=subprocess.STDOUT, check=False)
        self.do("taking it down", "down", "--volumes", "--remove-orphans")
