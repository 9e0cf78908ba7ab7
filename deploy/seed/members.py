"""The first members of a new installation: `python -m deploy.seed.members` (settings of the catalog from the environment)."""

import asyncio
import json
from pathlib import Path

from fastapi import FastAPI

from services.catalog.actions import seed_ministries
from services.catalog.models import PLUMBING, Base
from services.catalog.schemas.ministries import MinistryIn
from services.catalog.settings import Settings
from shared.db import Database
from shared.keys import MacKey

MEMBERS = Path(__file__).with_name("ministries.json")
MARK = "council_of_2022"


def first_members() -> list[MinistryIn]:
    """The first members, under their names of today; ministries.json says where the list comes from."""
    listed = json.loads(MEMBERS.read_text("utf-8"))["ministries"]
    return [MinistryIn.model_validate({name: value for name, value in each.items() if name != MARK}) for each in listed]


def founding_codes() -> frozenset[str]:
    """The 17 members of the council of 2022, whatever they are called now."""
    listed = json.loads(MEMBERS.read_text("utf-8"))["ministries"]
    return frozenset(each["code"] for each in listed if each[MARK])


async def seed(catalog: FastAPI) -> int:
    """Let those join that are not members yet, and give the others their later names; a second time
    this does nothing. Returns the number that joined."""
    return await seed_database(catalog.state.db)


async def seed_database(db: Database) -> int:
    async with db.transaction() as session:
        return await seed_ministries(session, first_members())


async def run() -> None:
    settings = Settings()
    mac_key = MacKey.load(settings.audit_mac_key) if settings.audit_mac_key else None
    db = Database(settings.database_url, Base.metadata, PLUMBING, "catalog", mac_key)
    try:
        print(f"{await seed_database(db)} members joined")
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(run())
