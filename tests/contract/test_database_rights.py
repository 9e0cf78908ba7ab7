"""On PostgreSQL a service's own user writes rows; it changes no schema, and no audit row that is there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.migrate import grant, upgrade
from tests.conftest import Client
from tests.databases import OWN, administer, postgres_url
from tests.servers import POSTGRES
from tests.waiting import eventually

pytestmark = pytest.mark.postgres
MIGRATIONS = Path("services/catalog/migrations")
REFUSED = (
    "UPDATE audit SET actor = 'somebody.else'",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "UPDATE audit_seal SET hash = ''",
    "DELETE FROM audit_seal",
    "UPDATE audit_checkpoint SET signature = ''",
    "DELETE FROM audit_checkpoint",
    "DROP TABLE audit",
    "ALTER TABLE audit ADD COLUMN more text",
    "ALTER TABLE audit ENABLE ROW LEVEL SECURITY",
    "CREATE RULE hide AS ON INSERT TO audit DO INSTEAD NOTHING",
    "CREATE TRIGGER hide BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE TABLE more (id int)",
    "UPDATE alembic_version SET version_num = '0001'",
)


def as_user(url: str, user: str) -> str:
    return url.replace("//postgres@", f"//{user}@")


@pytest.fixture
async def limited() -> AsyncIterator[str]:
    """The address of a migrated database as the service's user, who owns nothing of it."""
    name, service = f"{OWN}{uuid4().hex[:12]}", f"{OWN}user_{uuid4().hex[:12]}"
    owner = f"{service}_owner"
    assert "//postgres@" in POSTGRES
    try:
        await administer(
            f'CREATE ROLE "{owner}" LOGIN', f'CREATE ROLE "{service}" LOGIN', f'CREATE DATABASE "{name}" OWNER "{owner}"'
        )
        migrate = as_user(postgres_url(name), owner)
        await asyncio.to_thread(upgrade, MIGRATIONS, migrate)
        assert await grant(migrate, service)
        assert await grant(migrate, service)  # as each migration does again
        yield as_user(postgres_url(name), service)
    finally:
        await administer(
            f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'DROP ROLE IF EXISTS "{owner}"', f'DROP ROLE IF EXISTS "{service}"'
        )


async def test_the_service_works_and_may_only_insert_into_its_audit(
    limited: str, serve: Callable[..., Awaitable[Client]], headers: Callable[..., dict[str, str]]
) -> None:
    client = await serve("catalog", database_url=limited, migrate_at_start=False)
    auditor = headers("auditor", "bai")
    assert (await client.get("/catalog/ops/inbox", headers=auditor)).status_code == 403

    async def sealed() -> bool:
        return (await client.get("/catalog/audit/checkpoint", headers=auditor)).status_code == 200

    assert await eventually(sealed)
    connection = await asyncpg.connect(limited.replace("+asyncpg", ""))
    try:
        for statement in REFUSED:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
    assert (await client.get("/catalog/readyz")).status_code == 200


async def test_without_a_user_of_the_service_nothing_is_granted(tmp_path: Path) -> None:
    assert not await grant(f"sqlite+aiosqlite:///{tmp_path}/own.db", "catalog")
    assert not await grant(POSTGRES, f"{OWN}nobody")
