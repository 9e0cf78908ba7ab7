"""The catalog with its members, and a steward who registers and hands in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from deploy.seed.members import seed
from shared.bus import Incoming, InProcessBus
from shared.contracts import Envelope
from tests.waiting import PATIENCE

TABLE = [
    {"name": "person_no", "type": "string", "role": "key", "key_domain": "person", "nullable": False},
    {"name": "wages", "type": "integer", "role": "measure", "unit": "KRW", "title": {"ko": "근로소득", "en": "Wages"}},
]
DATASET: dict[str, Any] = {
    "title": "가구 소득과 세금",
    "description": "연말정산 자료를 모은 연간 소득 자료",
    "legal_basis": "Framework Act on National Taxes",
    "sensitivity": "identifiable",
    "allowed_purposes": ["복지 사각지대 발굴"],
    "keywords": ["소득", "100%_tax"],
    "table": TABLE,
}
GOOD = b"person_no,wages\nP1,100\nP2,\n"


@dataclass
class Desk:
    """A steward at the desk: what they do over HTTP, with tokens of their own ministry."""

    client: Any
    headers: Callable[..., dict[str, str]]
    example = DATASET

    def as_(self, roles: str = "steward", ministry: str = "nts") -> dict[str, str]:
        return self.headers(roles, ministry)

    async def register(self, *, ministry: str = "nts", **changes: Any) -> dict[str, Any]:
        response = await self.client.post("/catalog/datasets", json=DATASET | changes, headers=self.as_(ministry=ministry))
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def put(
        self, dataset_id: str, data: Any = GOOD, *, media_type: str = "text/csv", ministry: str = "nts", **more: str
    ) -> httpx.Response:
        headers = self.as_(ministry=ministry) | {"Content-Type": media_type} | more
        return await self.client.put(f"/catalog/datasets/{dataset_id}/file", content=data, headers=headers)

    async def get(self, path: str, roles: str = "steward", ministry: str = "nts", **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self.as_(roles, ministry))

    async def checked(self, dataset_id: str, version: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                check = (await self.get(f"/catalog/datasets/{dataset_id}/checks/{version}")).json()
                if check["state"] not in ("uploaded", "checking"):
                    return dict(check)
                await asyncio.sleep(0.02)

    async def published(self, **changes: Any) -> dict[str, Any]:
        """A dataset with one live version."""
        dataset = await self.register(**changes)
        ministry = changes.get("ministry", "nts")
        assert (await self.put(dataset["id"], ministry=ministry)).status_code == 202
        path = f"/catalog/datasets/{dataset['id']}"
        async with asyncio.timeout(PATIENCE):
            while (dataset := (await self.get(path, ministry=ministry)).json())["state"] == "checking":
                await asyncio.sleep(0.02)
        assert dataset["state"] == "published"
        return dataset

    async def withdraw(self, dataset_id: str, ministry: str = "nts", **more: str) -> httpx.Response:
        headers = self.as_(ministry=ministry) | more
        return await self.client.post(
            f"/catalog/datasets/{dataset_id}/withdraw", json={"reason": "원천 자료에 오류가 있습니다."}, headers=headers
        )


@pytest.fixture
def heard(bus: InProcessBus) -> list[Envelope]:
    """Every event that the catalog has sent."""
    envelopes: list[Envelope] = []

    async def hear(batch: Sequence[Incoming]) -> None:
        envelopes.extend(Envelope.parse(incoming.body) for incoming in batch)

    types = frozenset(
        {
            "catalog.ministry-joined.v1",
            "catalog.ministry-renamed.v1",
            "catalog.ministry-left.v1",
            "catalog.dataset-published.v1",
            "catalog.dataset-withdrawn.v1",
        }
    )
    bus.subscribe("listener", types, hear)
    return envelopes


@pytest.fixture
async def open_desk(
    serve: Callable[..., Awaitable[Any]], headers: Callable[..., dict[str, str]], heard: list[Envelope]
) -> Callable[..., Awaitable[Desk]]:
    """`desk = await open_desk(**settings)`"""

    async def open_(**settings: Any) -> Desk:
        client = await serve("catalog", **settings)
        await seed(client.app)
        return Desk(client, headers)

    return open_


@pytest.fixture
async def desk(open_desk: Callable[..., Awaitable[Desk]]) -> Desk:
    return await open_desk()
