"""A kept installation is backed up and put into an empty one: whole, or not at all."""

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.backups.compare import compare
from deploy.backups.errors import Refused
from deploy.backups.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from deploy.backups.objects import put_back
from deploy.backups.place import KEY_FILES, Place
from deploy.backups.restore import BrokenAudit, restore
from deploy.backups.save import save
from deploy.installation import SERVICES, KeysMissing, settings
from shared.keys import SigningKey
from tests.backups.places import empty_place, everything, files_under, place_of, without
from tests.snapshots.installations import Installation, decide_and_vote, settle, unpacked

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
VERSION = "0.1.0"
# Rows carried no MACs then.
KEPT = [name for name in KEY_FILES if name != "audit.mac"]


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation of version 0.1.0 on SQLite, which is not migrated."""
    (tmp_path / "old").mkdir()
    async with unpacked(VERSION, "sqlite", tmp_path / "old") as installation:
        yield installation


@pytest.fixture
async def archive(old: Installation, tmp_path: Path) -> Path:
    """Its backup."""
    await save(place_of(old), tmp_path / "archive")
    return tmp_path / "archive"


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
async def test_an_older_installation_is_put_back_migrated_and_goes_on(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    async with (
        unpacked(VERSION, kind, tmp_path / "old") as old,
        empty_place(kind, tmp_path / "new") as target,
    ):
        before = await everything(place_of(old))
        manifest, _ = await save(place_of(old), tmp_path / "archive")
        counts = {
            service: {table: entry.rows for table, entry in database.tables.items()}
            for service, database in manifest.databases.items()
        }
        assert counts == {
            service: {table: len(rows) for table, rows in tables.items()}
            for service, tables in before.items()
        }
        assert await everything(place_of(old)) == before, "a backup changes nothing"
        await restore(tmp_path / "archive", target)
        await asyncio.to_thread(old.upgrade)
        expected, found = await everything(place_of(old)), await everything(target)
        # Some services listen to more than they did then: those events go again.
        changed = {"audit", "outbox"}
        assert without(found, "catalog", changed) == without(expected, "catalog", changed)
        assert len(found["catalog"]["outbox"]) == len(expected["catalog"]["outbox"])
        (deed,) = set(found["catalog"]["audit"]) - set(expected["catalog"]["audit"])
        assert "catalog.restore" in deed
        objects = files_under(tmp_path / "old" / "objects")
        assert objects
        assert files_under(tmp_path / "new" / "objects") == objects
        assert await compare(read_manifest(tmp_path / "archive"), target) == []
        # Its keys, and what its version answered, are put back by hand.
        for name in (*KEPT, "identity/jwks.json"):
            (tmp_path / "new" / name).parent.mkdir(exist_ok=True)
            shutil.copy(old.folder / name, tmp_path / "new" / name)
        shutil.copytree(old.folder / "checkpoints", tmp_path / "new" / "checkpoints")
        new = Installation(tmp_path / "new", dict(target.databases), old.expected)
        assert await new.verified(), "against the checkpoints that were handed out"
        async with new.running() as clients:
            await settle(clients)
            await decide_and_vote(new, clients["requests"])
            await settle(clients)
        assert await new.verified()


def flip(path: Path) -> None:
    """The last bit of the byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def an_object(archive: Path) -> Path:
    return next(path for path in sorted((archive / "objects").rglob("*")) if path.is_file())


def rewrite(archive: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Somebody who can write the backup changes its manifest, and the manifest's digest."""
    manifest = Manifest.model_validate_json((archive / MANIFEST).read_bytes())
    write_manifest(archive, change(manifest))


def one_row_more(manifest: Manifest) -> Manifest:
    tables = manifest.databases["results"].tables
    more = tables | {"audit": tables["audit"].model_copy(update={"rows": 1_000_000})}
    results = manifest.databases["results"].model_copy(update={"tables": more})
    return manifest.model_copy(update={"databases": manifest.databases | {"results": results}})


def of_a_revision_to_come(manifest: Manifest) -> Manifest:
    catalog = manifest.databases["catalog"].model_copy(update={"revision": "9999"})
    return manifest.model_copy(update={"databases": manifest.databases | {"catalog": catalog}})


def another_object(archive: Path) -> None:
    """Put under the name of another, with the manifest changed to match."""
    path = an_object(archive)
    name = path.relative_to(archive).as_posix()
    path.write_bytes(b"something else")

    def lie(manifest: Manifest) -> Manifest:
        digest = hashlib.sha256(b"something else").hexdigest()
        entry = manifest.files[name].model_copy(update={"size": 14, "sha256": digest})
        return manifest.model_copy(update={"files": manifest.files | {name: entry}})

    rewrite(archive, lie)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "database": (
        lambda archive: flip(archive / "databases" / "requests.db"),
        "requests.db has not",
    ),
    "object": (lambda archive: flip(an_object(archive)), "has not the size and SHA-256"),
    "manifest": (lambda archive: flip(archive / MANIFEST), "manifest.json has not the SHA-256"),
    "checksum": (lambda archive: flip(archive / "manifest.sha256"), "manifest.json has not"),
    "cut": (lambda archive: (archive / "databases" / "results.db").write_bytes(b""), "results.db"),
    "missing": (lambda archive: an_object(archive).unlink(), "is missing"),
    "another": (
        lambda archive: (archive / "extra").write_text("x"),
        "extra is not in its manifest",
    ),
    "link": (lambda archive: (archive / "extra").symlink_to("/etc/passwd"), "extra is a link"),
    "swapped": (another_object, "is not what its name says"),
    "no manifest": (lambda archive: (archive / MANIFEST).unlink(), "There is no backup"),
    "newer": (
        lambda archive: rewrite(archive, lambda one: one.model_copy(update={"version": "0.2.0"})),
        "is of version 0.2.0, this code is 0.1.0",
    ),
    "newer format": (
        lambda archive: rewrite(archive, lambda one: one.model_copy(update={"format": 2})),
        "restore it with the code of its own version",
    ),
    "newer tables": (
        lambda archive: rewrite(archive, of_a_revision_to_come),
        "the migration 9999, which this code does not know",
    ),
    "other counts": (
        lambda archive: rewrite(archive, one_row_more),
        "the table audit has .* rows, the backup 1000000",
    ),
}


async def test_a_damaged_or_newer_backup_is_refused_and_nothing_is_written(
    archive: Path, tmp_path: Path
) -> None:
    for name, (damage, words) in DAMAGES.items():
        damaged = shutil.copytree(archive, tmp_path / f"archive {name}")
        damage(damaged)
        target = tmp_path / f"target {name}"
        with pytest.raises(Refused, match=words):
            await restore(damaged, Place.in_folder(target))
        assert files_under(target) == {} if target.exists() else True, name


@pytest.mark.postgres
async def test_rows_that_do_not_come_out_as_counted_are_taken_back(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    async with (
        unpacked(VERSION, "postgres", tmp_path / "old") as old,
        empty_place("postgres", tmp_path / "new") as target,
    ):
        await save(place_of(old), tmp_path / "archive")
        rewrite(tmp_path / "archive", one_row_more)
        with pytest.raises(Refused, match="the backup 1000000"):
            await restore(tmp_path / "archive", target)
        assert not any((await everything(target)).values())
        assert files_under(tmp_path / "new") == {}
        with pytest.raises(Refused, match="is of postgresql, the target's of sqlite"):
            await restore(tmp_path / "archive", Place.in_folder(tmp_path / "other"))
        nowhere = {name: f"{url}_nowhere" for name, url in target.databases.items()}
        with pytest.raises(Refused, match="_nowhere. does not exist"):
            await restore(tmp_path / "archive", replace(target, databases=nowhere))


async def test_what_is_not_empty_is_not_overwritten(archive: Path, tmp_path: Path) -> None:
    rows, objects = tmp_path / "rows", tmp_path / "objects"
    rows.mkdir()
    (rows / "analysis.db").write_bytes(b"")
    (objects / "objects" / "sha256" / "ab").mkdir(parents=True)
    (objects / "objects" / "sha256" / "ab" / ("ab" * 32)).write_text("x")
    for target, words in ((rows, "the analysis database"), (objects, "storage holds abab")):
        before = files_under(target)
        with pytest.raises(Refused, match=words):
            await restore(archive, Place.in_folder(target))
        assert files_under(target) == before
    blocked = tmp_path / "blocked" / "objects" / "sha256"
    blocked.mkdir(parents=True)
    for digits in range(256):  # no object can be written there
        (blocked / f"{digits:02x}").symlink_to("/dev/null/nowhere")
    place = Place.in_folder(tmp_path / "blocked")
    with pytest.raises(Refused, match="storage cannot be written"):
        await put_back(archive, read_manifest(archive).objects, place.storage())
    with pytest.raises(Refused, match="storage cannot be reached"):
        await restore(archive, place)
    assert files_under(tmp_path / "blocked") == {}
    with pytest.raises(Refused, match="exists already"):
        await save(Place.in_folder(tmp_path / "old"), archive)


def execute(folder: Path, service: str, statement: str) -> None:
    with closing(sqlite3.connect(folder / f"{service}.db")) as connection, connection:
        assert connection.execute(statement).rowcount == 1


async def test_what_goes_after_a_restore_is_noticed(archive: Path, tmp_path: Path) -> None:
    target = Place.in_folder(tmp_path / "new")
    manifest, _, _ = await restore(archive, target)
    assert await compare(manifest, target) == []
    execute(tmp_path / "new", "requests", "DELETE FROM vote WHERE id = (SELECT min(id) FROM vote)")
    gone = an_object(tmp_path / "new")
    gone.unlink()
    row = "(SELECT audit_id FROM audit_seal WHERE position = 3)"
    execute(tmp_path / "new", "results", f"UPDATE audit SET actor = 'nobody' WHERE id = {row}")
    before = manifest.databases["requests"].tables["vote"].rows
    assert await compare(manifest, target) == [
        f"requests: the table vote has {before - 1} rows, the backup {before}",
        f"the object {gone.name} is missing or has another size",
        "results: the audit does not verify",
    ]


async def test_an_audit_that_was_broken_before_is_restored_and_said(
    old: Installation, tmp_path: Path
) -> None:
    row = "(SELECT audit_id FROM audit_seal WHERE position = 3)"
    execute(old.folder, "results", f"UPDATE audit SET actor = 'nobody' WHERE id = {row}")
    await save(place_of(old), tmp_path / "archive")
    with pytest.raises(BrokenAudit, match="results: the audit does not verify"):
        await restore(tmp_path / "archive", Place.in_folder(tmp_path / "new"))
    assert (tmp_path / "new" / "results.db").exists()


async def test_keys_are_in_it_only_when_they_are_asked_for(
    old: Installation, tmp_path: Path
) -> None:
    await save(place_of(old), tmp_path / "without")
    await save(place_of(old), tmp_path / "with", keys=True)
    secrets = {name: (old.folder / name).read_bytes() for name in KEPT}
    everywhere = b"".join(files_under(tmp_path / "without").values())
    assert not any(secret.strip() in everywhere for secret in secrets.values())
    new = tmp_path / "new"
    await restore(tmp_path / "without", Place.in_folder(new))
    with pytest.raises(KeysMissing, match="audit.pem is not there"):
        settings(new, "http://test")
    SigningKey.ensure(new / "audit.pem")
    with pytest.raises(KeysMissing, match="audit.pem is another"):
        settings(new, "http://test")
    shutil.copy(old.folder / "audit.pem", new / "audit.pem")
    assert settings(new, "http://test").keys() == set(SERVICES)
    SigningKey.ensure(tmp_path / "other" / "audit.pem")
    with pytest.raises(Refused, match="not the one that signed"):
        await restore(tmp_path / "without", Place.in_folder(tmp_path / "other"))
    await restore(tmp_path / "with", Place.in_folder(tmp_path / "whole"))
    assert {name: (tmp_path / "whole" / name).read_bytes() for name in KEPT} == secrets
    assert {(tmp_path / "whole" / name).stat().st_mode & 0o777 for name in KEPT} == {0o600}


async def test_what_cannot_be_backed_up_is_refused_and_leaves_nothing(
    old: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, to = place_of(old), tmp_path / "backups" / "archive"
    with pytest.raises(Refused, match="CATALOG_AUDIT_KEY"):
        await save(replace(place, audit_keys={}), to)
    SigningKey.ensure(tmp_path / "other.pem")
    other = replace(place, audit_keys=dict.fromkeys(SERVICES, tmp_path / "other.pem"))
    with pytest.raises(Refused, match="was signed by the key"):
        await save(other, to)
    with pytest.raises(Refused, match="catalog.db is missing"):
        await save(replace(Place.in_folder(tmp_path / "x"), audit_keys=place.audit_keys), to)
    with pytest.raises(Refused, match="Only an embedded installation"):
        await save(replace(place, folder=None), to, keys=True)
    with closing(sqlite3.connect(old.folder / "results.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("deploy.backups.cut.ATTEMPTS", 1)
        with pytest.raises(Refused, match="without a pause"):
            await save(place, to)
    assert files_under(to.parent) == {}
    damaged = an_object(old.folder)
    flip(damaged)
    manifest, _ = await save(place, to)
    assert manifest.damaged == [damaged.name]
    assert not (to / damaged.relative_to(old.folder)).exists()


def test_settings_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in SERVICES[:3]:
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", "sqlite+aiosqlite:///x.db")
        monkeypatch.setenv(f"{service.upper()}_STORAGE_URL", "s3://dure")
    with pytest.raises(Refused, match=r"RESULTS_DATABASE_URL, RESULTS_STORAGE_URL\."):
        Place.of_settings()
    monkeypatch.setenv("RESULTS_DATABASE_URL", "sqlite+aiosqlite:///x.db")
    monkeypatch.setenv("RESULTS_STORAGE_URL", "s3://other")
    with pytest.raises(Refused, match="share one storage"):
        Place.of_settings()
    monkeypatch.setenv("RESULTS_STORAGE_URL", "s3://dure")
    monkeypatch.setenv("CATALOG_STORAGE_OPTIONS", '{"region": "kr-1"}')
    place = Place.of_settings()
    assert (place.storage_url, place.storage_options) == ("s3://dure", {"region": "kr-1"})
