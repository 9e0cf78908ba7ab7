"""Checks a file against the table definition of its dataset."""

from services.catalog.profile.files import check_file
from services.catalog.profile.media import MEDIA_TYPES
from services.catalog.profile.process import check_apart
from services.catalog.schemas.limits import Limits

__all__ = ["MEDIA_TYPES", "Limits", "check_apart", "check_file"]
