"""Text of another charset becomes UTF-8, in blocks of bounded size."""

import codecs
from pathlib import Path

from services.catalog.schemas.reports import Fault, Findings

BLOCK = 1024 * 1024


def decode_file(path: Path, target: Path, charset: str, name: str, findings: Findings) -> bool:
    """Write the text of a file to `target` as UTF-8. False, and one fault with its line, where it cannot be."""
    decoder, line = codecs.getincrementaldecoder(codec_of(path, charset))("strict"), 1
    with path.open("rb") as source, target.open("wb") as file:
        while True:
            block = source.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
                data = text.encode("utf-8")
            except UnicodeError as error:
                read = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                width = b"\n\0" if "le" in charset or charset == "utf-16" else b"\n"
                findings.add(Fault.NOT_IN_CHARSET, line=line + read.count(width), charset=name)
                return False
            file.write(data)
            line += data.count(b"\n")
            if not block:
                return True


def codec_of(path: Path, charset: str) -> str:
    """UTF-16 without a mark at its start: the order of bytes is that in which NULs lie."""
    if charset != "utf-16":
        return charset
    with path.open("rb") as file:
        head = file.read(400)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return charset
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
