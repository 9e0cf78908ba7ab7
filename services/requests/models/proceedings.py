"""What follows from what was asked and said of a request, for its whole row as for one of a list. Pure."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from services.requests.models.states import Ballot, Status, Verdict
from shared.contracts import MethodRef, Part, PartKind


class Proceedings:
    """Who has a part in a request, and what is still open, from its inputs, decisions, revocations and votes."""

    if TYPE_CHECKING:  # columns of the row; as plain annotations they would become its fields
        id: UUID
        version: int
        created_at: datetime
        status: Status
        since: datetime
        decide_by: date | None
        revision: int
        title: str
        requester: str
        authors: list[str]
        ministry: str
        run_id: UUID | None
        inputs: list[Any]
        decisions: list[Any]
        revocations: list[Any]
        votes: list[Any]

    @property
    def current_inputs(self) -> list[Any]:
        return [one for one in self.inputs if one.revision == self.revision]

    @property
    def current_decisions(self) -> list[Any]:
        return [one for one in self.decisions if one.revision == self.revision]

    @property
    def current_votes(self) -> list[Any]:
        return [one for one in self.votes if one.revision == self.revision]

    @property
    def owners(self) -> list[str]:
        """The ministries whose datasets are asked for."""
        return sorted({one.ministry for one in self.current_inputs})

    @property
    def recused(self) -> frozenset[str]:
        """The ministries that have a part in the request, so that their council members do not vote on it."""
        return frozenset({self.ministry, *self.owners})

    @property
    def parts(self) -> list[Part]:
        """Who has acted on it at any revision, and for which body; each once."""
        return [Part(subject=one, ministry=ministry, part=part) for one, ministry, part in sorted(self.acted)]

    @property
    def acted(self) -> set[tuple[str, str, PartKind]]:
        """The same as plain subjects, ministries and parts: it is asked for each action of each request in a list."""
        found = {(author, self.ministry, PartKind.REQUESTER) for author in self.authors}
        found |= {(one.decided_by, one.ministry, PartKind.OWNER) for one in self.decisions}
        found |= {(one.revoked_by, one.ministry, PartKind.OWNER) for one in self.revocations}
        found |= {(one.member, one.ministry, PartKind.COUNCIL) for one in self.votes}
        return found

    @property
    def granted(self) -> dict[UUID, str]:
        """The datasets whose owners have approved and not taken it back, with their owners."""
        revoked = {one.dataset_id for one in self.revocations if one.revision == self.revision}
        return {
            one.dataset_id: one.ministry
            for one in self.current_decisions
            if one.verdict is Verdict.APPROVE and one.dataset_id not in revoked
        }

    @property
    def undecided(self) -> dict[UUID, str]:
        """The datasets that no owner has decided on yet, with their owners."""
        decided = {one.dataset_id for one in self.current_decisions}
        return {one.dataset_id: one.ministry for one in self.current_inputs if one.dataset_id not in decided}


class Said(NamedTuple):
    """One input, decision, revocation or vote, as far as what follows from it depends on it."""

    revision: int
    ministry: str
    dataset_id: UUID | None
    subject: str
    word: str

    @property
    def decided_by(self) -> str:
        return self.subject

    @property
    def revoked_by(self) -> str:
        return self.subject

    @property
    def member(self) -> str:
        return self.subject

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.word)

    @property
    def ballot(self) -> Ballot:
        return Ballot(self.word)


@dataclass
class Listed(Proceedings):
    """A request as a list shows it: read at once with many others, and never changed."""

    id: UUID
    version: int
    created_at: datetime
    status: Status
    since: datetime
    decide_by: date | None
    revision: int
    title: str
    requester: str
    authors: list[str]
    ministry: str
    run_id: UUID | None
    method: MethodRef
    inputs: list[Said] = field(default_factory=list)
    decisions: list[Said] = field(default_factory=list)
    revocations: list[Said] = field(default_factory=list)
    votes: list[Said] = field(default_factory=list)

    # Several of the six actions ask for each of them.
    @cached_property
    def owners(self) -> list[str]:
        return super().owners

    @cached_property
    def recused(self) -> frozenset[str]:
        return super().recused

    @cached_property
    def acted(self) -> set[tuple[str, str, PartKind]]:
        return super().acted
