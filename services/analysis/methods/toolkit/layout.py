"""The vocabulary of result tables: dimensions, counts, and rates that name the counts they stand on."""

from typing import Any

from services.analysis.methods.toolkit.evaluation import wilson

Table = dict[str, Any]
Column = dict[str, Any]
Cell = str | int | float | None
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


def rounded(value: float) -> float:
    """To four decimals; a number below a thousandth to three digits, or nothing would be left of it."""
    return round(value, 4) if abs(value) >= 1e-3 else float(f"{value:.3g}")


def shares(hits: int, of: int) -> list[float]:
    """A share with its 95 % interval."""
    low, high = wilson(hits, of)
    return [rounded(hits / of) if of else 0.0, rounded(low), rounded(high)]


def table(name: str, title: tuple[str, str], columns: list[Column], rows: list[list[Cell]], notes: Text) -> Table:
    return {"name": name, "title": text(*title), "columns": columns, "rows": rows, "notes": notes}


def figure(name: str, title: Text, value: float, count: int, unit: str | None = None) -> dict[str, Any]:
    """One headline figure and the number of subjects that it stands on."""
    made = {"name": name, "title": title, "value": rounded(float(value)), "count": int(count)}
    return made | ({"unit": unit} if unit else {})


LABELS = [dimension("label_ko", "이름", "Name in Korean"), dimension("label_en", "영어 이름", "Name")]
