"""The keys of the base rows, sealed to the ministry that asked: beside the bundle, never in it, and no method sees them."""
# ruff: noqa: S608  The names in this SQL are quoted; every value is a parameter.

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import duckdb

from services.analysis.prepare.keys import Pads
from services.analysis.prepare.linkage import key_name, pseudonym
from services.analysis.prepare.plan import RolePlan
from services.analysis.prepare.readers import key_text, source, value
from shared.contracts import PublicKey
from shared.sealing import Sealer
from shared.times import KOREA

SEALED_FILE: Final = "sealed.ndjson"
NDJSON: Final = "application/x-ndjson"
BATCH: Final = 1000


@dataclass(frozen=True)
class Sealing:
    """Whom the keys of a request are sealed to."""

    to: PublicKey
    request_id: UUID
    key_domain: str


def write_sealed(
    connection: duckdb.DuckDBPyConnection,
    base: RolePlan,
    path: Path,
    pads: Pads,
    sealing: Sealing,
    target: Path,
    check: Callable[[], None],
) -> None:
    """A line for each pseudonym, in their order, so that nothing of the input's order is left. `check` may raise to stop."""
    sealer = Sealer(sealing.to, request=str(sealing.request_id), key_domain=sealing.key_domain)
    with target.open("w", encoding="ascii") as file:
        for batch in raw_keys(connection, base, path, pads):
            check()
            for name, key in batch:
                file.write(json.dumps({"pseudonym": name, "sealed": sealer.seal(name, key)}, separators=(",", ":")) + "\n")


def raw_keys(connection: duckdb.DuckDBPyConnection, base: RolePlan, path: Path, pads: Pads) -> Iterator[list[tuple[str, str]]]:
    """Each pseudonym of the base once, with its canonical key, in batches; rows without a whole key are not in the bundle."""
    domain = base.key.key_domain or ""
    function, parameters = source(path, base.approved.object.media_type, base.role)
    chosen = f"{pseudonym(base.key, {domain: '$inner'})} AS pseudonym, {key_name(base.key)} AS raw"
    keys = f"SELECT *, {key_text(base.key)} AS {key_name(base.key)} FROM {function}"
    whole = [f"{value(pick, KOREA)} IS NOT NULL" for pick in base.keyed_by]
    rows = f"SELECT {chosen} FROM ({keys}) WHERE {' AND '.join(whole or ['true'])}"
    sql = f"SELECT DISTINCT pseudonym, raw FROM ({rows}) WHERE pseudonym IS NOT NULL ORDER BY pseudonym"
    secrets = {"inner": pads.inner + domain.encode() + b"\0", "outer": pads.outer}
    result = connection.execute(sql, {**parameters, **secrets})
    while batch := result.fetchmany(BATCH):
        yield batch
