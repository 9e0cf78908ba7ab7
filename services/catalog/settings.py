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
    checks_at_once: int = Field(default=2, ge=1, le=64, description="Files checked at a time; one of these slots is for others.")
    waiting_files: int = Field(default=100, ge=1, description="Most files of a ministry that wait for their check; then 429.")
    waiting_bytes: int = Field(default=50 * GIB, ge=1, description="Most bytes of a ministry that wait for a check; then 429.")
    daily_files: int = Field(default=2000, ge=1, description="Most files of a ministry within 24 hours; then 429.")
    daily_bytes: int = Field(default=500 * GIB, ge=1, description="Most bytes of a ministry within 24 hours; then 429.")

    @property
    def checks_each(self) -> int:
        """Files of one ministry checked at a time: however many it hands in, another one's finds a free slot."""
        return max(1, self.checks_at_once - 1)
