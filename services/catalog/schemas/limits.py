"""How much a file may ask of the machine that checks it."""

from pydantic import BaseModel, ConfigDict


class Limits(BaseModel):
    model_config = ConfigDict(frozen=True)

    columns: int = 2_000
    header_bytes: int = 256 * 1024
    cell_bytes: int = 64 * 1024
    record_bytes: int = 1024 * 1024
    rows: int = 500_000_000
    footer_bytes: int = 16 * 1024 * 1024
    row_group_rows: int = 1_250_000
    row_group_bytes: int = 256 * 1024 * 1024
    # Of a workbook, all its parts unpacked, and the cells up to the farthest one.
    workbook_bytes: int = 512 * 1024 * 1024
    workbook_cells: int = 16_000_000
    memory_mb: int = 1024
    threads: int = 2
    seconds: float = 1800.0
