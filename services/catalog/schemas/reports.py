"""What the check of a file found: where, in which column, and why, never what stood there."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import BaseModel, Field

from shared.contracts import Column

MOST_ERRORS = 100
MOST_LINES = 10


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
    CHECK_TOO_SLOW = "check-too-slow"
    FILE_LOST = "file-lost"
    FILE_DAMAGED = "file-damaged"
    UNREADABLE = "unreadable"
    UTF16 = "utf-16"
    NOT_IN_CHARSET = "not-in-charset"
    EXCEL_WORKBOOK = "excel-workbook"
    OLD_EXCEL_WORKBOOK = "old-excel-workbook"
    OTHER_SPREADSHEET = "other-spreadsheet"
    ENCRYPTED_WORKBOOK = "encrypted-workbook"
    ZIP_ARCHIVE = "zip-archive"
    PARQUET_FILE = "parquet-file"
    PDF_FILE = "pdf-file"
    HTML_PAGE = "html-page"
    XML_FILE = "xml-file"
    JSON_FILE = "json-file"
    BINARY_FILE = "binary-file"
    TEXT_FILE = "text-file"
    NOT_A_WORKBOOK = "not-a-workbook"
    WORKBOOK_TOO_LARGE = "workbook-too-large"
    SEVERAL_SHEETS = "several-sheets"
    KEY_LOST_DIGITS = "key-lost-digits"
    OTHER_DELIMITER = "other-delimiter"
    SEP_LINE = "sep-line"
    TITLE_LINE = "title-line"
    COLUMN_WITHOUT_NAME = "column-without-name"


class Cause(StrEnum):
    """What was most likely meant by a cell that does not fit its column."""

    THOUSANDS = "thousands-separator"
    BLANKS = "blanks-around"
    PERCENT = "percent"
    UNIT = "unit-or-currency"
    PARENTHESES = "parentheses"
    TRIANGLE = "triangle-for-minus"
    MINUS_SIGN = "other-minus-sign"
    FULL_WIDTH = "full-width-digits"
    MISSING_WORD = "word-for-missing"
    EXCEL_ERROR = "excel-error"
    SCIENTIFIC = "scientific-notation"
    FRACTION = "fraction"
    TOO_LARGE = "too-large"
    NOT_FINITE = "not-finite"
    BLANK_ONLY = "blank-only"
    YES_NO = "yes-or-no"
    OTHER_DATE = "other-date-format"
    NO_SUCH_DAY = "no-such-day"
    SERIAL_DAY = "excel-serial-day"
    OFFSET = "offset"
    TIME_OF_DAY = "time-of-day"
    INDEX = "pandas-index"
    CASE = "letter-case"


class Warned(StrEnum):
    """What does not refuse a file, but will hurt whoever uses it."""

    HEADER_TRIMMED = "header-trimmed"
    EMPTY_COLUMNS = "empty-columns-dropped"
    LINE_ENDS = "line-ends-mixed"
    BLANK_LINES = "blank-lines-at-end"
    KEY_DUPLICATE = "key-duplicate"
    KEY_BLANK = "key-blank"
    KEY_PLACEHOLDER = "key-placeholder"
    KEY_LENGTHS = "key-lengths"
    KEY_ALPHABETS = "key-alphabets"
    KEY_CASES = "key-letter-cases"
    KEY_SEPARATORS = "key-separators"
    KEY_SPELLINGS = "key-spellings"
    KEY_UNLIKE_DOMAIN = "key-unlike-domain"
    KEY_TYPE = "key-type"
    KEY_WAS_NUMBER = "key-was-number"
    CATEGORY_SPELLINGS = "category-spellings"
    CATEGORY_MISSING_WORDS = "category-missing-words"
    TOTAL_ROWS = "total-rows"
    NOT_PROFILED = "not-profiled"


class FileError(BaseModel):
    """One fault or warning. `line` counts lines of a CSV file from 1 (the header), rows of a
    workbook from 1 (the header is one of them), and rows of a Parquet file from 1."""

    line: int | None = None
    column: str | None = Field(default=None, description="Name of the column, where one can be named.")
    source_name: str | None = Field(default=None, description="What the owner's files call that column.")
    code: Fault | Warned
    cause: Cause | None = None
    lines: list[int] = Field(default=[], description="Some of the lines that a warning is about.")
    count: int | None = Field(default=None, description="Rows or values that a warning is about.")
    facts: dict[str, str | int] = Field(default={}, description="What the sentence names; no cell value.")


class Group(BaseModel):
    """How many keys have a length or an alphabet."""

    name: str
    rows: int


class KeyProfile(BaseModel):
    """What the keys of one column look like: counts and shares, no key."""

    column: str
    source_name: str | None = None
    key_domain: str
    rows: int = Field(description="Rows with a key.")
    blank: int = 0
    placeholders: int = 0
    duplicates: int = Field(default=0, description="Keys that stand in more than one row.")
    with_separators: float = Field(default=0.0, description="Share of keys with -, ., / or a blank, 0 to 1.")
    lengths: list[Group] = []
    alphabets: list[Group] = []


class Report(BaseModel):
    """The outcome of a check. It passed when no error was found; warnings refuse nothing."""

    rows: int = 0
    errors: list[FileError] = Field(default=[], description=f"The first {MOST_ERRORS}, in the order of the file.")
    error_count: int = 0
    warnings: list[FileError] = Field(default=[], description=f"At most {MOST_ERRORS}.")
    keys: list[KeyProfile] = []
    charset: str | None = Field(default=None, description="What the text was decoded from.")
    converted: str | None = Field(default=None, description="Media type of the file written for readers.")

    @property
    def passed(self) -> bool:
        return self.error_count == 0


class Findings:
    """Faults and warnings as they are found: all faults are counted, the first are kept."""

    def __init__(self, columns: Iterable[Column] = ()) -> None:
        self.errors: list[FileError] = []
        self.warnings: list[FileError] = []
        self.source_names = {column.name: column.source_name for column in columns}
        self.count = 0

    def add(
        self, code: Fault, *, line: int | None = None, column: str | None = None, cause: Cause | None = None, **facts: str | int
    ) -> None:
        """Count a fault, and show it if it is one of the first."""
        self.count += 1
        self.keep(code, line=line, column=column, cause=cause, **facts)

    def keep(self, code: Fault, *, line: int | None, column: str | None, cause: Cause | None = None, **facts: str | int) -> None:
        """Show a fault that was counted already."""
        if len(self.errors) < MOST_ERRORS:
            name = self.source_names.get(column or "")
            self.errors.append(FileError(line=line, column=column, source_name=name, code=code, cause=cause, facts=facts))

    def warn(
        self,
        code: Warned,
        *,
        column: str | None = None,
        lines: Sequence[int] = (),
        count: int | None = None,
        **facts: str | int,
    ) -> None:
        """Add a warning; `lines` are some of the lines it is about, the first of them its own."""
        if len(self.warnings) < MOST_ERRORS:
            self.warnings.append(
                FileError(
                    line=min(lines, default=None),
                    column=column,
                    source_name=self.source_names.get(column or ""),
                    code=code,
                    lines=sorted(lines),
                    count=count,
                    facts=facts,
                )
            )

    def report(self, rows: int) -> Report:
        return Report(rows=rows, errors=self.errors, error_count=self.count, warnings=self.warnings)
