"""`make compose-demo`: the suite in containers with real parts, walked through its gateway, and taken down again.

With `--disturb`, each container is stopped and started once while the walk goes on: nothing may be lost, and the walk ends.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from http.server import ThreadingHTTPServer

import httpx

from deploy.compose import checks
from deploy.compose.images import BY_HAND, CONTENTS, inspect
from deploy.compose.stack import Stack, StackError
from deploy.demo import people
from deploy.demo.__main__ import keep_checkpoints
from deploy.demo.people import Person
from deploy.demo.receiver import Receiver
from deploy.demo.walk import Unexpected, Walk
from deploy.installation import SERVICES
from deploy.running import ROOT

FOLDER = ROOT / "var" / "compose-demo"
OPS = Person("ops.person", "mois", "ops", "the operators")
# Stop of the walk -> what is away when it begins, and comes back while it goes on.
AWAY = {
    0: ("storage", "catalog"), 1: ("analysis",), 2: ("rabbitmq",), 3: ("postgres",), 4: ("requests",), 6: ("gateway",),
    7: ("results",),
}  # fmt: skip
# Stopped, a worker would end its run first.
KILLED = {5: ("worker",)}
BEGUN_SECONDS = 1.5
AWAY_SECONDS = 3.0
VERSIONS = {
    "postgres": ("postgres", "--version"), "rabbitmq": ("rabbitmqctl", "version"), "gateway": ("nginx", "-v"),
    "catalog": ("python", "--version"),
}  # fmt: skip


def tell(line: str) -> None:
    print(line, flush=True)


@dataclass
class ReachableReceiver(Receiver):
    """A receiver of webhooks that listens where containers can reach it."""

    host: str = "127.0.0.1"

    def __enter__(self) -> "ReachableReceiver":
        super().__enter__()
        self.outer = ThreadingHTTPServer((self.host, 0), self.server.RequestHandlerClass)
        threading.Thread(target=self.outer.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.outer.shutdown()
        self.outer.server_close()
        super().__exit__(*error)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.outer.server_port}/dure"


def build(stack: Stack) -> None:
    tell("Building the images (the first time takes some minutes) ...")
    stack.do("building", "build")
    version, python = stack.value("DURE_VERSION"), stack.value("PYTHON_IMAGE")
    images = [inspect(name, stack.environment, version=version, python=python) for name in CONTENTS if name not in BY_HAND]
    for image in images:
        size = f"{image.megabytes:>4} MB, of which {image.own_megabytes:>3} over {python}"
        tell(f"  dure/{image.name:<9}{size}; {len(image.libraries)} libraries, {len(image.code)} modules")
    if faults := [fault for image in images for fault in image.faults()]:
        raise StackError("\n".join(faults))
    tell("  each holds its own code and the libraries of its lock, nothing else")


def start(stack: Stack) -> None:
    tell("Starting PostgreSQL, RabbitMQ, storage, the jobs, four services, a worker and the gateway ...")
    stack.up()
    stack.wait_ready()
    tell(f"Running at {stack.url}; really running here:")
    for service, command in VERSIONS.items():
        tell(f"  {service}: {stack.ask('exec', '-T', service, 'sh', '-c', ' '.join(command) + ' 2>&1').strip()}")
    look = "import urllib.request as u, urllib.error as e\ntry: print(u.urlopen('http://storage:9000').headers['server'])\n"
    look += "except e.HTTPError as error: print(error.headers['server'])"
    tell(f"  storage: {stack.job('bucket', 'python', '-c', look).strip()}")


def minted(stack: Stack) -> dict[Person, str]:
    everybody = [one for one in vars(people).values() if isinstance(one, Person)] + [OPS]
    wanted = [{name: asdict(one)[name] for name in ("subject", "ministry", "roles")} for one in everybody]
    return dict(zip(everybody, stack.tokens(wanted), strict=True))


@dataclass
class Disturbance:
    """Stops containers and starts them again beside the walk; what goes wrong with that is raised at the end."""

    stack: Stack
    keeps_nothing: frozenset[str]
    faults: list[Exception] = field(default_factory=list)

    @contextmanager
    def at(self, stop: int) -> Iterator[None]:
        away = threading.Event()
        thread = threading.Thread(target=self.disturb, args=(stop, away))
        thread.start()
        if stop in AWAY:
            away.wait()
        yield
        thread.join()
        if self.faults:
            raise self.faults[0]

    def disturb(self, stop: int, away: threading.Event) -> None:
        try:
            for service in AWAY.get(stop, ()):
                self.take_away(service, "pause" if service in self.keeps_nothing else "stop", away)
            for service in KILLED.get(stop, ()):
                time.sleep(BEGUN_SECONDS)
                self.take_away(service, "kill", away)
        except StackError as error:
            self.faults.append(error)
        finally:
            away.set()

    def take_away(self, service: str, how: str, away: threading.Event) -> None:
        self.stack.ask(how, service)
        tell(f"    !!! {how} {service}")
        away.set()
        time.sleep(AWAY_SECONDS)
        back = "unpause" if how == "pause" else "start"
        self.stack.ask(back, service)
        tell(f"    !!! {back} {service}")


def walk_through(stack: Stack, tokens: Mapping[Person, str], disturbance: Disturbance | None) -> None:
    with ReachableReceiver(host=stack.host()) as receiver, httpx.Client(timeout=90, trust_env=False) as http:
        walk = Walk(dict.fromkeys(SERVICES, stack.url), tokens.__getitem__, receiver, http, tell)
        for number, (title, stop) in enumerate(walk.stops()):
            tell(f"\n[{number}] {title}")
            started = time.monotonic()
            with disturbance.at(number) if disturbance else nullcontext():
                stop()
            tell(f"    ({time.monotonic() - started:.2f} s)")
        check_nothing_is_lost(walk)
        for lang in ("ko", "en"):
            (stack.folder / f"report-{lang}.html").write_text(walk.report(lang), encoding="utf-8")
        keep_checkpoints(walk, stack.folder / "checkpoints")


def check_nothing_is_lost(walk: Walk) -> None:
    """One of each, everything sent, nothing given up, the webhook heard once."""
    for service in SERVICES:
        walk.wait(f"the outbox of {service}", partial(all_sent, walk, service))
        if dead := counts(walk, service, "inbox").get("dead"):
            raise Unexpected(f"{service} gave up {dead} events")
    for service, path in (("requests", ""), ("analysis", "/runs"), ("results", "")):
        found = walk.call(people.KIM, "GET", service, path).json()["items"]
        if len(found) != 1:
            raise Unexpected(f"{service} has {len(found)} where there is one")
    tell(f"\nNothing is lost: one request, one run, one result, {len(walk.receiver.events(walk.secret))} event told by webhook")


def all_sent(walk: Walk, service: str) -> bool:
    return counts(walk, service, "outbox")["unsent"] == 0


def counts(walk: Walk, service: str, box: str) -> dict[str, int]:
    found: dict[str, int] = walk.call(OPS, "GET", service, f"/ops/{box}").json()["counts"]
    return found


def check(stack: Stack, token: str) -> None:
    """After the walk, in the installation that it left."""
    tell("\nThe gateway and the walls between the parts:")
    described = {
        "title": "A large file", "description": "Zeros.", "legal_basis": "None", "sensitivity": "open",
        "allowed_purposes": ["test"], "table": [{"name": "a", "type": "integer", "role": "attribute"}],
    }  # fmt: skip
    manners = checks.gateway(stack.url, token), checks.streaming(stack.url, token, described)
    checks.run(tell, checks.walls(stack), *manners, checks.health(stack))


def verify_audit(stack: Stack) -> None:
    """In the service's own image, with this folder's verifier, the public half of the key and the checkpoints of an auditor."""
    tell("\n[8] The audit: every change, refused attempt and restricted read, sealed into a chain per service")
    mounts = ["-v", f"{ROOT / 'deploy'}:/app/deploy:ro", "-v", f"{stack.folder / 'checkpoints'}:/checkpoints:ro"]
    for service in SERVICES:
        url = f'"{service}=${service.upper()}_DATABASE_URL"'
        verify = f"python -m deploy.verify_audit --url {url} --key /keys/audit.pub.pem --checkpoints /checkpoints"
        tell(stack.job(service, "sh", "-c", verify, options=mounts).strip())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--disturb", action="store_true", help="stop and start each container once during the walk")
    parser.add_argument(
        "--keeps-nothing", action="append", default=[], metavar="SERVICE", help="freeze this one instead (--disturb)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another value than that of .env.example"
    )
    parser.add_argument("--keep", action="store_true", help="leave it running")
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.set)
    stack, started = Stack(FOLDER, "dure-demo", given, tell), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    stack.prepare()
    try:
        stack.find_engine()
    except StackError as error:
        tell(str(error))
        return 1
    try:
        build(stack)
        start(stack)
        tokens = minted(stack)
        disturbance = Disturbance(stack, frozenset(options.keeps_nothing)) if options.disturb else None
        walk_through(stack, tokens, disturbance)
        check(stack, tokens[people.LEE])
        verify_audit(stack)
    except (StackError, Unexpected, checks.Broken) as error:
        tell(f"\nThe walk stopped: {error}\nLogs: {stack.log} and, when it is down, {stack.folder / 'containers.log'}")
        return 1
    finally:
        if not options.keep:
            stack.remove()
    tell(f"\nDone in {time.monotonic() - started:.0f} s. {'It keeps running.' if options.keep else 'Nothing is left running.'}")
    tell(f"The report:\n  {FOLDER / 'report-ko.html'}\n  {FOLDER / 'report-en.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
