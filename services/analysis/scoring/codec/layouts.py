"""Heads that were read before: a client that sends batches as binary says the same JSON in front of each."""

from dataclasses import dataclass, field
from typing import Final

from services.analysis.scoring.codec.tensors import Array, Datatype, check_values, from_binary

KEPT: Final = 256
LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor whose bytes follow the JSON: how it is read, and where it stands in the call."""

    name: str
    shape: tuple[int, ...]
    rank: int
    kind: Datatype
    size: int
    pointer: str

    def read(self, raw: memoryview, *, missing: bool) -> Array:
        """The array, of the rank that the model takes. Unprocessable."""
        found = from_binary(raw, self.shape, self.kind, self.pointer)
        check_values(found, self.pointer, missing=missing)
        return ranked(found, self.rank)


@dataclass(frozen=True, slots=True)
class Layout:
    """All that a head without values says and a model takes as it is."""

    slots: tuple[Slot, ...]
    size: int
    rows: int
    outputs: tuple[tuple[str, bool], ...]

    def feeds(self, tail: memoryview, *, missing: bool) -> dict[str, Array] | None:
        """What the model is fed. None if these are not as many bytes as the head says. Unprocessable."""
        if len(tail) != self.size:
            return None
        feeds, at = {}, 0
        for slot in self.slots:
            feeds[slot.name] = slot.read(tail[at : at + slot.size], missing=missing)
            at += slot.size
        return feeds


@dataclass
class Layouts:
    """The layouts of one model, by the bytes of their heads."""

    known: dict[bytes, Layout] = field(default_factory=dict)

    def find(self, head: memoryview) -> Layout | None:
        return self.known.get(bytes(head)) if len(head) <= LONGEST else None

    def keep(self, head: memoryview, layout: Layout) -> None:
        if len(head) <= LONGEST:
            if len(self.known) >= KEPT:
                self.known.clear()
            self.known[bytes(head)] = layout


def ranked(found: Array, rank: int) -> Array:
    return found if found.ndim == rank else found.reshape(-1, *[1] * (rank - 1))
