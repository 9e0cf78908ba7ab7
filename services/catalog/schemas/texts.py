"""Words by which a dataset is found, and names of columns as their owner writes them."""

from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from shared.texts import readable_line

Keyword = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(readable_line)]


def with_machine_names(table: Any) -> Any:
    """The columns of a table; one whose name is not of ASCII letters gets a machine name beside it."""
    return [machine_named(column, place) for place, column in enumerate(table, 1)] if isinstance(table, list) else table


def machine_named(column: Any, place: int) -> Any:
    """`개인번호` as the first column becomes `column_1` with the source_name `개인번호`."""
    if not isinstance(column, dict) or "source_name" in column or not isinstance(name := column.get("name"), str):
        return column
    own_script = any(letter.isalpha() and not letter.isascii() for letter in name)
    return {**column, "name": f"column_{place}", "source_name": name} if own_script else column
