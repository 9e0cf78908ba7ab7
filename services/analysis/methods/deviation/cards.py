"""What cards of several methods say in the same words."""

from services.analysis.methods.deviation.layout import Words
from shared.contracts import ANY_DOMAIN, LocalText, OutputKind, OutputSpec

KEY_DOMAIN = ANY_DOMAIN
"""Of the generic methods: whatever their rows are, one table alone is read and nothing is linked."""
KINDS = {
    "TABLES": OutputKind.TABLE,
    "FIGURES": OutputKind.FIGURE,
    "METRICS": OutputKind.METRICS,
    "LISTS": OutputKind.RESTRICTED_LIST,
    "MODELS": OutputKind.MODEL,
}


def outputs(titles: object) -> tuple[OutputSpec, ...]:
    """Of a module of titles: its TABLES, FIGURES, METRICS, LISTS and MODELS, if it has any; name -> (Korean, English)."""
    named: dict[str, dict[str, Words]] = {name: getattr(titles, name, {}) for name in KINDS}
    return tuple(
        OutputSpec(name=name, kind=KINDS[group], title=LocalText(ko=ko, en=en))
        for group, words in named.items()
        for name, (ko, en) in words.items()
    )
