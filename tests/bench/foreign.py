"""Calls that Schemathesis makes from the OpenAPI documents, with valid tokens of every role, and what is answered."""

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from deploy.demo import people
from deploy.demo.people import Person
from deploy.installation import SERVICES
from deploy.running import ROOT
from services.analysis.schemas.methods import CARD, DIGEST
from services.analysis.schemas.uploads import MANIFEST
from services.analysis.tokens import Attempt, mint_token
from shared.auth import Role
from tests.bench.figures import Bench, Figure, at_least, at_most
from tests.bench.scoring_servers import install
from tests.e2e import troubled
from tests.e2e.troubled import House

REQUIREMENTS = ROOT / "requirements" / "bench-schemathesis.txt"
HOME = ROOT / "var" / "schemathesis"
CALLS = Path(__file__).with_name("foreign_calls.py")
SHARE = 0.3
# What a parameter `name` or `version` leads to is another thing in each service.
NAMES = {
    "catalog": {"version": ["1"], "leave_ministry.code": ["kostat"]},  # not a body of those who call
    "analysis": {
        "name": [troubled.NAME],
        "version": [troubled.VERSION],
        "get_bundle_file.name": ["linked.parquet"],
        "show_upload.name": [MANIFEST["card"]["name"]],
        "show_upload.version": [MANIFEST["card"]["version"]],
        "note_fault.name": [MANIFEST["card"]["name"]],
        "note_fault.version": [MANIFEST["card"]["version"]],
    },
    "results": {"name": ["regions"], "read_restricted_list.name": ["cases"], "number": ["1"]},
}
DOCUMENTS = {name: f"/{name}/openapi.json" for name in SERVICES} | {"scoring": "/analysis/scoring/openapi.json"}


async def measure_foreign(bench: Bench) -> list[Figure]:
    """By service the share of the answers that are 2xx, and how many are 5xx but 503 with Retry-After."""
    return await asyncio.to_thread(measured, bench)


def measured(bench: Bench) -> list[Figure]:
    bench.console.doing("Schemathesis is being installed")
    install(HOME, REQUIREMENTS)
    figures = []
    with inhabited(bench.folder / uuid4().hex) as house:
        order = ordered(house) | {"cases": bench.size.foreign // len(DOCUMENTS), "seed": 1}
        for name, path in DOCUMENTS.items():
            bench.console.doing(f"calls of {name}")
            figures += asked(bench, name, order | {"document": path, "known": order["known"] | NAMES.get(name, {})})
    return figures


@contextmanager
def inhabited(folder: Path) -> Iterator[House]:
    """The embedded suite with datasets, a live method and people."""
    suite = troubled.started(folder, folder / "cards")
    try:
        with httpx.Client(timeout=30, trust_env=False) as http:
            yield troubled.opened(suite, http)
        if suite.suite.ended is not None:
            raise RuntimeError(f"the suite ended:\n{suite.suite.tail()}")
    finally:
        suite.stop()


def asked(bench: Bench, name: str, order: dict[str, Any]) -> list[Figure]:
    done = subprocess.run(
        [str(HOME / "bin" / "python"), str(CALLS)], input=json.dumps(order), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-3000:]}")
    answer = json.loads(done.stdout)
    counts = {int(status): count for status, count in answer["counts"].items()}
    total, good = sum(counts.values()), sum(count for status, count in counts.items() if 200 <= status < 300)
    shown = ", ".join(f"{status}: {count}" for status, count in sorted(counts.items()))
    for sentence in answer["faults"][:20]:
        bench.console.tell(sentence)
    share, faults = good / total / SHARE, len(answer["faults"])
    return [
        Figure(f"Schemathesis, {name}: 2xx to {SHARE:.0%} of the answers", f"{good} of {total} ({shown})", (share,), at_least(1)),
        Figure(f"Schemathesis, {name}: 5xx but 503 with Retry-After", str(faults), (faults,), at_most(0)),
    ]


def ordered(house: House) -> dict[str, Any]:
    """Where to, by whom, and what there is to be found."""
    inputs = house.fresh_income()
    request, waiting = house.approved(inputs), house.submit(inputs)
    result, run = house.released(request), house.run(request, "succeeded")
    every = [Person(f"every.{ministry}", ministry, ",".join(Role), "has every role") for ministry in ("nts", "mohw")]
    house.post(every[1], "/analysis/onnx-methods", MANIFEST)
    others = [Person(f"{role}.alone", ministry, role, "has one") for role in Role for ministry in ("mois", "mohw")]
    attempt = Attempt(UUID(run["id"]), 2, "stock-worker", "mois")
    key = base64.b64decode((house.folder / "token.key").read_text())
    return {
        "url": house.embedded.url,
        "tokens": {"every": [*map(house.walk.mint, every)], "one": [*map(house.walk.mint, (people.KIM, *others))]},
        "run_token": mint_token(key, attempt),
        "known": {
            "dataset_id": [inputs["income"]],
            "request_id": [request, waiting],
            "run_id": [run["id"]],
            "result_id": [result["id"]],
            "code": ["nts", "mohw"],
            "ministry": ["nts", "mohw"],
            "kind": ["table", "restricted_list"],
        },
        "bodies": {
            "submit_request": house.asked(inputs),
            "register_dataset": troubled.INCOME,
            "republish": {"since": "2999-01-01T00:00:00Z"},
            "announce_method": {"card": CARD, "digest": DIGEST},
            "upload_manifest": MANIFEST,
            "note_fault": {"detail": "It has no output of that name."},
            "set_quota": {"most": 5, "reason": "A busy week."},
            "decide_dataset": {"dataset_id": inputs["income"], "verdict": "approve", "reason": "Covered."},
        },
    }
