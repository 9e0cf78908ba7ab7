"""What the sender says the bytes of a file are (RFC 9530: Repr-Digest, Content-Digest)."""

import base64
import binascii
import re
from collections.abc import Mapping

from services.catalog import messages
from shared.contracts import StoredObject
from shared.errors import BadRequest, FieldError, Unprocessable

HEADERS = ("repr-digest", "content-digest")
SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([^:]*):", re.IGNORECASE)


def declared_sha256(headers: Mapping[str, str]) -> dict[str, str]:
    """Header -> SHA-256 in hex, of those headers that give one; other algorithms are left alone."""
    return {header: decoded(header, found[1]) for header in HEADERS if (found := SHA256.search(headers.get(header, "")))}


def decoded(header: str, value: str) -> str:
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        error = FieldError(f"header/{header}", "bad-digest", messages.DIGEST_FORM)
        raise BadRequest(messages.DIGEST_UNREADABLE, errors=[error])
    return digest.hex()


def check_digests(declared: Mapping[str, str], stored: StoredObject) -> None:
    errors = [
        FieldError(f"header/{header}", "digest-mismatch", messages.DIGEST_DIFFERS)
        for header, digest in declared.items()
        if digest != stored.sha256
    ]
    if errors:
        raise Unprocessable(messages.ARRIVED_OTHERWISE, errors=errors)
