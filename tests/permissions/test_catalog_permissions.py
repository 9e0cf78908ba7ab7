"""Every cell of the catalog's permission table."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlmodel import col, select

from deploy.permissions import rows
from deploy.seed.members import seed
from services.catalog.models import UNCHECKED, DatasetFile
from shared.clock import now
from shared.keys import base64url
from tests.catalog.conftest import DATASET, GOOD, Desk
from tests.permissions.matrix import REASON, Call, Headers, Who, World, common, fresh, mismatches, sealed

cases = common("catalog")
cases.get_(
    list_ministries="/catalog/ministries",
    get_ministry="/catalog/ministries/nts",
    list_keys="/catalog/ministries/nts/keys",
    get_key="/catalog/ministries/nts/keys/{w.kid}",
    list_datasets="/catalog/datasets",
    get_check="/catalog/datasets/{w.published}/checks/1",
)


@dataclass
class Catalog(World):
    desk: Desk
    published: str = ""
    kid: str = ""

    async def quiet(self) -> None:
        await super().quiet()
        async with asyncio.timeout(60):
            while await self.unchecked():
                await asyncio.sleep(0.05)

    async def unchecked(self) -> bool:
        async with self.db.reading() as session:
            waits = select(DatasetFile.id).where(col(DatasetFile.state).in_(UNCHECKED))
            return (await session.exec(waits.limit(1))).first() is not None

    async def draft(self) -> str:
        return str((await self.desk.register())["id"])

    async def key(self) -> str:
        path, body = "/catalog/ministries/nts/keys", new_key()
        answer = await self.client.post(path, json=body, headers=self.headers("steward", "nts"))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["kid"])


def new_key() -> dict[str, Any]:
    x = base64url(X25519PrivateKey.generate().public_key().public_bytes_raw())
    return {"key": {"kty": "OKP", "crv": "X25519", "x": x}, "valid_until": (now() + timedelta(days=300)).isoformat()}


def body(code: str) -> dict[str, Any]:
    return {"code": code, "name": {"ko": "새 기관", "en": "A new body"}}


@cases.on("join_ministry")
async def join_ministry(world: Catalog, who: Who | None) -> Call:
    return Call("POST", "/catalog/ministries", body(fresh("b")))


@cases.on("leave_ministry")
async def leave_ministry(world: Catalog, who: Who | None) -> Call:
    if who is None:
        return Call("POST", "/catalog/ministries/nts/leave", REASON)
    code = fresh("b")
    secretary = world.headers("council-secretary", "mois")
    assert (await world.client.post("/catalog/ministries", json=body(code), headers=secretary)).status_code == 201
    return Call("POST", f"/catalog/ministries/{code}/leave", REASON)


@cases.on("register_key")
async def register_key(world: Catalog, who: Who | None) -> Call:
    return Call("POST", "/catalog/ministries/nts/keys", new_key())


@cases.on("retire_key")
async def retire_key(world: Catalog, who: Who | None) -> Call:
    return Call("POST", f"/catalog/ministries/nts/keys/{await world.key()}/retire", REASON)


@cases.on("register_dataset")
async def register_dataset(world: Catalog, who: Who | None) -> Call:
    return Call("POST", "/catalog/datasets", DATASET)


@cases.on("get_dataset of a draft")
async def get_draft(world: Catalog, who: Who | None) -> Call:
    return Call("GET", f"/catalog/datasets/{await world.draft()}")


@cases.on("get_dataset once published")
async def get_published(world: Catalog, who: Who | None) -> Call:
    return Call("GET", f"/catalog/datasets/{world.published}")


@cases.on("update_dataset")
async def update_dataset(world: Catalog, who: Who | None) -> Call:
    return Call("PATCH", f"/catalog/datasets/{await world.draft()}", {"keywords": ["소득"]})


@cases.on("withdraw_dataset")
async def withdraw_dataset(world: Catalog, who: Who | None) -> Call:
    return Call("POST", f"/catalog/datasets/{await world.draft()}/withdraw", REASON)


@cases.on("attach_file")
async def attach_file(world: Catalog, who: Who | None) -> Call:
    path = f"/catalog/datasets/{await world.draft()}/file"
    return Call("PUT", path, content=GOOD, headers={"Content-Type": "text/csv"})


@pytest.mark.heavy
async def test_every_cell(serve: Callable[..., Awaitable[Any]], headers: Headers) -> None:
    client = await serve("catalog")
    await seed(client.app)
    world = Catalog(client, headers, Desk(client, headers))
    world.published, world.kid = (await world.desk.published())["id"], await world.key()
    await sealed(world, "catalog")
    found = await mismatches(world, rows("catalog"), cases)
    assert not found, "\n".join(found)
