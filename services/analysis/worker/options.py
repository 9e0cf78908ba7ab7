"""The command line of the stock worker."""

import argparse
import os
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from services.analysis.worker.cluster import Cluster
from services.analysis.worker.engine import Certificates
from services.analysis.worker.jobs import Sandbox

ENGINE: Final = ("root", "authority", "certificate", "key")


@dataclass(frozen=True)
class Options:
    """What was said on it."""

    url: str
    token_file: Path
    once: bool
    concurrency: int
    scratch: Path
    name: str
    sandbox: Sandbox
    grace: float
    logs: Path | None
    threads: int
    models: Path | None
    uploads: bool
    methods: tuple[str, ...] | None
    cache: Path
    ready_file: Path | None
    send_logs: bool
    cluster: Cluster | None


def parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m services.analysis.worker", description="Claims runs and performs them.")
    add_worker(parser)
    add_engine(parser)
    told = vars(parser.parse_args(arguments))
    told["methods"] = None if told["methods"] is None else tuple(told["methods"])
    told["cache"] = told["cache"] or told["scratch"] / f"dure-cards-{os.geteuid()}"
    if (ready := told["ready_file"]) and not ready.parent.is_dir():
        parser.error(f"--ready-file: there is no folder {ready.parent}")
    shared_out = max(1, len(os.sched_getaffinity(0)) // told["concurrency"])
    cluster = cluster_of(parser, told.pop("scheduler"), {name: told.pop(name) for name in ENGINE})
    return Options(**told | {"threads": told["threads"] or shared_out, "cluster": cluster})


def add_worker(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--url", required=True, help="where the analysis service answers, such as http://host:port")
    add("--token-file", type=Path, required=True, help="a bearer token; read again when it changes")
    add("--once", action="store_true", help="end after one run")
    add("--concurrency", type=int, choices=range(1, 65), default=1, metavar="1..64")
    add("--scratch", type=Path, default=Path(tempfile.gettempdir()), help="for the folders of runs")
    add("--name", default=socket.gethostname(), help="how this worker calls itself in its log")
    add("--sandbox", type=Sandbox, choices=list(Sandbox), default=Sandbox.BUILT_IN, help=str(Sandbox.__doc__))
    add("--grace", type=float, default=30.0, help="seconds that a run may still take after SIGTERM")
    add("--logs", type=Path, help="keep what methods print, here only: it may hold cell values")
    add("--send-logs", action="store_true", help="send the end of what methods print to the centre's analysts")
    add("--threads", type=int, choices=range(1, 257), metavar="1..256", help="of one run; the cores, shared out")
    add("--models", type=Path, help="a folder for each model to host: manifest.json, and model.onnx unless remote")
    add("--methods", nargs="*", metavar="NAME", help="host these of the installed methods only; without a name none")
    add("--cache", type=Path, help="where cards of methods are kept between starts; a folder in the scratch folder")
    add("--ready-file", type=Path, help="a JSON file that is there while the worker asks for runs: which methods it hosts")
    add("--uploads", action="store_true", help="also host the ONNX methods that are uploaded to the centre")


def add_engine(parser: argparse.ArgumentParser) -> None:
    engine = parser.add_argument_group("engine", "have the ONNX methods that are hosted here scored by the nodes of a scheduler")
    engine.add_argument("--scheduler", help="tls://host:port; the others are needed with it, and without it none")
    engine.add_argument("--root", type=Path, help="the folder that the nodes share")
    for name in ENGINE[1:]:
        engine.add_argument(f"--{name}", type=Path, help="PEM file for mutual TLS")


def cluster_of(parser: argparse.ArgumentParser, scheduler: str | None, paths: dict[str, Any]) -> Cluster | None:
    """All of it or nothing, and said at once: a run would find out late."""
    given = [name for name, path in paths.items() if path]
    if not scheduler and not given:
        return None
    if not scheduler or not scheduler.startswith("tls://") or len(given) < len(paths):
        parser.error(f"--scheduler is tls://host:port and goes with {', '.join(f'--{name}' for name in paths)}")
    if missing := [name for name, path in paths.items() if not path.exists()]:
        parser.error(f"--{missing[0]}: there is nothing at {paths[missing[0]]}")
    if find_spec("distributed") is None:
        parser.error("--scheduler needs the libraries of requirements/engine.txt (the image `engine`)")
    return Cluster(scheduler, Certificates(*(paths[name].resolve() for name in ENGINE[1:])), paths["root"].resolve())
