"""`python -m services.analysis.worker.engine scheduler | node`: the processes of an engine that is more than one machine."""

import argparse
import asyncio
from functools import partial
from pathlib import Path

from services.analysis.worker.engine.dask import serve_node, serve_scheduler
from services.analysis.worker.engine.engines import Certificates
from services.analysis.worker.jobs import Sandbox


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.analysis.worker.engine", description=__doc__)
    for name in ("authority", "certificate", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="PEM file for mutual TLS")
    kinds = parser.add_subparsers(dest="kind", required=True)
    scheduler = kinds.add_parser("scheduler", help="hands tasks out")
    scheduler.add_argument("--host", default="127.0.0.1")
    scheduler.add_argument("--port", type=int, default=8786)
    scheduler.add_argument("--patience", type=float, default=30.0, help="seconds that tasks wait when there is no node")
    node = kinds.add_parser("node", help="works on partitions")
    node.add_argument("--scheduler", required=True, help="tls://host:port")
    node.add_argument("--root", type=Path, required=True, help="the folder that all nodes share: bundles in, partition files out")
    node.add_argument("--sandbox", type=Sandbox, choices=list(Sandbox), default=Sandbox.REQUIRE, help=str(Sandbox.__doc__))
    told = parser.parse_args()
    tell = partial(print, flush=True)
    certificates = Certificates(told.authority, told.certificate, told.key)
    if told.kind == "scheduler":
        asyncio.run(serve_scheduler(told.host, told.port, told.patience, certificates, tell))
    else:
        asyncio.run(serve_node(told.scheduler, told.root.resolve(), certificates, told.sandbox, tell))


if __name__ == "__main__":
    main()
