"""The life of a dataset, pair by pair, and who may do what at each stop of it."""

from itertools import product
from typing import Any

import pytest

from services.catalog import policy
from services.catalog.models import FILE_TRANSITIONS, TRANSITIONS, Dataset, DatasetFile, DatasetState, FileState
from services.catalog.schemas.reports import Fault
from services.catalog.schemas.sentences import SENTENCES
from shared.auth import Principal, Role
from shared.errors import Conflict

STEWARD = Principal("lee", "nts", frozenset({Role.STEWARD}))


def dataset(state: DatasetState) -> Dataset:
    live = 1 if state is DatasetState.PUBLISHED else None
    values: dict[str, Any] = {"ministry": "nts", "state": state, "live_file": live}
    return Dataset(**values)


@pytest.mark.parametrize(("state", "to"), list(product(DatasetState, DatasetState)))
def test_every_pair_of_states(state: DatasetState, to: DatasetState) -> None:
    if to in TRANSITIONS[state]:
        policy.check_move(dataset(state), to)
    else:
        with pytest.raises(Conflict):
            policy.check_move(dataset(state), to)


@pytest.mark.parametrize(("state", "to"), list(product(FileState, FileState)))
def test_every_pair_of_file_states(state: FileState, to: FileState) -> None:
    values: dict[str, Any] = {"state": state}
    if to in FILE_TRANSITIONS[state]:
        policy.check_file_move(DatasetFile(**values), to)
    else:
        with pytest.raises(Conflict):
            policy.check_file_move(DatasetFile(**values), to)


def test_every_state_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(DatasetState)
    assert set(FILE_TRANSITIONS) == set(FileState)
    assert set(SENTENCES) == set(Fault)


@pytest.mark.parametrize("state", list(DatasetState))
def test_what_one_may_do(state: DatasetState) -> None:
    mine = [] if state is DatasetState.WITHDRAWN else ["update", "file", "withdraw"]
    assert policy.actions_for(STEWARD, dataset(state)) == mine
    for other in (Principal("kim", "mohw", frozenset({Role.STEWARD})), Principal("kim", "nts", frozenset(Role) - {Role.STEWARD})):
        assert policy.actions_for(other, dataset(state)) == []
        assert policy.sees(other, dataset(state)) == (state is DatasetState.PUBLISHED)
