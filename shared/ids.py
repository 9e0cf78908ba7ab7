"""Identifiers: UUIDv7, so that ids sort by the time they were made and a page can be cut by id alone."""

from uuid import UUID

from uuid6 import uuid7


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562) as a standard library UUID."""
    return UUID(int=uuid7().int)
