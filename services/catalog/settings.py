"""Environment of the catalog service (`CATALOG_...`)."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.catalog.schemas.limits import Limits
from shared.settings import ServiceSettings

GIB = 1024**3


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="CATALOG_")

    upload_limit: int = Field(default=5 * GIB, ge=1, description="Largest file that a dataset may have, bytes.")
    check_limits: Limits = Field(default=Limits(), description="What the check of a file may take (JSON).")
    check_lease: timedelta = Field(
        default=timedelta(seconds=30), gt=timedelta(0), description="How long a check holds unless it is extended."
    )
    announce_seconds: float = Field(
        default=3600, gt=0, description="How often the members are announced again, for services that have missed it."
    )
    check_attempts: int = Field(default=3, ge=1, le=20, description="Crashes of the check before a file is refused.")
