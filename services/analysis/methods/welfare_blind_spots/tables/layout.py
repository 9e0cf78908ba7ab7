"""The vocabulary of result tables: dimensions, counts, and rates that name the counts they stand on."""

from typing import Any

from services.analysis.methods.welfare_blind_spots import titles
from services.analysis.methods.welfare_blind_spots.evaluation import wilson

Table = dict[str, Any]
Column = dict[str, Any]
Cell = str | int | float
Text = dict[str, str]


def text(ko: str, en: str) -> Text:
    return {"ko": ko, "en": en}


def dimension(name: str, ko: str, en: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "dimension"}


def count(name: str, ko: str, en: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "count"}


def rate(name: str, ko: str, en: str, *, numerator: str, of: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "rate", "of": of, "numerator": numerator}


def measured(name: str, ko: str, en: str, *, of: str) -> Column:
    return {"name": name, "title": text(ko, en), "kind": "measure", "of": of}


def rate_with_interval(name: str, ko: str, en: str, *, numerator: str, of: str) -> list[Column]:
    return [
        rate(name, ko, en, numerator=numerator, of=of),
        measured(f"{name}_low", f"{ko} 하한", f"{en}, low", of=of),
        measured(f"{name}_high", f"{ko} 상한", f"{en}, high", of=of),
    ]


def shares(hits: int, of: int) -> list[float]:
    """A share with its 95 % interval."""
    low, high = wilson(hits, of)
    return [round(hits / of, 4) if of else 0.0, round(low, 4), round(high, 4)]


def table(name: str, columns: list[Column], rows: list[list[Cell]], notes: Text) -> Table:
    return {"name": name, "title": text(*titles.TABLES[name]), "columns": columns, "rows": rows, "notes": notes}


LABELS = [dimension("label_ko", "이름", "Name in Korean"), dimension("label_en", "영어 이름", "Name")]
HOUSEHOLDS = count("households", "가구 수", "Households")
RECEIVERS = count("receivers", "수급 가구", "Receiving households")
SELECTED = count("selected", "선정 가구", "Selected households")
FOUND = count("found", "선정 가구 중 수급", "Receiving among the selected")
