"""Generated tables as CSV: the same numbers in every run."""

from pathlib import Path
from typing import Any

import duckdb

CELLS = {
    "person_no": "printf('%06d-%07d', i % 1000000, i)",
    "region": "['Seoul', 'Busan', 'Daegu', 'Incheon', 'Gwangju', 'Daejeon', 'Ulsan', 'Jeju'][1 + i % 8]",
    "joined": "DATE '2000-01-01' + (i * 7919 % 9000)::INTEGER",
    "married": "i * 31 % 3 = 0",
    "wages": "i * 104729 % 90000000",
    "area": "round((i * 15485863 % 20000) / 100, 2)",
}
BYTES_A_ROW = 54
STORED: list[dict[str, Any]] = [
    {"name": "person_no", "type": "string", "role": "key", "key_domain": "person", "nullable": False},
    {"name": "region", "type": "string", "role": "quasi_identifier"},
    {"name": "joined", "type": "date", "role": "attribute"},
    {"name": "married", "type": "boolean", "role": "attribute"},
    {"name": "wages", "type": "integer", "role": "measure", "unit": "KRW"},
    {"name": "area", "type": "number", "role": "measure", "unit": "m2"},
]
SQL_TYPES = {"string": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN", "integer": "BIGINT", "number": "DOUBLE"}


def write_csv(path: Path, rows: int, *, step: int = 1) -> None:
    """Rows in an order of their own; with a step, only every so many persons."""
    cells = ", ".join(f"{cell} AS {name}" for name, cell in CELLS.items())
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"COPY (SELECT {cells} FROM (SELECT range * {step} AS i FROM range({rows})) ORDER BY hash(i)) TO '{path}' (HEADER)"
        )


def reading(path: Path) -> str:
    """The plainest way to read such a file with its types known."""
    columns = ", ".join(f"'{column['name']}': '{SQL_TYPES[str(column['type'])]}'" for column in STORED)
    return f"read_csv('{path}', auto_detect=false, header=true, delim=',', quote='\"', columns={{{columns}}})"
