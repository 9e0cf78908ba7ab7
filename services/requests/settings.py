"""Environment of the requests service (`REQUESTS_...`)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REQUESTS_")
    rules: Path | None = Field(default=None, description="Another rules file (JSON) than the one that comes with the service.")
    open_each: int = Field(default=200, ge=1, description="Most open requests of one person; then 429.")
    open_identical: int = Field(
        default=10, ge=1, description="Most open requests of one person that ask for exactly the same; then 409."
    )
