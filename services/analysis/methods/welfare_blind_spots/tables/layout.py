"""What the tables of this study share: their titles, and the counts that every rate stands on."""

from services.analysis.methods.toolkit import layout
from services.analysis.methods.toolkit.layout import Cell, Column, Table, Text, count
from services.analysis.methods.welfare_blind_spots import titles


def table(name: str, columns: list[Column], rows: list[list[Cell]], notes: Text) -> Table:
    return layout.table(name, titles.TABLES[name], columns, rows, notes)


HOUSEHOLDS = count("households", "가구 수", "Households")
RECEIVERS = count("receivers", "수급 가구", "Receiving households")
SELECTED = count("selected", "선정 가구", "Selected households")
FOUND = count("found", "선정 가구 중 수급", "Receiving among the selected")
