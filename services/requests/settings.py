"""Environment of the requests service (`REQUESTS_...`)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REQUESTS_")
    rules: Path | None = Field(default=None, description="Another rules file (JSON) than the one that comes with the service.")
