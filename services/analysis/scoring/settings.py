"""What the scoring door is told from outside."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

MIB = 1024 * 1024


class Settings(ServiceSettings):
    """Settings of the scoring door, read from SCORING_*. Database and storage are those of the analysis service."""

    model_config = SettingsConfigDict(env_prefix="SCORING_", hide_input_in_errors=True)

    body_limit: int = Field(default=64 * MIB, ge=1024, description="Largest body of a call, bytes.")
    json_limit: int = Field(default=8 * MIB, ge=1024, description="Largest JSON in a body, bytes; larger batches come as binary.")
    rows_limit: int = Field(default=1_000_000, ge=1, description="Most rows of a call.")
    values_limit: int = Field(default=16 * MIB, ge=1, description="Most values of a call.")
    read_seconds: float = Field(default=30, gt=0, description="How long a caller may take to send a body.")
    inline_bytes: int = Field(default=128 * 1024, ge=0, description="A larger body is read by a thread of its own.")
    inline_rows: int = Field(default=256, ge=0, description="More rows are scored by a thread of its own.")
    batch_threads: int = Field(default=2, ge=1, le=64, description="Threads that read and score large batches.")
    batch_waiting: int = Field(default=8, ge=1, description="Large batches taken at once, those that wait included.")
    big_rows: int = Field(default=1000, ge=1, description="From this many rows on the runtime uses more than one thread.")
    big_threads: int = Field(default=2, ge=1, le=64, description="Threads of the runtime for such a batch.")
    non_finite_answers: bool = Field(
        default=False,
        description="Whether NaN and infinities are answered: as they are in binary, null in JSON. "
        "Otherwise such a call is refused, in both.",
    )
    models_kept: int = Field(default=16, ge=1, description="Models in memory; the one that was not asked for longest goes.")
    model_limit: int = Field(default=256 * MIB, ge=1, description="Largest file of a model, bytes.")
    access_seconds: float = Field(default=1.0, gt=0, le=1, description="How long a grant that was looked up is believed.")
    flush_seconds: float = Field(default=0.8, gt=0, le=1, description="How often what was counted is written to the audit.")
