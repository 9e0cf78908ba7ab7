"""What the results service is told from outside."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="RESULTS_")

    secret_keys: list[SecretStr] = Field(
        default_factory=list,
        description="Base64 keys of 32 bytes (JSON list) that seal webhook secrets: the first seals, all open.",
    )
    webhook_private: bool = Field(
        default=False, description="Also call webhooks over http and at addresses that are not public; for development and tests."
    )
    webhook_seconds: float = Field(default=10.0, gt=0, description="Longest wait for a receiver.")
    webhook_at_once: int = Field(default=50, ge=1, description="Deliveries in flight at one time.")
    webhook_per_subscription: int = Field(default=2, ge=1, description="Of these, to one subscription.")
    disclosure_rules: Path | None = Field(default=None, description="A disclosure profile instead of the one that is shipped.")
    check_attempts: int = Field(default=6, ge=1, description="Attempts to read a result's outputs before it is withheld.")
    check_lease: timedelta = Field(default=timedelta(seconds=20), description="When a dead process's check is taken over.")
