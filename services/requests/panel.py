"""The council as a rolling panel: whose votes count, and what they come to."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.requests import messages
from services.requests.models import Ballot, Vote
from shared.contracts.wording import Sentence


@dataclass(frozen=True)
class Tally:
    """The votes that count, by side."""

    approve: int
    reject: int
    quorum: int

    @property
    def cast(self) -> int:
        return self.approve + self.reject

    @property
    def missing(self) -> int:
        """Votes still needed before anything is decided."""
        return max(self.quorum - self.cast, 0)

    @property
    def outcome(self) -> Ballot | None:
        """What the council decided: more than half of at least a quorum of votes. A tie waits for one more vote."""
        if self.missing or self.approve == self.reject:
            return None
        return Ballot.APPROVE if self.approve > self.reject else Ballot.REJECT


def barred(members: Collection[str], *, recused: Collection[str], quorum: int) -> list[str]:
    """The members that may not vote, if those that may are fewer than the quorum; else none."""
    out = sorted(set(members) & set(recused))
    return out if len(members) - len(out) < quorum else []


def out_of_reach(barred: Collection[str], quorum: int) -> Sentence:
    """Why the council could not decide."""
    return messages.NO_QUORUM(quorum=quorum, barred=", ".join(barred))


def count_votes(votes: Iterable[Vote], *, recused: Collection[str], quorum: int) -> Tally:
    """Count one vote for each ministry, the first, and none of a ministry that has a part in the request."""
    first: dict[str, Ballot] = {}
    for vote in votes:
        if vote.ministry not in recused:
            first.setdefault(vote.ministry, vote.ballot)
    sides = Counter(first.values())
    return Tally(approve=sides[Ballot.APPROVE], reject=sides[Ballot.REJECT], quorum=quorum)
