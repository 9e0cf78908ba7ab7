"""Prepare's linkage of a folder in a process of its own, so that its memory can be told; what is asked stands in `asked.json`."""

import json
import sys
import time
from pathlib import Path

from services.analysis.prepare.keys import new_key, pads
from services.analysis.prepare.linkage import link
from services.analysis.prepare.plan import plan_linkage
from services.analysis.prepare.readers import Limits, locked
from shared.contracts import ApprovedInput, MethodCard
from tests.bench.machine import peak_mb


def main(folder: Path) -> None:
    asked = json.loads((folder / "asked.json").read_text())
    inputs = tuple(ApprovedInput.model_validate(each) for each in asked["inputs"])
    plan = plan_linkage(MethodCard.model_validate(asked["card"]), inputs)
    paths = {each.role: folder / f"{each.role}.parquet" for each in inputs}
    began = time.perf_counter()
    with locked(folder, Limits()) as connection:
        rows = link(connection, plan, paths, pads(new_key()), folder / "linked.parquet").rows
    took = time.perf_counter() - began
    print(json.dumps({"rows": rows, "seconds": took, "mb": peak_mb(), "available_from": plan.available_from}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
