"""The method card: what cross-tabulation takes, gives, assumes, and must not be used for."""

from typing import Any

from services.analysis.methods.toolkit.any_table import KEY_DOMAIN, subjects
from services.analysis.methods.toolkit.cards import outputs
from services.analysis.methods.toolkit.parameters import NAMED, TITLES
from shared.contracts import COLUMN_TYPES, Linkage, LocalText, MethodCard, OutputKind, Resources

OPTIONAL: dict[str, Any] = NAMED | {"type": ["string", "null"], "maxLength": 130, "default": None}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["rows"],
    "properties": {
        "rows": NAMED | {"type": "string", "maxLength": 130, "default": "", "description": "Column whose values are the rows."},
        "columns": OPTIONAL | {"description": "Column whose values are the columns; without it one grouping."},
        "measure": OPTIONAL | {COLUMN_TYPES: ["number", "boolean"], "description": "Number whose mean is shown in each cell."},
        "bins": {
            "type": "integer",
            "minimum": 2,
            "maximum": 20,
            "default": 5,
            "description": "Into how many parts of equal size a grouping by a number is cut, if it has more values than that.",
        },
        "titles": TITLES,
    },
}
CARD = MethodCard(
    name="cross_tabulation",
    version="1.0.0",
    title=LocalText(ko="교차 집계", en="Cross-tabulation"),
    purpose="Count the subjects of a table by one or two groupings, and show the mean of a number in each cell.",
    owner="mois",
    inputs=(subjects(),),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="table"),
    parameters=SCHEMA,
    outputs=(
        *outputs(OutputKind.TABLE, {"cells": ("교차표", "Cross-table"), "groups": ("구분별 집계", "Each grouping by itself")}),
        *outputs(OutputKind.FIGURE, {"cells_figure": ("교차표", "Cross-table")}),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
    ),
    assumptions=(
        "Groups of fewer than ten subjects are joined into `other`; a cell of fewer than ten is left out, and so are others by "
        "which it could be told from the sums.",
        "A mean is shown for cells in which at least ten subjects have a value; no extreme, no sum.",
        "A grouping by a number is cut into parts of equal size, named by their place and not by their bounds.",
        "Association is Cramer's V with the bias correction of Bergsma (2013), over all cells.",
    ),
    must_not_conclude=(
        "A cell that is not shown need not be empty.",
        "Two groupings that go together need not cause one another.",
    ),
    resources=Resources(seconds=600, memory_mb=2048),
)
