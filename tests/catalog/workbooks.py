"""Workbooks as other programs write them, made part by part: no library of ours is between."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape

TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/styles.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>{sheets}</Types>'
)
SHEET_TYPE = (
    '<Override PartName="/xl/worksheets/sheet{n}.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HIDDEN = ' state="hidden"'
STYLES = (
    f'<?xml version="1.0"?><styleSheet {MAIN}><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders>'
    '<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
)


def column_letters(number: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell(value: object, place: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f'<c r="{place}"><v>{value!r}</v></c>'
        case date():
            return f'<c r="{place}" s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    text = str(value)
    if text.startswith("#"):
        return f'<c r="{place}" t="e"><f>A1/0</f><v>{escape(text)}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def sheet(rows: Sequence[Sequence[object]], first_row: int = 1) -> str:
    lines = [
        f'<row r="{number}">' + "".join(cell(value, f"{column_letters(n)}{number}") for n, value in enumerate(row)) + "</row>"
        for number, row in enumerate(rows, first_row)
    ]
    return f'<?xml version="1.0"?><worksheet {MAIN}><sheetData>{"".join(lines)}</sheetData></worksheet>'


def workbook(
    *sheets: Sequence[Sequence[object]] | str, first_row: int = 1, more: Mapping[str, bytes] | None = None, hidden: int = 0
) -> bytes:
    """The bytes of a workbook; a sheet that is a string is its XML as it stands."""
    names = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": TYPES.format(sheets="".join(SHEET_TYPE.format(n=n) for n in names)),
        "_rels/.rels": RELS.format(f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'),
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook {MAIN} xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="자료{n}" sheetId="{n}" r:id="r{n}"{HIDDEN if n == hidden else ""}/>' for n in names)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": RELS.format(
            "".join(f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in names)
            + f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
        ),
        "xl/styles.xml": STYLES,
    }
    for n, one in zip(names, sheets, strict=True):
        parts[f"xl/worksheets/sheet{n}.xml"] = one if isinstance(one, str) else sheet(one, first_row)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return written.getvalue()
