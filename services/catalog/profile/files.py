"""The one entrance: a file of an accepted media type, and the table it should hold."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from services.catalog.profile.csv_file import check_csv
from services.catalog.profile.parquet_file import check_parquet
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Fault, Findings, Report
from shared.contracts import Column

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
MEDIA_TYPES = {CSV: check_csv, PARQUET: check_parquet}


def check_file(path: Path, media_type: str, columns: Sequence[Column], limits: Limits) -> Report:
    """What is wrong with a file. Everything that can be wrong with it is a finding, not an exception."""
    try:
        return MEDIA_TYPES[media_type](path, columns, limits)
    except (duckdb.OutOfMemoryException, MemoryError):
        findings = Findings()
        findings.add(Fault.NEEDS_TOO_MUCH_MEMORY)
        return findings.report(0)
