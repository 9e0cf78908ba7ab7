"""Databases as the migrations make them: migrated once, copied for each test, which then finds nothing left to do."""

import asyncio
import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from shared.migrate import upgrade

FOLDER = Path(tempfile.mkdtemp(prefix="dure-migrated-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


async def migrated(migrations: Path, url: str) -> None:
    """Bring an empty or missing database of this test alone up to date; one that is not empty is left to the migrations."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        file = Path(parts.database or "")
        if not file.exists():
            shutil.copyfile(await asyncio.to_thread(template, migrations), file)
            return
    await asyncio.to_thread(upgrade, migrations, url)


@cache
def template(migrations: Path) -> Path:
    """A SQLite file that the migrations of a service made."""
    file = FOLDER / f"{migrations.parent.name}.db"
    upgrade(migrations, f"sqlite+aiosqlite:///{file}")
    return file
