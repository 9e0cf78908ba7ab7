"""`python -m tests.bench.indicators [ROWS]`: what one person with 47 indicators costs, by processor time; for docs/scale.md."""

import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import numpy as np

from services.analysis.prepare.keys import new_key, pads
from services.analysis.prepare.linkage import link
from services.analysis.prepare.plan import plan_linkage
from services.analysis.prepare.readers import Limits, locked
from services.analysis.worker.engine import PartitionTask, partitions, perform
from shared.contracts import ApprovedInput, Column, StoredObject
from tests.bench import linking
from tests.bench.bulk import plain
from tests.bench.machine import peak_mb
from tests.bench.tables import STORED, write_csv

INDICATORS = 47
ROUNDS = 6
PERSONS = 50_000_000


def write_persons(folder: Path, rows: int) -> None:
    """Half of the indicators are mostly 0, as arrears are; a tenth of the rest is missing."""
    cells = ", ".join(
        f"CASE WHEN hash(i * {at + 5}) % 10 < {9 if at % 2 else 1} THEN {'0' if at % 2 else 'NULL'} "
        f"ELSE (hash(i * {at + 3}) % 100000)::DOUBLE END AS a__f{at}"
        for at in range(INDICATORS)
    )
    with plain(1000, folder) as connection:
        table = f"SELECT sha256(i::VARCHAR) AS pseudonym, {cells} FROM range({rows}) t(i)"
        form = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 131072"
        connection.execute(f"COPY ({table}) TO '{folder}/linked.parquet' ({form})")


def write_model(path: Path) -> None:
    """A hundred trees on all indicators."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(0)
    features = random.random((10_000, INDICATORS)).astype(np.float32) * 100_000
    label = features[:, 0] + features[:, 2] + random.normal(0, 30_000, len(features)) > 100_000
    model = HistGradientBoostingClassifier(max_iter=100, random_state=0).fit(features, label)
    taken = [("features", FloatTensorType([None, INDICATORS]))]
    made = to_onnx(model, initial_types=taken, options={"zipmap": False}, target_opset={"": 21, "ai.onnx.ml": 3})
    path.write_bytes(made.SerializeToString())


def link_persons(folder: Path, rows: int) -> tuple[float, int]:
    """Processor time of prepare's linkage for three inputs, the base with so many rows; and how many rows they have together."""
    paths, inputs, total = {}, [], 0
    for role, part in (("income", 1.0), ("household", 0.5), ("benefits", 0.2)):
        paths[role], count = folder / f"{role}.csv", int(rows * part)
        write_csv(paths[role], count, step=linking.STEPS[role])
        stored, table = StoredObject(sha256="0" * 64, size=0, media_type="text/csv"), tuple(map(Column.model_validate, STORED))
        columns = {name: name for name in ("person_no", *linking.ROLES[role])}
        inputs.append(
            ApprovedInput(
                role=role, dataset_id=uuid4(), dataset_version=1, ministry="nts", object=stored, table=table, columns=columns
            )
        )
        total += count
    plan, used = plan_linkage(linking.card(), tuple(inputs)), time.process_time()
    with locked(folder, Limits()) as connection:
        link(connection, plan, paths, pads(new_key()), folder / "out.parquet")
    return time.process_time() - used, total


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="dure-indicators-") as name:
        root = Path(name)
        linked, inputs = link_persons(root, rows)
        (root / "run").mkdir()
        write_persons(root / "run", rows)
        write_model(root / "run" / "champion.model")
        size = (root / "run" / "linked.parquet").stat().st_size
        features = tuple(f"a__f{at}" for at in range(INDICATORS))
        task = PartitionTask("scores", "run", "out", 0, 4, "SELECT * FROM linked", features, "champion.model", memory_mb=1024)
        used = time.process_time()
        done = sum(perform(one, root).rows for one in partitions(task))
        used = time.process_time() - used
    assert done == rows
    print(f"{inputs:,} input rows linked: {linked / inputs * 1e6:.1f} s of one core for a million")
    print(f"{rows:,} persons x {INDICATORS} indicators: {size / rows:.0f} bytes a person in the linked table")
    print(f"scored in 4 partitions: {used / rows * 1e6:.1f} s of one core for a million; peak {peak_mb():,.0f} MB")
    hours = used / rows * PERSONS / 3600
    told = f"{size / rows * PERSONS / 1e9:.1f} GB, scored in {hours:.2f} core hours a round, {hours * ROUNDS:.1f} a year"
    print(f"50 million persons: {told}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
