"""Headers that every answer carries, so that a browser takes nothing of it for something else or into a foreign page."""

from collections.abc import Iterable
from typing import Final

Headers = list[tuple[bytes, bytes]]
POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
NO_FRAME: Final = (b"x-frame-options", b"DENY")
NO_STORE: Final = (b"cache-control", b"no-store")


def protective(present: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Those that are missing from an answer that has these. Only files with a time of change may be kept by caches."""
    names = {name.lower() for name, _ in present}
    wanted: Headers = [NOSNIFF, NO_FRAME, (b"content-security-policy", POLICY)]
    if b"last-modified" not in names:
        wanted.append(NO_STORE)
    return [header for header in wanted if header[0] not in names]
