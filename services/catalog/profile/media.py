"""Media types of files: what is declared, and which kind of file the first bytes show."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum
from pathlib import Path

from services.catalog.schemas.reports import Fault

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Kind(StrEnum):
    """How a file is read."""

    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"
    CONTENT = "content"  # its bytes decide


MEDIA_TYPES: dict[str, Kind] = {
    CSV: Kind.CSV,
    PARQUET: Kind.PARQUET,
    XLSX: Kind.XLSX,
    "text/tab-separated-values": Kind.CSV,
    "application/csv": Kind.CSV,
    "text/x-csv": Kind.CSV,
    "application/x-csv": Kind.CSV,
    "application/parquet": Kind.PARQUET,
    "application/x-parquet": Kind.PARQUET,
    # Browsers on Windows send these for .csv, depending on which programs are installed.
    "application/vnd.ms-excel": Kind.CONTENT,
    "application/octet-stream": Kind.CONTENT,
}
# CP949 is what Windows writes where EUC-KR is said, and holds all of it.
CHARSETS: dict[str, str] = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    "euc-kr": "cp949", "euckr": "cp949", "cp949": "cp949", "ms949": "cp949", "uhc": "cp949",
    "windows-949": "cp949", "x-windows-949": "cp949", "ks_c_5601-1987": "cp949", "ksc5601": "cp949",
    "utf-16": "utf-16", "utf16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
}  # fmt: skip
DELIMITERS: dict[str, str] = {
    ",": ",", "comma": ",", ";": ";", "semicolon": ";", "\t": "\t", "tab": "\t", "|": "|", "pipe": "|",
}  # fmt: skip
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass(frozen=True)
class Declared:
    """What a Content-Type says of a file; `charset` is a codec of Python."""

    media_type: str
    kind: Kind
    charset: str = "utf-8"
    delimiter: str = ","
    charset_name: str = "utf-8"

    def __str__(self) -> str:
        """The media type with those parameters that are not the usual ones: what is recorded."""
        text = self.media_type
        if self.charset != "utf-8":
            text += f"; charset={self.charset_name}"
        if self.delimiter != "," and self.media_type != "text/tab-separated-values":
            text += f"; delimiter={DELIMITER_NAMES[self.delimiter]}"
        return text


class UnknownMediaError(ValueError):
    """Nothing that is taken; `accepted` lists what would be."""

    def __init__(self, what: str, accepted: Iterable[str]) -> None:
        super().__init__(what)
        self.what, self.accepted = what, list(accepted)


def declared(content_type: str) -> Declared:
    """What a Content-Type declares. Raises UnknownMediaError, naming the part that is not taken."""
    message = Message()
    message["Content-Type"] = " ".join(content_type.split("\n"))[:400]
    media_type = content_type.split(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnknownMediaError("media type", MEDIA_TYPES)
    parameters = {name.lower(): value for name, value in message.get_params(failobj=[])[1:]}
    charset = parameters.get("charset", "utf-8").strip().lower()
    if charset not in CHARSETS:
        raise UnknownMediaError("charset", CHARSETS)
    usual = "\t" if media_type == "text/tab-separated-values" else ","
    delimiter = parameters.get("delimiter", usual)
    delimiter = delimiter if delimiter in DELIMITERS else delimiter.strip().lower()
    if delimiter not in DELIMITERS:
        raise UnknownMediaError("delimiter", DELIMITER_NAMES.values())
    return Declared(media_type, MEDIA_TYPES[media_type], CHARSETS[charset], DELIMITERS[delimiter], charset)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
MAGIC: tuple[tuple[bytes, Fault], ...] = (
    (b"PAR1", Fault.PARQUET_FILE),
    (b"%PDF-", Fault.PDF_FILE),
    (b"\xff\xfe", Fault.UTF16),
    (b"\xfe\xff", Fault.UTF16),
    (b"\x1f\x8b", Fault.ZIP_ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Fault.ZIP_ARCHIVE),
    (b"Rar!\x1a\x07", Fault.ZIP_ARCHIVE),
)
HEAD = 64 * 1024


def content_of(path: Path) -> Fault | None:
    """The fault of a file that is sent as CSV and is something else by its bytes; None for text."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return archive_of(path)
    if head.startswith(OLE):
        with path.open("rb") as file:
            return Fault.ENCRYPTED_WORKBOOK if ENCRYPTED in file.read(16 * HEAD) else Fault.OLD_EXCEL_WORKBOOK
    for magic, fault in MAGIC:
        if head.startswith(magic):
            return fault
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return Fault.HTML_PAGE
    if start.startswith(b"<?xml"):
        return Fault.HTML_PAGE if b"<html" in head.lower() else Fault.XML_FILE
    return utf16_of(head)


def archive_of(path: Path) -> Fault:
    """Which kind of zip archive a file is."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return Fault.ZIP_ARCHIVE
    if "xl/workbook.xml" in names:
        return Fault.EXCEL_WORKBOOK
    other = "xl/workbook.bin" in names or ("mimetype" in names and "content.xml" in names)
    return Fault.OTHER_SPREADSHEET if other else Fault.ZIP_ARCHIVE


def utf16_of(head: bytes) -> Fault | None:
    """UTF-16 without a mark at its start: nearly every second byte of a header is NUL."""
    line = head[:400]
    even, odd = line[::2].count(0), line[1::2].count(0)
    if len(line) >= 8 and max(even, odd) > len(line) / 5 and min(even, odd) == 0:
        return Fault.UTF16
    return None
