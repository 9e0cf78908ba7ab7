"""A table leaves only if every cell, and what is left beside every cell, stands on enough people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.results.disclosure.findings import (
    Notebook,
    Verdict,
    check_words,
    is_count,
    is_name,
    is_number,
    text_fault,
)
from services.results.disclosure.margins import check_margins
from services.results.disclosure.rules import Rules

WORDS = 2000


class Kind(StrEnum):
    DIMENSION = "dimension"
    COUNT = "count"
    RATE = "rate"
    MEASURE = "measure"


@dataclass(frozen=True)
class Shape:
    """The declared columns of a table, by position."""

    names: list[str]
    kinds: list[Kind]
    titles: list[dict[str, str] | None]
    of: list[str | None]
    numerator: list[str | None]

    def at(self, name: str | None) -> int | None:
        return self.names.index(name) if name in self.names else None


def check_table(table: Any, rules: Rules) -> Verdict:
    """The verdict on one parsed table artefact: a single failing cell or complement withholds it whole."""
    notebook = Notebook()
    if not isinstance(table, dict) or not is_name(name := table.get("name")):
        notebook.note("not-a-table", at="name")
        return notebook.verdict("table", "unnamed", dict)
    title = check_words(table.get("title"), notebook, "title", limit=rules.max_text)
    notes = check_words(table.get("notes"), notebook, "notes", limit=WORDS, required=False)
    shape = check_columns(table.get("columns"), notebook, rules)
    rows = check_shape_of_rows(table.get("rows"), shape, notebook, rules)
    if shape and rows is not None:
        for index, row in enumerate(rows):
            check_row(index, row, shape, notebook, rules)
        if not notebook.findings:
            check_margins(rows, shape.kinds, shape.names, notebook, rules)
    return notebook.verdict("table", name, lambda: cleaned(name, title, notes, shape, rows))


def check_columns(columns: Any, notebook: Notebook, rules: Rules) -> Shape | None:
    """The declared columns, if the declaration holds together."""
    if not isinstance(columns, list) or not 0 < len(columns) <= rules.max_columns:
        notebook.note("columns-missing", at="columns")
        return None
    before = len(notebook.findings)
    for index, column in enumerate(columns):
        if not isinstance(column, dict) or not is_name(column.get("name")):
            notebook.note("column-name-invalid", at=f"columns/{index}")
        elif column.get("kind") not in list(Kind):
            notebook.note("column-kind-unknown", column=column["name"])
    if len(notebook.findings) > before:
        return None
    shape = Shape(
        names=[column["name"] for column in columns],
        kinds=[Kind(column["kind"]) for column in columns],
        titles=[check_words(c.get("title"), notebook, f"columns/{i}", limit=rules.max_text) for i, c in enumerate(columns)],
        of=[column.get("of") for column in columns],
        numerator=[column.get("numerator") for column in columns],
    )
    check_declared_counts(shape, notebook)
    return None if len(notebook.findings) > before else shape


def check_declared_counts(shape: Shape, notebook: Notebook) -> None:
    """Every rate and measure names the count it stands on, and there is at least one count."""
    counts = [name for name, kind in zip(shape.names, shape.kinds, strict=True) if kind is Kind.COUNT]
    if len(set(shape.names)) < len(shape.names):
        notebook.note("column-repeated", at="columns")
    if not counts:
        notebook.note("no-count-column", at="columns")
    for name, kind, of, numerator in zip(shape.names, shape.kinds, shape.of, shape.numerator, strict=True):
        if kind in (Kind.RATE, Kind.MEASURE) and of not in counts:
            notebook.note("count-column-not-named", column=name)
        if kind is Kind.RATE and numerator not in counts:
            notebook.note("numerator-column-not-named", column=name)
        if kind is Kind.COUNT and of is not None and (of == name or of not in counts):
            notebook.note("count-column-not-named", column=name)


def check_shape_of_rows(rows: Any, shape: Shape | None, notebook: Notebook, rules: Rules) -> list[list[Any]] | None:
    if not isinstance(rows, list) or not rows:
        notebook.note("rows-missing", at="rows")
        return None
    if len(rows) > rules.max_rows:
        notebook.note("too-many-rows", at="rows")
        return None
    if shape is None:
        return None
    ragged = [index for index, row in enumerate(rows) if not isinstance(row, list) or len(row) != len(shape.names)]
    for index in ragged:
        notebook.note("row-ragged", row=index)
    return None if ragged else rows


def check_row(index: int, row: list[Any], shape: Shape, notebook: Notebook, rules: Rules) -> None:
    for position, (cell, kind) in enumerate(zip(row, shape.kinds, strict=True)):
        match kind:
            case Kind.DIMENSION:
                fault = dimension_fault(cell, rules)
            case Kind.COUNT:
                fault = count_fault(cell, rules) or complement_fault(row, shape.at(shape.of[position]), position, rules)
            case Kind.RATE:
                fault = value_fault(cell) or complement_fault(
                    row, shape.at(shape.of[position]), shape.at(shape.numerator[position]), rules
                )
            case Kind.MEASURE:
                fault = value_fault(cell)
        if fault:
            notebook.note(fault, row=index, column=shape.names[position])


def dimension_fault(cell: Any, rules: Rules) -> str | None:
    if cell is None or isinstance(cell, bool) or is_number(cell):
        return None if cell is None or isinstance(cell, bool) else text_fault(str(cell), rules.max_text)
    return text_fault(cell, rules.max_text) if isinstance(cell, str) else "cell-not-scalar"


def count_fault(cell: Any, rules: Rules) -> str | None:
    """Zero fails like any small count: that nobody has a property tells it of everybody."""
    if cell is None:
        return "count-missing"
    if not is_count(cell):
        return "count-not-integer"
    return "count-below-minimum" if cell < rules.min_count else None


def value_fault(cell: Any) -> str | None:
    return None if cell is None or is_number(cell) else "value-not-number"


def complement_fault(row: list[Any], whole: int | None, part: int | None, rules: Rules) -> str | None:
    """What is left of the whole beside the part must be enough people too; 100 % fails like 0 %."""
    if whole is None or part is None or not (is_count(row[whole]) and is_count(row[part])):
        return None
    rest = row[whole] - row[part]
    if rest < 0:
        return "part-exceeds-whole"
    return "complement-below-minimum" if rest < rules.min_count else None


def cleaned(name: str, title: Any, notes: Any, shape: Shape | None, rows: Any) -> dict[str, Any]:
    """Only what was checked leaves: no further member of the artefact is copied."""
    assert shape is not None
    columns = [
        {"name": column, "title": words, "kind": kind.value}
        | ({"of": of} if of else {})
        | ({"numerator": part} if part and kind is Kind.RATE else {})
        for column, words, kind, of, part in zip(shape.names, shape.titles, shape.kinds, shape.of, shape.numerator, strict=True)
    ]
    return {"name": name, "title": title, "columns": columns, "rows": rows, "notes": notes}
