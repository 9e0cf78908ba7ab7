"""Where an installation keeps what is backed up: four databases, one storage, an audit key each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings
from sqlalchemy import make_url

from deploy.backups.errors import Refused
from deploy.installation import AUDIT_PUBLIC, SERVICES
from shared.keys import MacKey, SigningKey, VerifyKey
from shared.storage import Storage

# Of an embedded installation: files that a backup holds only when they are asked for.
KEY_FILES = (
    "audit.pem",
    "audit.mac",
    "wrapping.key",
    "token.key",
    "secret.key",
    "identity/signing.pem",
)


class ServicePlace(BaseSettings):
    """Of a service's settings those that say where its part is."""

    database_url: str
    storage_url: str
    storage_options: dict[str, str] = Field(default_factory=dict)
    audit_key: Path | None = None
    audit_mac_key: Path | None = None


@dataclass(frozen=True)
class Place:
    """`databases`: service -> SQLAlchemy URL; `audit_keys`: service -> PEM file, either half.

    `mac_file` is the key of the MACs of the catalog's audit rows. `folder` is that of an embedded
    installation, None for one that is described by settings.
    """

    databases: Mapping[str, str]
    storage_url: str
    storage_options: Mapping[str, str] = field(default_factory=dict)
    audit_keys: Mapping[str, Path] = field(default_factory=dict)
    folder: Path | None = None
    mac_file: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        folder = folder.resolve()
        return cls(
            databases={name: f"sqlite+aiosqlite:///{folder / name}.db" for name in SERVICES},
            storage_url=(folder / "objects").as_uri(),
            audit_keys=dict.fromkeys(SERVICES, folder / "audit.pem"),
            folder=folder,
            mac_file=folder / "audit.mac",
        )

    @classmethod
    def of_settings(cls) -> Self:
        """As the services read it: CATALOG_DATABASE_URL and so on. Refused for what is missing."""
        parts, missing = {}, []
        for service in SERVICES:
            prefix = f"{service.upper()}_"
            try:
                parts[service] = ServicePlace(_env_prefix=prefix)
            except ValidationError as error:
                missing += [f"{prefix}{str(fault['loc'][0]).upper()}" for fault in error.errors()]
        if missing:
            raise Refused(
                "Say which installation: FOLDER=... for an embedded one, or the settings of the "
                f"four services in the environment. Missing or unreadable: {', '.join(missing)}."
            )
        storages = {part.storage_url for part in parts.values()}
        if len(storages) > 1:
            raise Refused("The four services share one storage, but their STORAGE_URLs differ.")
        return cls(
            databases={service: part.database_url for service, part in parts.items()},
            storage_url=storages.pop(),
            storage_options=parts["catalog"].storage_options,
            audit_keys={name: part.audit_key for name, part in parts.items() if part.audit_key},
            mac_file=parts["catalog"].audit_mac_key,
        )

    def storage(self) -> Storage:
        try:
            return Storage(self.storage_url, self.storage_options)
        except ValueError as error:
            raise Refused(f"The storage cannot be opened: {error}.") from None

    def engine(self, service: str) -> str:
        """`sqlite` or `postgresql`."""
        return make_url(self.databases[service]).get_backend_name()

    def file(self, service: str) -> Path:
        """Where the SQLite database of a service is."""
        return Path(make_url(self.databases[service]).database or "").resolve()

    def mac_key(self) -> MacKey | None:
        """With it the catalog's audit rows are written; None if there is no file."""
        try:
            return MacKey.load(self.mac_file) if self.mac_file and self.mac_file.exists() else None
        except ValueError as error:
            raise Refused(f"{self.mac_file} holds no key of MACs: {error}.") from None

    def audit_key(self, service: str) -> VerifyKey | None:
        """The public half of the key that signs this service's audit; None if there is no file."""
        path = self.audit_keys.get(service)
        if path is None or not path.exists():
            return None
        return public_half(path)


def public_half(path: Path) -> VerifyKey:
    """Of a PEM file with either half."""
    try:
        if path.name == AUDIT_PUBLIC or b"PUBLIC KEY" in path.read_bytes():
            return VerifyKey.load(path)
        return SigningKey.load(path).verify_key
    except (ValueError, OSError) as error:
        raise Refused(f"{path} holds no Ed25519 key: {error}.") from None
