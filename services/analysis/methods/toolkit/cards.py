"""What the cards of supervised methods share: outputs out of titles, and sentences that hold for all of them."""

from collections.abc import Mapping

from services.analysis.methods.toolkit.rows import Words
from shared.contracts import CardColumn, ColumnRole, ColumnType, LocalText, OutputKind, OutputSpec

ASSUMPTIONS = (
    "Where rows have a time, models learn from earlier rows than they are measured on; where rows belong together, no group "
    "stands on both sides of a fold. A random split is refused where it would flatter.",
    "Every measured and listed score is out of fold. Choices between models are made inside the training rows.",
    "Numbers go in as they are and gaps as gaps; a category that fewer than ten training rows have, or that is new, is a gap.",
    "A gap from before the first day of a feature is told apart from a later one; a feature that no training row could have is "
    "not used.",
    "Boosting is calibrated by a sigmoid on out-of-fold scores. "
    "Of more than 300,000 training rows a seeded sample is learned from.",
    "Deterministic: fixed seeds, one thread; equal scores stand in the order of the rows.",
)
MUST_NOT_CONCLUDE = (
    "A score is no finding about a person or business: a person looks, decides, and can explain (Personal Information "
    "Protection Act, article 37-2).",
    "Reasons and importances say what moves the score, not what causes the outcome.",
    "Who is not listed is not thereby without risk.",
    "After an alarm nothing may be concluded until a person has answered it.",
    "A score learned where only some were looked at says little of those who never were.",
)


def outputs(kind: OutputKind, named: Mapping[str, Words]) -> list[OutputSpec]:
    return [OutputSpec(name=name, kind=kind, title=LocalText(ko=ko, en=en)) for name, (ko, en) in named.items()]


def key(name: str, domain: str, ko: str, en: str) -> CardColumn:
    title = LocalText(ko=ko, en=en)
    return CardColumn(name=name, type=ColumnType.STRING, role=ColumnRole.KEY, key_domain=domain, title=title)


def column(
    name: str,
    kind: ColumnType,
    ko: str,
    en: str,
    *,
    required: bool = False,
    role: ColumnRole = ColumnRole.ATTRIBUTE,
    unit: str | None = None,
) -> CardColumn:
    return CardColumn(name=name, type=kind, role=role, unit=unit, required=required, title=LocalText(ko=ko, en=en))


def titles_of(columns: tuple[CardColumn, ...]) -> dict[str, Words]:
    return {each.name: (each.title.ko, each.title.en) for each in columns if each.title}
