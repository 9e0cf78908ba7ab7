"""The council's arithmetic, for every set of votes."""

from hypothesis import given
from hypothesis import strategies as st

from services.requests.models import Ballot
from services.requests.panel import count_votes
from tests.requests.examples import make_vote

MINISTRIES = st.sampled_from("abcdefghij")
VOTES = st.lists(st.tuples(MINISTRIES, st.sampled_from(["approve", "reject"])), max_size=15)


@given(VOTES, st.sets(MINISTRIES), st.integers(1, 5))
def test_recused_votes_never_count(votes: list[tuple[str, str]], recused: set[str], quorum: int) -> None:
    rows = [make_vote(*vote) for vote in votes]
    without = [row for row in rows if row.ministry not in recused]
    assert count_votes(rows, recused=recused, quorum=quorum) == count_votes(without, recused=(), quorum=quorum)
    assert count_votes(rows, recused="abcdefghij", quorum=quorum).cast == 0


@given(VOTES, st.sets(MINISTRIES), st.integers(1, 5))
def test_one_vote_per_ministry_and_nothing_below_quorum(votes: list[tuple[str, str]], recused: set[str], quorum: int) -> None:
    tally = count_votes([make_vote(*vote) for vote in votes], recused=recused, quorum=quorum)
    assert tally.cast == len({ministry for ministry, _ in votes} - recused)
    if tally.cast < quorum:
        assert tally.outcome is None
        assert tally.missing == quorum - tally.cast


@given(VOTES)
def test_the_outcome_is_what_more_than_half_say(votes: list[tuple[str, str]]) -> None:
    tally = count_votes([make_vote(*vote) for vote in votes], recused=(), quorum=3)
    if tally.outcome is not None:
        side = tally.approve if tally.outcome is Ballot.APPROVE else tally.reject
        assert side * 2 > tally.cast >= 3
    elif tally.cast >= 3:
        assert tally.approve == tally.reject


def test_a_tie_waits_for_one_more() -> None:
    tied = [make_vote("a"), make_vote("b"), make_vote("c", "reject"), make_vote("d", "reject")]
    assert count_votes(tied, recused=(), quorum=3).outcome is None
    assert count_votes([*tied, make_vote("e", "reject")], recused=(), quorum=3).outcome is Ballot.REJECT
    assert count_votes([*tied, make_vote("e")], recused=(), quorum=3).outcome is Ballot.APPROVE
    assert count_votes([*tied, make_vote("e")], recused={"e"}, quorum=3).outcome is None
