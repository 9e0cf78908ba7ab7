"""Checkpoints that leave by themselves: the newest one, in a folder or by HTTP, where an auditor holds it.

With one, a tail that was cut and a chain that was rewritten are found, whoever holds the database and the keys.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx
from sqlalchemy import select

from shared.db import Database
from shared.keys import write_beside
from shared.settings import ServiceSettings

# How long an address may take to answer.
SECONDS = 10.0


class NotTaken(Exception):
    """A checkpoint that did not arrive, and why; never with the address, which may hold a password."""


class Destination(Protocol):
    """Where checkpoints go."""

    async def put(self, checkpoint: Mapping[str, Any]) -> None:
        """Have it stored there. NotTaken if it could not be."""


@dataclass(frozen=True)
class Folder:
    """A file for each checkpoint, `requests-000000000412.json`; one that is there is never replaced."""

    path: Path

    async def put(self, checkpoint: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(self.write, checkpoint)
        except OSError as error:
            raise NotTaken(str(error)) from error

    def write(self, checkpoint: Mapping[str, Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / f"{checkpoint['service']}-{checkpoint['position']:012}.json"
        complete = write_beside(file, json.dumps(checkpoint).encode(), 0o644)
        try:
            file.hardlink_to(complete)
        except FileExistsError:
            pass
        finally:
            complete.unlink()


@dataclass(frozen=True)
class Address:
    """POST of the checkpoint as JSON; any 2xx says that it was taken."""

    url: str

    async def put(self, checkpoint: Mapping[str, Any]) -> None:
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as http:
                answer = await http.post(self.url, json=dict(checkpoint))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotTaken(type(error).__name__) from None
        if not answer.is_success:
            raise NotTaken(f"status {answer.status_code}")


@dataclass
class CheckpointSender:
    """Sends the newest checkpoint of a service, at most once in so many seconds; one that did not arrive is sent again."""

    db: Database
    destination: Destination
    seconds: float
    sent: str = ""  # its hash
    due: float = field(default_factory=time.monotonic)
    fault: str = ""

    async def turn(self) -> bool:
        if time.monotonic() < self.due:
            return False
        checkpoint = await self.newest()
        if checkpoint is None or checkpoint["hash"] == self.sent:
            return False
        try:
            await self.destination.put(checkpoint)
        except NotTaken as error:
            self.fault = str(error)
            raise
        self.fault, self.sent = "", checkpoint["hash"]
        self.due = time.monotonic() + self.seconds
        return False

    async def newest(self) -> dict[str, Any] | None:
        """The newest checkpoint, as `GET /<service>/audit/checkpoint` gives it."""
        table = self.db.tables.checkpoints
        async with self.db.reading() as session:
            query = select(table).order_by(table.c.position.desc()).limit(1)
            row = (await session.execute(query)).mappings().first()
        return {"service": self.db.service, **row} if row else None


def destination_of(text: str) -> Destination:
    """The folder or the address that a setting names. ValueError for another scheme."""
    parts = urlsplit(text)
    if parts.scheme in ("http", "https"):
        return Address(text)
    if parts.scheme == "file":
        return Folder(Path(unquote(parts.path)))
    if parts.scheme:
        raise ValueError("AUDIT_CHECKPOINTS is a folder, or an http or https address")
    return Folder(Path(text))


def checkpoint_sender(db: Database, settings: ServiceSettings) -> CheckpointSender | None:
    """Who sends checkpoints, if the settings say where."""
    if settings.audit_checkpoints is None:
        return None
    destination = destination_of(settings.audit_checkpoints.get_secret_value())
    return CheckpointSender(db, destination, settings.audit_checkpoint_seconds)
