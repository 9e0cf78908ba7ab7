"""The limits of scoring grants, as a table for docs/scoring.md."""

from services.analysis.rules import Rules, load_rules


def block() -> str:
    """Each limit with its basis, and the day by which it is looked at again."""
    rules = load_rules()
    text = f"Version `{rules.version}`.\n\n| rule | value | basis | looked at again by |\n| --- | --- | --- | --- |\n"
    for name, field in Rules.model_fields.items():
        if name != "version":
            limit = getattr(rules, name)
            text += f"| {field.description} | {limit.value:,} | {limit.legal_basis} | {limit.recheck_by} |\n"
    return text
