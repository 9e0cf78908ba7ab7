"""The vocabulary of result tables and figures, and how rows that stand on too few are drawn together before they are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

Table = dict[str, Any]
Column = dict[str, Any]
Spec = dict[str, Any]
Cell = str | int | float
Text = dict[str, str]
Words = tuple[str, str]

MINIMUM_CELL = 10
VEGA = "https://vega.github.io/schema/vega-lite/v5.json"
INK, ACCENT, GREY = "#1f4e79", "#c2571a", "#888888"
LABEL = {"ko": "label_ko", "en": "label_en"}
OTHER: Words = ("그 밖", "others")


def text(ko: str, en: str) -> Text:
    return {"ko": ko, "en": en}


def dimension(name: str, ko: str, en: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "dimension"}


def count(name: str, ko: str, en: str, *, of: str | None = None) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "count"} | ({"of": of} if of else {})


def rate(name: str, ko: str, en: str, *, numerator: str, of: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "rate", "of": of, "numerator": numerator}


def measured(name: str, ko: str, en: str, *, of: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "measure", "of": of}


LABELS = [dimension("label_ko", "이름", "Name in Korean"), dimension("label_en", "영어 이름", "Name")]


def table(name: str, title: Words, columns: list[Column], rows: Sequence[Sequence[Cell]], notes: Text | None = None) -> Table:
    return {"name": name, "title": text(*title), "columns": columns, "rows": [list(row) for row in rows], "notes": notes}


def figure(name: str, title: Words, draws: str, body: Spec) -> Spec:
    words = text(*title)
    return {"$schema": VEGA, "title": words, "usermeta": {"title": words}, "data": {"name": draws}} | body


def bars(field: str, title: Text, *, of: str | None = None) -> Spec:
    """Horizontal bars, a row of the table each, in the table's order."""
    sides = {
        "y": {"field": LABEL, "type": "nominal", "sort": None, "axis": {"labelLimit": 300, "title": None}},
        "x": {"field": field, "type": "quantitative", "title": title},
    }
    color = {"color": {"field": of, "type": "nominal", "title": None, "scale": {"range": [INK, ACCENT]}}} if of else {}
    return {"width": 420, "height": {"step": 22}, "mark": {"type": "bar", "color": INK}, "encoding": sides | color}


def metric(name: str, title: Words, value: float, stands_on: int, unit: str | None = None) -> dict[str, Any]:
    made = {"name": name, "title": text(*title), "value": significant(value), "count": int(stands_on)}
    return made | ({"unit": unit} if unit else {})


def grouped(sizes: Mapping[str, int], least: int = MINIMUM_CELL) -> dict[str, list[str]]:
    """Which names are shown by themselves, and which together as `other`: a row has to stand on enough; too few altogether
    are left out, with the smallest row shown before them if that helps."""
    shown = {name: [name] for name, size in sizes.items() if size >= least}
    rest = [name for name, size in sizes.items() if 0 < size < least]
    if rest and sum(sizes[name] for name in rest) < least and shown:
        smallest = min(shown, key=lambda name: (sizes[name], name))
        rest += shown.pop(smallest)
    if sum(sizes[name] for name in rest) >= least:
        shown["other"] = [*shown.get("other", []), *rest]
    return shown


def significant(value: float, digits: int = 4) -> float:
    return float(f"{float(value):.{digits}g}")
