"""A search of the catalog without a hit, on PostgreSQL: by its index, beside the one that reads every dataset."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import insert
from sqlmodel import col, select

import services.catalog
from services.catalog.models import PLUMBING, Base, Dataset, DatasetState, UpdateCycle
from services.catalog.search import matching, words_of
from shared import migrate
from shared.contracts import Sensitivity
from shared.db import Database
from shared.ids import new_id
from tests.bench.figures import QUICK, Bench, Figure, at_most, compared, milliseconds, seconds
from tests.bench.scene import postgres_url

MIGRATIONS = Path(services.catalog.__file__).parent / "migrations"
SYLLABLES = [chr(0xAC00 + number * 19) for number in range(500)]
ABSENT = "힣힣"  # two syllables, as most Korean words have


def dataset(number: int, chance: random.Random) -> dict[str, object]:
    """A dataset of some sixty words; each kind of column filled as registering does."""
    prose = " ".join("".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(60))
    row = Dataset(
        id=new_id(), title=f"자료 {number}", description=prose, ministry="nts", steward="lee", legal_basis="An Act",
        sensitivity=Sensitivity.OPEN, allowed_purposes=["연구"], keywords=[], update_cycle=UpdateCycle.ONCE, columns=[], words="",
        state=DatasetState.PUBLISHED, live_file=1,
    )  # fmt: skip
    return row.model_dump() | {"words": words_of(title=row.title, description=prose, keywords=[], table=[])}


async def measure_search(bench: Bench) -> list[Figure]:
    assert bench.postgres is not None
    count = 10_000 if bench.size is QUICK else 20_000
    async with postgres_url(bench.postgres) as url:
        bench.console.doing(f"{count:,} datasets are registered")
        await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url)
        db = Database(url, Base.metadata, PLUMBING, "catalog")
        try:
            chance = random.Random(1)
            async with db.transaction() as session:
                for start in range(0, count, 500):
                    await session.execute(insert(Dataset), [dataset(number, chance) for number in range(start, start + 500)])
            async with db.engine.connect() as connection:
                await (await connection.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE dataset")

            async def search(*, indexed: bool) -> Sequence[Dataset]:
                found = select(Dataset).where(*matching(ABSENT, indexed=indexed)).order_by(col(Dataset.id).desc()).limit(51)
                async with db.reading() as session:
                    return (await session.exec(found)).all()

            if await search(indexed=True):
                raise RuntimeError("there is a hit: what was measured does not count")
            pair = await compared(
                bench, "a search without a hit", lambda: seconds(search(indexed=True)), lambda: seconds(search(indexed=False)),
                rounds=bench.size.short_rounds,
            )  # fmt: skip
        finally:
            await db.close()
    mine, theirs = pair.medians
    measured = f"{milliseconds(mine)} in {count:,} datasets; reading all of them {milliseconds(theirs)}"
    return [
        Figure("a search of two syllables without a hit, to reading every dataset", measured, tuple(pair.ratios), at_most(0.2))
    ]
