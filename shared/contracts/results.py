"""What the results service says."""

from uuid import UUID

from shared.contracts.base import Event
from shared.contracts.values import Audience, Code, Text, Title


class ResultHeld(Event, type="results.result-held.v1"):
    """A run's outputs passed or failed the automatic checks and wait for two output checkers."""

    result_id: UUID
    request_id: UUID
    withheld: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return f"result/{self.result_id}"


class ResultReleased(Event, type="results.result-released.v1"):
    """Two output checkers let the result out; its audience may read it."""

    result_id: UUID
    request_id: UUID
    title: Title
    ministry: Code
    audience: Audience

    @property
    def subject(self) -> str:
        return f"result/{self.result_id}"


class ResultWithheld(Event, type="results.result-withheld.v1"):
    """The result does not leave."""

    result_id: UUID
    request_id: UUID
    reason: Text

    @property
    def subject(self) -> str:
        return f"result/{self.result_id}"


class ResultRecalled(Event, type="results.result-recalled.v1"):
    """A released result was taken back; every reader is told why."""

    result_id: UUID
    request_id: UUID
    ministry: Code
    audience: Audience
    reason: Text

    @property
    def subject(self) -> str:
        return f"result/{self.result_id}"
