"""Databases as the migrations make them: migrated once a process, copied for each test."""

import asyncio
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from uuid import uuid4

import asyncpg
from sqlalchemy import make_url

from shared.migrate import upgrade
from tests.servers import POSTGRES

# A database of this name belongs to one test, which may replace it by a copy.
OWN = "dure_test_"
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def memory() -> str | None:
    """The folder for temporary files: DURE_TEST_FOLDER, else memory where there is enough.

    None: the usual one. SQLite waits for the disk at each commit, memory does not make it wait.
    """
    if chosen := os.environ.get("DURE_TEST_FOLDER"):
        return chosen
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 4 * 1024**3
    return str(shared) if roomy and os.access(shared, os.W_OK) else None


def postgres_url(name: str) -> str:
    """The SQLAlchemy address of a database of the tests' PostgreSQL."""
    return f"{POSTGRES.rsplit('/', 1)[0]}/{name}"


async def administer(*statements: str) -> None:
    """Run statements one by one, each in its own transaction, as the server's administrator."""
    await run_in(POSTGRES, *statements)


async def run_in(url: str, *statements: str) -> None:
    """Run statements in a PostgreSQL database, given by its SQLAlchemy address."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def migrated(migrations: Path, url: str) -> None:
    """Bring an empty or missing database of this test up to date; others the migrations do."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        file = Path(parts.database or "")
        if not file.exists():
            shutil.copyfile(await asyncio.to_thread(template, migrations), file)
            return
    elif (name := parts.database or "").startswith(OWN) and await empty(name):
        made = await asyncio.to_thread(postgres_template, migrations)
        await administer(f'DROP DATABASE "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{made}"')
        return
    await asyncio.to_thread(upgrade, migrations, url)


async def empty(name: str) -> bool:
    """Whether a PostgreSQL database has no table."""
    connection = await asyncpg.connect(postgres_url(name).replace("+asyncpg", ""))
    try:
        return bool(await connection.fetchval(TABLES) == 0)
    finally:
        await connection.close()


@cache
def folder() -> Path:
    """Where the SQLite templates of this process are."""
    return Path(tempfile.mkdtemp(prefix="dure-migrated-", dir=memory()))


@cache
def template(migrations: Path) -> Path:
    """A SQLite file that the migrations of a service made."""
    file = folder() / f"{migrations.parent.name}.db"
    upgrade(migrations, f"sqlite+aiosqlite:///{file}")
    return file


TEMPLATES: list[str] = []


@cache
def postgres_template(migrations: Path) -> str:
    """The name of a PostgreSQL database that the migrations made. Not inside an event loop."""
    name = f"dure_template_{migrations.parent.name}_{uuid4().hex[:12]}"
    TEMPLATES.append(name)
    asyncio.run(administer(f'CREATE DATABASE "{name}"'))
    upgrade(migrations, postgres_url(name))
    return name


def remove_templates() -> None:
    """At the end of the process's tests; a process of xdist has no other end."""
    if folder.cache_info().currsize:
        shutil.rmtree(folder())
        folder.cache_clear()
        template.cache_clear()
    while TEMPLATES:
        asyncio.run(administer(f'DROP DATABASE IF EXISTS "{TEMPLATES.pop()}" WITH (FORCE)'))
    postgres_template.cache_clear()
