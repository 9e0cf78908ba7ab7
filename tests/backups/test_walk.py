"""The walk goes on in another place: backed up while its run is under way, and restored."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.backups.place import Place
from deploy.backups.restore import restore
from deploy.backups.save import save
from deploy.demo.papers import METHOD
from deploy.demo.receiver import Receiver
from deploy.demo.walk import Walk
from deploy.installation import SERVICES
from deploy.running import Embedded
from deploy.tokens import mint
from tests.e2e.conftest import started
from tests.e2e.test_walk import check_everything

# The council has voted: the run waits, is prepared, or is at work.
VOTE = 4


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.mark.slow
@pytest.mark.heavy
def test_the_walk_goes_on_after_a_restore(receiver: Receiver, tmp_path: Path, cards: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with httpx.Client(timeout=30, trust_env=False) as http:
        with started("embedded", source, cards) as suite:
            assert isinstance(suite, Embedded)
            walk = Walk(
                dict.fromkeys(SERVICES, suite.url),
                lambda who: mint(source, who.roles, who.ministry, who.subject),
                receiver,
                http,
                patience=300,
            )
            stops = [stop for _, stop in walk.stops()]
            for stop in stops[: VOTE + 1]:
                stop()
            asyncio.run(save(Place.in_folder(source), tmp_path / "archive", keys=True))
        asyncio.run(restore(tmp_path / "archive", Place.in_folder(target)))
        with started("embedded", target, cards, (METHOD,)) as suite:
            assert isinstance(suite, Embedded)
            walk.urls = dict.fromkeys(SERVICES, suite.url)
            for stop in stops[VOTE + 1 :]:
                stop()
            check_everything(walk, suite)
