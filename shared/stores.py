"""Where objects lie: a folder, or a bucket of an S3-compatible server."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from obstore.store import LocalStore, S3Store

# What an operator calls them -> what the S3 client calls them.
S3_OPTIONS: Final = {
    "endpoint": "endpoint",
    "region": "region",
    "access_key": "access_key_id",
    "secret_key": "secret_access_key",
    "session_token": "session_token",
}


def open_store(url: str, options: Mapping[str, str], timeout: timedelta) -> tuple[LocalStore | S3Store, Path | None]:
    """The store of a `file:///folder` or `s3://bucket/prefix` URL, and its folder if it has one."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(folder), folder
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("storage_url is file:///folder or s3://bucket")
    unknown = set(options) - set(S3_OPTIONS)
    if unknown:
        raise ValueError(f"unknown storage options: {', '.join(sorted(unknown))}; known are {', '.join(S3_OPTIONS)}")
    config: dict[str, Any] = {S3_OPTIONS[name]: value for name, value in options.items()}
    plain = options.get("endpoint", "").startswith("http://")
    store = S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        **config,
        client_options={"allow_http": plain, "timeout": timeout, "connect_timeout": timedelta(seconds=5)},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
    )
    return store, None
