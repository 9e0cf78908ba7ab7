"""The rows of a study: outcome, features, time, groups, and what is known of each feature."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.arrays import Flags, Floats, Texts, Whole, sortable
from services.analysis.methods.toolkit.periods import NEVER
from services.analysis.methods.toolkit.stored import Columns, Subjects
from services.analysis.worker.sdk import Array

Words = tuple[str, str]


class Titled(Protocol):
    """Whatever knows what its features are called."""

    def title(self, name: str, /) -> Words: ...


@dataclass(frozen=True)
class Rows:
    """One row is one subject at one time. Features are float64 (NaN: unknown) or text (None: unknown), and may be stored."""

    pseudonym: Texts | Whole
    """Or its rank among all: then `subjects` knows the names."""
    label: Floats
    features: Mapping[str, Array]
    day: Whole | None = None
    group: Texts | None = None
    audit: Mapping[str, Texts] = field(default_factory=dict)
    signs: Mapping[str, int] = field(default_factory=dict)
    titles: Mapping[str, Words] = field(default_factory=dict)
    available_from: Mapping[str, int] = field(default_factory=dict)
    """Feature -> first day for which its owner has it; a gap before that day says nothing."""
    dated_late: tuple[str, ...] = ()
    """Features that are dated after the day on which the subject was looked at."""
    subjects: Subjects | None = None
    ended: Flags | None = None
    """Rows of unknown outcome whose event has come already, before their horizon was over: nobody lists them."""

    def __len__(self) -> int:
        return len(self.label)

    @cached_property
    def known(self) -> Flags:
        """Rows whose outcome is known."""
        return np.isfinite(self.label)

    @property
    def has_time(self) -> bool:
        """Whether there are at least two points in time to split by."""
        return self.day is not None and len(np.unique(self.day[(self.day != NEVER) & self.known])) > 1

    @cached_property
    def entity(self) -> Texts | Whole | None:
        """What must never stand on both sides of a fold: the named group, or a subject that has several rows."""
        if self.group is not None:
            return self.group
        return self.pseudonym if len(np.unique(sortable(self.pseudonym))) < len(self) else None

    def title(self, name: str) -> Words:
        return self.titles.get(name, (name.replace("_", " "), name.replace("_", " ")))

    def names(self, places: NDArray[np.intp]) -> Texts:
        """The pseudonyms of these rows."""
        found = self.pseudonym[places]
        return found.astype(object) if self.subjects is None else self.subjects.names(found.astype(np.int64))

    def at(self, places: NDArray[np.intp]) -> "Rows":
        """These rows alone."""
        return replace(
            self,
            pseudonym=self.pseudonym[places],
            label=self.label[places],
            features=taken(self.features, places),
            day=None if self.day is None else self.day[places],
            group=None if self.group is None else self.group[places],
            ended=None if self.ended is None else self.ended[places],
            audit={name: values[places] for name, values in self.audit.items()},
        )

    def only(self, features: Mapping[str, Array]) -> "Rows":
        return replace(self, features=features)


def once(pseudonym: Texts | Whole, ranked: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first place of each subject, in their order."""
    _, first = np.unique(sortable(pseudonym[ranked]), return_index=True)
    return ranked[np.sort(first)]


def taken(features: Mapping[str, Array], places: NDArray[np.intp]) -> Mapping[str, Array]:
    """These rows of each feature; of stored ones only when they are asked for."""
    if isinstance(features, Columns):
        return features.at(places)
    return {name: values[places] for name, values in features.items()}
