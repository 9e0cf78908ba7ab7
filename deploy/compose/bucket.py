"""Make the bucket of an installation, where it is not there yet: one signed PUT (AWS Signature Version 4)."""

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.clock import now

PATIENCE = 60.0
NOTHING = hashlib.sha256(b"").hexdigest()
SIGNED = "host;x-amz-content-sha256;x-amz-date"


class Target(BaseSettings):
    """Which bucket, on which server (`S3_...`)."""

    model_config = SettingsConfigDict(env_prefix="S3_")

    endpoint: str
    region: str
    bucket: str
    access_key: str
    secret_key: SecretStr

    @property
    def url(self) -> str:
        return f"{self.endpoint.rstrip('/')}/{self.bucket}"


def hmac_sha256(key: bytes, words: str) -> bytes:
    return hmac.digest(key, words.encode(), hashlib.sha256)


def headers(target: Target, verb: str, at: datetime) -> dict[str, str]:
    """What signs a request without a body."""
    parts, moment = urlsplit(target.url), at.strftime("%Y%m%dT%H%M%SZ")
    given = {"host": parts.netloc, "x-amz-content-sha256": NOTHING, "x-amz-date": moment}
    lines = "".join(f"{name}:{value}\n" for name, value in given.items())
    canonical = f"{verb}\n{parts.path}\n\n{lines}\n{SIGNED}\n{NOTHING}"
    scope = f"{moment[:8]}/{target.region}/s3/aws4_request"
    words = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{target.secret_key.get_secret_value()}".encode()
    for part in scope.split("/"):
        key = hmac_sha256(key, part)
    credential = f"Credential={target.access_key}/{scope}, SignedHeaders={SIGNED}"
    return given | {"authorization": f"AWS4-HMAC-SHA256 {credential}, Signature={hmac_sha256(key, words).hex()}"}


def ask(target: Target, verb: str) -> int:
    """The answer's status; 0 while nobody answers."""
    request = urllib.request.Request(target.url, method=verb, headers=headers(target, verb, now()))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def main() -> int:
    target = Target()
    until = time.monotonic() + PATIENCE
    while (status := ask(target, "HEAD")) in (0, 503) and time.monotonic() < until:
        time.sleep(0.5)
    if status == 404:
        status = ask(target, "PUT")
    print(f"bucket {target.bucket}: {'there' if status == 200 else f'not usable, the storage answers {status}'}")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    raise SystemExit(main())
