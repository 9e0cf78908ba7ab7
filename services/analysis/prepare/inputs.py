"""Bring the files of a run from the storage: the very bytes that were approved, or none."""

from pathlib import Path

from services.analysis.prepare.bundle import CHAMPION_FILE, Builder, Stopped
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.plan import Plan
from shared.contracts import ModelRef, StoredObject
from shared.storage import Corrupt, MissingObject, Storage


async def fetch_inputs(storage: Storage, plan: Plan, folder: Path, builder: Builder) -> dict[str, Path]:
    """Each input's file in this folder."""
    paths = {}
    for role in plan.roles:
        path = folder / f"{role.role}.input"
        try:
            await storage.fetch(role.approved.object.sha256, path)
        except (Corrupt, MissingObject):
            raise PrepareError("input-corrupt", f"The file of the input {role.role} is not the one that was approved.") from None
        if builder.stopped:
            raise Stopped
        paths[role.role] = path
    return paths


async def fetch_champion(storage: Storage, champion: ModelRef | None, folder: Path) -> StoredObject | None:
    """The released model that a worker will get beside the table, once its bytes were found to be those that were released."""
    if champion is None:
        return None
    path = folder / CHAMPION_FILE
    try:
        await storage.fetch(champion.object.sha256, path)
    except (Corrupt, MissingObject):
        raise PrepareError("champion-corrupt", "The file of the model to score with is not the one that was released.") from None
    if path.stat().st_size != champion.object.size:
        raise PrepareError("champion-corrupt", "The file of the model to score with is not the one that was released.")
    path.unlink()
    return champion.object
