"""Installations to back up and to restore to, and what is in them, read by SQLAlchemy alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import MetaData, select
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.backups.place import Place
from deploy.installation import SERVICES
from shared.contracts import GrantRevoked
from shared.db import Database
from shared.ids import new_id
from shared.outbox import emit
from tests.databases import OWN, administer, postgres_url
from tests.snapshots.installations import Installation

Rows = dict[str, list[str]]
ROOT = Path(__file__).parents[2]
# Those who hear of a revoked grant, which the requests service tells.
LISTENERS = ("analysis", "results")


def place_of(installation: Installation) -> Place:
    """An unpacked snapshot, on SQLite or PostgreSQL."""
    folder = installation.folder
    sqlite = installation.urls["catalog"].startswith("sqlite")
    return Place(
        databases=installation.urls,
        storage_url=(folder / "objects").as_uri(),
        audit_keys=dict.fromkeys(SERVICES, folder / "audit.pem"),
        folder=folder if sqlite else None,
    )


@asynccontextmanager
async def empty_place(kind: str, folder: Path) -> AsyncIterator[Place]:
    """To restore to; of PostgreSQL four databases, dropped afterwards."""
    if kind == "sqlite":
        yield Place.in_folder(folder)
        return
    names = {service: f"{OWN}{uuid4().hex[:12]}" for service in SERVICES}
    await administer(*(f'CREATE DATABASE "{name}"' for name in names.values()))
    try:
        urls = {service: postgres_url(name) for service, name in names.items()}
        yield Place(databases=urls, storage_url=(folder / "objects").as_uri())
    finally:
        await administer(*(f'DROP DATABASE "{name}" WITH (FORCE)' for name in names.values()))


async def rows_of(url: str) -> Rows:
    """Every row of every table, as text, in an order of its own."""
    engine, metadata = create_async_engine(url), MetaData()
    try:
        async with engine.connect() as connection:
            await connection.run_sync(metadata.reflect)
            return {
                name: sorted(map(repr, (await connection.execute(select(table))).all()))
                for name, table in metadata.tables.items()
            }
    finally:
        await engine.dispose()


async def everything(place: Place) -> dict[str, Rows]:
    services = list(place.databases)
    rows = await asyncio.gather(*(rows_of(place.databases[service]) for service in services))
    return dict(zip(services, rows, strict=True))


def files_under(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def without(rows: dict[str, Rows], service: str, tables: set[str]) -> dict[str, Rows]:
    """The same but for some tables of a service."""
    others = {name: value for name, value in rows[service].items() if name not in tables}
    return rows | {service: others}


async def revoke(db: Database) -> None:
    async with db.transaction() as session:
        words = {
            "request_id": new_id(),
            "dataset_id": new_id(),
            "ministry": "nts",
            "reason": "Law.",
        }
        await emit(session, GrantRevoked(**words))


async def said(app: FastAPI) -> set[Any]:
    outbox = app.state.db.tables.outbox
    async with app.state.db.reading() as session:
        revoked = select(outbox.c.event_id).where(outbox.c.type == GrantRevoked.type)
        return set((await session.execute(revoked)).scalars())


async def heard(app: FastAPI) -> dict[Any, str]:
    inbox = app.state.db.tables.inbox
    async with app.state.db.reading() as session:
        revoked = select(inbox.c.id, inbox.c.state).where(inbox.c.type == GrantRevoked.type)
        return {row.id: row.state for row in await session.execute(revoked)}
