"""What the check of a file found: where, in which column, and why, never what stood there."""

from enum import StrEnum

from pydantic import BaseModel, Field

MOST_ERRORS = 100


class Fault(StrEnum):
    """Why a file, a row or a cell cannot be taken."""

    EMPTY_FILE = "empty-file"
    NO_ROWS = "no-rows"
    TOO_MANY_ROWS = "too-many-rows"
    TOO_MANY_COLUMNS = "too-many-columns"
    HEADER_TOO_LONG = "header-too-long"
    HEADER_MISSING_COLUMN = "header-missing-column"
    HEADER_UNKNOWN_COLUMN = "header-unknown-column"
    HEADER_DUPLICATE = "header-duplicate"
    NUL_BYTE = "nul-byte"
    NOT_UTF8 = "not-utf8"
    STRAY_CARRIAGE_RETURN = "stray-carriage-return"
    MIXED_LINE_ENDINGS = "mixed-line-endings"
    BLANK_LINE = "blank-line"
    WRONG_CELL_COUNT = "wrong-cell-count"
    BAD_QUOTE = "bad-quote"
    UNCLOSED_QUOTE = "unclosed-quote"
    CELL_TOO_LONG = "cell-too-long"
    RECORD_TOO_LONG = "record-too-long"
    MISSING_VALUE = "missing-value"
    NOT_AN_INTEGER = "not-an-integer"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_A_DATE = "not-a-date"
    NOT_A_DATETIME = "not-a-datetime"
    NOT_PARQUET = "not-parquet"
    FOOTER_TOO_LARGE = "footer-too-large"
    ROW_GROUP_TOO_LARGE = "row-group-too-large"
    COLUMN_WRONG_TYPE = "column-wrong-type"
    NEEDS_TOO_MUCH_MEMORY = "needs-too-much-memory"
    CHECK_CRASHED = "check-crashed"


SENTENCES: dict[Fault, tuple[str, str]] = {
    Fault.EMPTY_FILE: ("파일이 비어 있습니다.", "The file is empty."),
    Fault.NO_ROWS: ("머리글 아래에 행이 없습니다.", "There is no row below the header."),
    Fault.TOO_MANY_ROWS: ("행이 허용된 수보다 많습니다.", "There are more rows than accepted."),
    Fault.TOO_MANY_COLUMNS: ("열이 허용된 수보다 많습니다.", "There are more columns than accepted."),
    Fault.HEADER_TOO_LONG: ("머리글 줄이 너무 깁니다.", "The header line is too long."),
    Fault.HEADER_MISSING_COLUMN: ("표 정의에 있는 열이 파일에 없습니다.", "A column of the table definition is not in the file."),
    Fault.HEADER_UNKNOWN_COLUMN: (
        "표 정의에 없는 열이 파일에 있습니다.",
        "The file has a column that the table definition does not name.",
    ),
    Fault.HEADER_DUPLICATE: ("같은 이름의 열이 두 번 나옵니다.", "The same column name stands twice."),
    Fault.NUL_BYTE: ("NUL 바이트가 있습니다.", "There is a NUL byte."),
    Fault.NOT_UTF8: (
        "UTF-8이 아닙니다. 'CSV UTF-8' 형식으로 다시 저장하십시오.",
        "This is not UTF-8. Save the file again as 'CSV UTF-8'.",
    ),
    Fault.STRAY_CARRIAGE_RETURN: ("줄 중간에 캐리지 리턴이 있습니다.", "There is a carriage return in the middle of a line."),
    Fault.MIXED_LINE_ENDINGS: (
        "이 줄의 줄바꿈이 머리글 줄과 다릅니다.",
        "This line does not end in the same way as the header line.",
    ),
    Fault.BLANK_LINE: ("빈 줄이 있습니다.", "There is a blank line."),
    Fault.WRONG_CELL_COUNT: ("셀의 수가 머리글과 다릅니다.", "The row does not have as many cells as the header."),
    Fault.BAD_QUOTE: ("따옴표가 잘못 쓰였습니다.", "A quotation mark stands where none may stand."),
    Fault.UNCLOSED_QUOTE: ("여기서 시작한 따옴표가 닫히지 않았습니다.", "The quotation begun here is not closed."),
    Fault.CELL_TOO_LONG: ("셀이 너무 깁니다.", "A cell is longer than accepted."),
    Fault.RECORD_TOO_LONG: ("행이 너무 깁니다.", "A row is longer than accepted."),
    Fault.MISSING_VALUE: (
        "값이 있어야 하는 셀이 비어 있습니다.",
        "The cell is empty, but this column needs a value in every row.",
    ),
    Fault.NOT_AN_INTEGER: ("64비트 정수가 아닙니다.", "This is not a whole number of 64 bits."),
    Fault.NOT_A_NUMBER: ("유한한 수가 아닙니다.", "This is not a finite number."),
    Fault.NOT_A_BOOLEAN: ("true 또는 false가 아닙니다.", "This is neither true nor false."),
    Fault.NOT_A_DATE: ("YYYY-MM-DD 형식의 날짜가 아닙니다.", "This is not a date written as YYYY-MM-DD."),
    Fault.NOT_A_DATETIME: (
        "YYYY-MM-DDTHH:MM:SS 형식의 UTC 일시가 아닙니다.",
        "This is not a UTC date and time written as YYYY-MM-DDTHH:MM:SS, with Z or nothing after it.",
    ),
    Fault.NOT_PARQUET: ("읽을 수 있는 Parquet 파일이 아닙니다.", "This is not a Parquet file that can be read."),
    Fault.FOOTER_TOO_LARGE: ("Parquet 메타데이터가 너무 큽니다.", "The metadata of the Parquet file is larger than accepted."),
    Fault.ROW_GROUP_TOO_LARGE: (
        "행 그룹이 너무 큽니다. 더 작은 행 그룹으로 다시 저장하십시오.",
        "A row group is larger than accepted. Write the file again with smaller row groups.",
    ),
    Fault.COLUMN_WRONG_TYPE: ("열의 형식이 표 정의와 다릅니다.", "The column is not of the type in the table definition."),
    Fault.NEEDS_TOO_MUCH_MEMORY: ("검사에 메모리가 너무 많이 필요합니다.", "The file needs more memory to read than accepted."),
    Fault.CHECK_CRASHED: ("검사가 거듭 중단되었습니다.", "The check of this file broke down again and again."),
}


class FileError(BaseModel):
    """One fault. `line` counts lines of a CSV file from 1 (the header), rows of a Parquet file from 1."""

    line: int | None = None
    column: str | None = Field(default=None, description="Name of the column, where one can be named.")
    code: Fault


class Report(BaseModel):
    """The outcome of a check. It passed when nothing was found."""

    rows: int = 0
    errors: list[FileError] = Field(default=[], description=f"The first {MOST_ERRORS}, in the order of the file.")
    error_count: int = 0

    @property
    def passed(self) -> bool:
        return self.error_count == 0


class Findings:
    """Faults as they are found: all are counted, the first are kept."""

    def __init__(self) -> None:
        self.errors: list[FileError] = []
        self.count = 0

    def add(self, code: Fault, *, line: int | None = None, column: str | None = None) -> None:
        self.count += 1
        self.keep(code, line=line, column=column)

    def keep(self, code: Fault, *, line: int | None, column: str | None) -> None:
        """Show a fault that was counted already."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(FileError(line=line, column=column, code=code))

    def report(self, rows: int) -> Report:
        return Report(rows=rows, errors=self.errors, error_count=self.count)
