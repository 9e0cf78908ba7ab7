"""What a backup says of itself, and whether its files are what it says.

manifest.json            this, and manifest.sha256 beside it, as `sha256sum -c` reads it
databases/<service>.db   a SQLite database, or
databases/<service>/     a file for each table of a PostgreSQL database, as COPY writes it
objects/sha256/aa/aa...  the object storage, by digest
keys/                    only if the keys were asked for
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.backups.errors import Refused
from deploy.running import ROOT
from shared.migrate import config
from shared.storage import digest_of, object_path

FORMAT = 1
MANIFEST, CHECKSUM = "manifest.json", "manifest.sha256"
OBJECTS = "objects"
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileEntry(Strict):
    """Size in bytes."""

    size: int
    sha256: str


class TableEntry(Strict):
    """`columns` in the order in which COPY wrote them."""

    rows: int
    columns: list[str]


class ChainEntry(Strict):
    """The head of a service's audit chain, and the public key (PEM) of its signer."""

    position: int
    hash: str
    public_key: str | None


class DatabaseEntry(Strict):
    """`revision` is the head of the migrations that the database had seen."""

    engine: Literal["sqlite", "postgresql"]
    revision: str
    tables: dict[str, TableEntry]
    audit: ChainEntry

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class Manifest(Strict):
    """`files`: path within the backup -> what it is, objects too. `damaged`: objects
    that were missing or not what their names say, and are left out."""

    format: int
    version: str
    time: datetime
    databases: dict[str, DatabaseEntry]
    files: dict[str, FileEntry]
    damaged: list[str]

    @property
    def objects(self) -> dict[str, int]:
        """Digest -> bytes."""
        under = f"{OBJECTS}/"
        return {
            path.rpartition("/")[2]: entry.size
            for path, entry in self.files.items()
            if path.startswith(under)
        }


def code_version() -> str:
    """The version of the code, such as 0.1.0."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def migrations(service: str) -> Path:
    return ROOT / "services" / service / "migrations"


def known_revision(service: str, revision: str) -> bool:
    scripts = ScriptDirectory.from_config(config(migrations(service), "sqlite://"))
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False


def code_revision(service: str) -> str | None:
    """The head of a service's migrations in this code."""
    return ScriptDirectory.from_config(config(migrations(service), "sqlite://")).get_current_head()


def object_file(archive: Path, sha256: str) -> Path:
    return archive / OBJECTS / object_path(sha256)


def entry_of(file: Path) -> FileEntry:
    return FileEntry(size=file.stat().st_size, sha256=digest_of(file))


def write_manifest(archive: Path, manifest: Manifest) -> str:
    """Its SHA-256, which whoever keeps the backup may note elsewhere."""
    body = manifest.model_dump_json(indent=1).encode()
    (archive / MANIFEST).write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    (archive / CHECKSUM).write_text(f"{digest}  {MANIFEST}\n")
    return digest


def read_manifest(archive: Path) -> Manifest:
    """Refused if it is not there, is damaged, or is of code newer than ours."""
    if not (archive / MANIFEST).is_file() or not (archive / CHECKSUM).is_file():
        raise Refused(f"There is no backup in {archive}: it has no {MANIFEST} with {CHECKSUM}.")
    body = (archive / MANIFEST).read_bytes()
    expected = f"{hashlib.sha256(body).hexdigest()}  {MANIFEST}\n"
    if (archive / CHECKSUM).read_bytes() != expected.encode():
        raise Refused(f"The backup is damaged: {MANIFEST} has not the SHA-256 of {CHECKSUM}.")
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as error:
        raise Refused(f"{MANIFEST} cannot be read: {error.errors()[0]['msg']}.") from None
    check_age(manifest)
    return manifest


def check_age(manifest: Manifest) -> None:
    """Refused for what only newer code can read."""
    if manifest.format > FORMAT or numbers(manifest.version) > numbers(code_version()):
        raise Refused(
            f"The backup is of version {manifest.version}, this code is {code_version()}: "
            "restore it with the code of its own version or a later one."
        )
    for service, database in manifest.databases.items():
        if not known_revision(service, database.revision):
            raise Refused(
                f"The backup's {service} database is at the migration {database.revision}, "
                "which this code does not know: restore it with newer code."
            )


def numbers(version: str) -> tuple[int, ...]:
    match = VERSION.match(version)
    if match is None:
        raise Refused(f"{version!r} is no version.")
    return tuple(map(int, match.groups()))


def files_in(archive: Path) -> Iterator[str]:
    """Every file but the manifest, by its path within the backup. Refused for a link."""
    for path in sorted(archive.rglob("*")):
        name = path.relative_to(archive).as_posix()
        if path.is_symlink():
            raise Refused(f"The backup is damaged: {name} is a link.")
        if path.is_file() and name not in (MANIFEST, CHECKSUM):
            yield name


def check_files(archive: Path, manifest: Manifest) -> None:
    """Refused unless there is each file that the manifest names, byte for byte, and no other."""
    present = set(files_in(archive))
    if missing := sorted(manifest.files.keys() - present):
        raise Refused(f"The backup is damaged: {missing[0]} is missing ({len(missing)} in all).")
    if others := sorted(present - manifest.files.keys()):
        raise Refused(f"The backup is damaged: {others[0]} is not in its manifest.")
    for name, entry in manifest.files.items():
        if entry_of(archive / name) != entry:
            raise Refused(
                f"The backup is damaged: {name} has not the size and SHA-256 of its manifest."
            )
    under = f"{OBJECTS}/"
    for name, entry in manifest.files.items():
        if name.startswith(under) and name != under + object_path(entry.sha256):
            raise Refused(f"The backup is damaged: {name} is not what its name says.")
