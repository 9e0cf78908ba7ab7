"""What every service is told from outside. A service's Settings names its prefix and adds its own."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from shared import messages
from shared.admission import Admission, Bound
from shared.auth import Claims
from shared.presence import Pace


class ServiceSettings(BaseSettings):
    """Settings of every service, read from the environment under the service's own prefix."""

    database_url: str = Field(description="SQLAlchemy URL: sqlite+aiosqlite:///file or postgresql+asyncpg://user@host/db.")
    amqp_url: SecretStr | None = Field(default=None, description="RabbitMQ; the user is the service's own.")
    bus_prefix: str = Field(default="dure", description="First part of the names of exchanges and queues.")
    storage_url: str = Field(description="Object storage: file:///folder or s3://bucket.")
    storage_options: dict[str, str] = Field(default_factory=dict, description="S3 endpoint, region, keys (JSON).")
    jwks: str = Field(description="The identity provider's key set: a file or an https URL.")
    issuer: str = Field(description="`iss` that tokens must carry.")
    audience: str = Field(default="dure", description="`aud` that tokens must carry.")
    ministry_claim: str = Field(
        default="ministry", min_length=1, description="Claim that holds the ministry; dots go into objects."
    )
    roles_claim: str = Field(
        default="roles",
        min_length=1,
        description="Claim that holds the list of roles, such as `realm_access.roles` or `resource_access.dure.roles`.",
    )
    role_prefix: str = Field(
        default="", description="What our roles begin with in that list; roles without it, or unknown ones, are ignored."
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="Base of the URLs that we write, without the service's prefix."
    )
    log_level: str = "INFO"
    migrate_at_start: bool = Field(
        default=False, description="Only for the embedded default and tests; else migrations are a job of their own."
    )
    audit_key: Path | None = Field(
        default=None, description="Ed25519 private key (PEM) that signs audit checkpoints; without it nothing is sealed."
    )
    audit_mac_key: Path | None = Field(
        default=None,
        description="File with 32 bytes in base64: the key of the MAC that each audit row carries; one for all processes of a "
        "service. Without it nobody can tell whether a row was written by the service.",
    )
    audit_checkpoints: SecretStr | None = Field(
        default=None,
        description="Where the newest signed checkpoint is sent by itself: a folder that auditors hold, or an http(s) address, "
        "which may carry a user and a password.",
    )
    audit_checkpoint_seconds: float = Field(default=60, ge=0, description="A checkpoint is sent at most so often.")
    idle_seconds: float = Field(default=1.0, description="How often a loop looks for work when nothing wakes it.")
    body_limit: int = Field(default=2 * 1024 * 1024, description="Largest JSON body, bytes.")
    body_values: int = Field(default=40_000, ge=1, description="Most values in a JSON body, all levels together.")
    body_members: int = Field(
        default=10_000, ge=1, description="Most members of one object, or items of one list, of a JSON body."
    )
    body_depth: int = Field(default=50, ge=1, description="Most objects and lists inside one another in a JSON body.")
    body_pause: float = Field(default=30, gt=0, description="How long a sender may pause within a body, seconds.")
    body_rate: float = Field(default=10 * 1024, gt=0, description="Bytes a second that a body must reach on the whole.")
    calls: int = Field(default=1000, ge=1, description="Calls answered at once, those that wait included; then 503.")
    calls_each: int = Field(
        default=200, ge=1, description="Of these, calls of one subject, or of one address without a token; then 429."
    )
    streams: int = Field(default=2000, ge=1, description="Event streams and long polls open at once; then 503.")
    streams_each: int = Field(default=20, ge=1, description="Event streams of one subject; then 429.")
    polls_each: int = Field(
        default=400, ge=1, description="Long polls of one subject: of all workers that share a token; then 429."
    )
    connections: int = Field(
        default=8, ge=4, le=100, description="Connections to the database; three of them are the background's."
    )
    scratch: Path | None = Field(default=None, description="Folder for temporary files; the system's if not given.")

    @property
    def admission(self) -> Admission:
        """What the service takes at once."""
        calls = Bound(self.calls, self.calls_each)
        streams = Bound(self.streams, self.streams_each, messages.STREAMS_OF_ALL, messages.STREAMS_OF_ONE)
        return Admission(calls, streams, self.polls_each, Pace(self.body_pause, self.body_rate))

    @property
    def claims(self) -> Claims:
        """Where tokens say what a caller is."""
        return Claims(self.ministry_claim, self.roles_claim, self.role_prefix)
