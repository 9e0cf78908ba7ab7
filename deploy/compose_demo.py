"""`make compose-demo`: the suite in containers with real parts, walked through its gateway, and taken down again.

With `--disturb`, each container is stopped and started once while the walk goes on: nothing may be lost, and the walk ends.
With `--engine`, a scheduler and two nodes stand beside it, and a second request's model is scored by them.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from http.server import ThreadingHTTPServer

import httpx

from deploy.compose import checks
from deploy.compose.disturbance import Disturbance
from deploy.compose.images import CONTENTS, inspect
from deploy.compose.stack import Stack, StackError
from deploy.demo import people, uploaded
from deploy.demo.__main__ import keep_checkpoints
from deploy.demo.people import Person
from deploy.demo.receiver import Receiver
from deploy.demo.walk import Unexpected, Walk
from deploy.installation import SERVICES
from deploy.running import ROOT

FOLDER = ROOT / "var" / "compose-demo"
FILES = (ROOT / "docker-compose.yml",)
WITH_ENGINE = (*FILES, ROOT / "deploy" / "compose" / "engine.yml")
NODES = 2
SCORED = "scores came from the engine"
OPS = Person("ops.person", "mois", "ops", "the operators")
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
    left_out = {"worker"} if stack.files == WITH_ENGINE else {"engine"}
    images = [inspect(name, stack.environment, version=version, python=python) for name in CONTENTS if name not in left_out]
    for image in images:
        size = f"{image.megabytes:>4} MB, of which {image.own_megabytes:>3} over {python}"
        tell(f"  dure/{image.name:<9}{size}; {len(image.libraries)} libraries, {len(image.code)} modules")
    if faults := [fault for image in images for fault in image.faults()]:
        raise StackError("\n".join(faults))
    tell("  each holds its own code and the libraries of its lock, nothing else")


def start(stack: Stack) -> None:
    tell("Starting PostgreSQL, RabbitMQ, storage, the jobs, four services, a worker and the gateway ...")
    stack.up(*([f"node={NODES}"] if stack.files == WITH_ENGINE else []))
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
        if stack.files == WITH_ENGINE:
            score_elsewhere(stack, walk)
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


def score_elsewhere(stack: Stack, walk: Walk) -> None:
    """The model that somebody uploads is scored by the nodes, and not by the worker."""
    tell(f"\nAn uploaded model, scored by {NODES} nodes:")
    run = uploaded.walk_on(walk)
    said = stack.ask("logs", "--no-color", "worker")
    if not any(run in line and f'"{SCORED}"' in line for line in said.splitlines()):
        raise Unexpected(f"the worker's log does not say of the run {run} that its {SCORED}")
    tell(f"    run {run} succeeded; {SCORED}")


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
    parser.add_argument("--engine", action="store_true", help="with deploy/compose/engine.yml: nodes score an uploaded model")
    parser.add_argument("--keep", action="store_true", help="leave it running")
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.set)
    files, started = WITH_ENGINE if options.engine else FILES, time.monotonic()
    stack = Stack(FOLDER, "dure-demo", given, tell, files=files)
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
        disturbance = Disturbance(stack, frozenset(options.keeps_nothing), tell) if options.disturb else None
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
