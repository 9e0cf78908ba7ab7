"""The bundle: all that a worker gets of a run. One linked, pseudonymised table, and what is known of it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from services.analysis.prepare.keys import pads
from services.analysis.prepare.linkage import Linked, link
from services.analysis.prepare.plan import Plan
from services.analysis.prepare.readers import PARQUET, Limits, locked
from services.analysis.prepare.sealed import SEALED_FILE, Sealing, write_sealed
from shared.contracts import SealedKeys, StoredObject

TABLE_FILE: Final = "linked.parquet"
CHAMPION_FILE: Final = "champion.model"


@dataclass(frozen=True)
class Manifest:
    """What stands in the run's row: the files by digest, and the numbers of the linkage."""

    table: StoredObject
    linked: Linked
    sealed_keys: SealedKeys | None = None
    champion: StoredObject | None = None
    available_from: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        file = {"name": TABLE_FILE, **self.table.model_dump(mode="json")}
        # A champion is the registry's own file: a worker gets it, but it stays when the bundle goes.
        lent = [{"name": CHAMPION_FILE, **self.champion.model_dump(mode="json")}] if self.champion else []
        # The sealed keys are no file of the bundle: no worker gets them.
        balance = {role: each.model_dump(mode="json") for role, each in self.linked.balance.items()}
        counts = {"rows": self.linked.rows, "keys_dropped": self.linked.keys_dropped, "balance": balance}
        return {"files": [file], "lent": lent, "available_from": self.available_from, **counts}


class Builder:
    """Builds one bundle, in a thread; `stop` may be called from another one."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.connection: duckdb.DuckDBPyConnection | None = None
        self.stopped = False

    def build(
        self, plan: Plan, paths: dict[str, Path], key: bytes, sealing: Sealing | None = None
    ) -> tuple[Path, Linked, Path | None]:
        """The bundle's table, what linking found, and the file of sealed keys if somebody is to get it."""
        target, beside = self.folder / TABLE_FILE, self.folder / SEALED_FILE
        with locked(self.folder, self.limits) as connection:
            self.connection = connection
            self.check()
            try:
                linked = link(connection, plan, paths, pads(key), target)
                if sealing:
                    base = plan.base
                    write_sealed(connection, base, paths[base.role], pads(key), sealing, beside, self.check)
                return target, linked, beside if sealing else None
            except duckdb.InterruptException:
                raise Stopped from None
            except duckdb.Error as error:
                # Its message may quote a cell; its kind is enough to act on.
                raise BuildFailed(type(error).__name__) from None
            finally:
                self.connection = None

    def check(self) -> None:
        if self.stopped:
            raise Stopped

    def stop(self) -> None:
        self.stopped = True
        if self.connection is not None:
            self.connection.interrupt()


class Stopped(Exception):
    """The run ended while its bundle was being built."""


class BuildFailed(Exception):
    """The database that links the inputs failed; trying again may help."""


@contextmanager
def private_folder(scratch: Path | None) -> Iterator[Path]:
    """A folder that only this process may enter, and that is gone afterwards with the raw inputs in it."""
    folder = Path(tempfile.mkdtemp(prefix="dure-prepare-", dir=scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["PARQUET", "TABLE_FILE", "BuildFailed", "Builder", "Manifest", "Sealing", "Stopped", "private_folder"]
