"""What the analysis service is told from outside."""

import base64
import binascii
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings
from shared.times import KOREA, is_zone

MIB = 1024 * 1024


def decode_key(secret: SecretStr) -> bytes:
    return base64.b64decode(secret.get_secret_value(), validate=True)


def check_key(secret: SecretStr) -> SecretStr:
    try:
        length = len(decode_key(secret))
    except (ValueError, binascii.Error):
        raise ValueError("not base64") from None
    if length != 32:
        raise ValueError("must be 32 bytes, in base64")
    return secret


def check_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("no IANA name of a time zone, such as Asia/Seoul")
    return name


Key = Annotated[SecretStr, AfterValidator(check_key)]


class Settings(ServiceSettings):
    """Settings of the analysis service, read from ANALYSIS_*."""

    model_config = SettingsConfigDict(env_prefix="ANALYSIS_", hide_input_in_errors=True)

    wrapping_key: Key = Field(description="32 random bytes in base64: wraps the key of each request. Kept nowhere else.")
    token_key: Key = Field(description="32 random bytes in base64: signs the tokens that bind a worker to its run.")
    lease_seconds: float = Field(default=30, gt=0, le=3600, description="How long a claim holds without a heartbeat.")
    worker_seen_seconds: float = Field(default=60, gt=0, description="How long a worker counts as present after it called.")
    max_attempts: int = Field(default=3, ge=1, le=20, description="Claims (and, apart from these, prepares) before a run fails.")
    runs_per_ministry: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="Most runs of one ministry under way at one time, unless it has a quota of its own.",
    )
    aging_seconds: float = Field(default=3600, gt=0, description="After each such time a waiting run rises by one priority.")
    prepare_memory_mb: int = Field(default=1024, ge=256, description="Memory of the process that links the inputs, MiB.")
    prepare_threads: int = Field(default=2, ge=1, le=64, description="Threads of that database.")
    time_zone: Annotated[str, AfterValidator(check_zone)] = Field(
        default=KOREA, description="IANA zone of times without an offset, where the column of a dataset names none."
    )
    prepare_lease_seconds: float = Field(default=60, gt=0, description="How long a prepare holds without being extended.")
    artefact_limit: int = Field(default=16 * MIB, ge=1, description="Largest artefact, bytes.")
    list_limit: int = Field(default=512 * MIB, ge=1, description="Largest restricted list, bytes.")
    model_limit: int = Field(default=128 * MIB, ge=1, description="Largest model file, bytes.")
    refused_output_days: float = Field(
        default=7, ge=0, description="How long outputs that do not count are kept after their run has ended."
    )
    rules: Path | None = Field(default=None, description="Another rules file (JSON) than the one that comes with the service.")
    artefact_count: int = Field(default=200, ge=1, description="Most artefacts of one attempt.")

    @property
    def wrapping_bytes(self) -> bytes:
        return decode_key(self.wrapping_key)

    @property
    def token_bytes(self) -> bytes:
        return decode_key(self.token_key)
