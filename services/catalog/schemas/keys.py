"""Public keys of ministries as they come in and go out."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.catalog import messages
from shared.clock import Moment
from shared.contracts import Code, KeyId, PublicKey
from shared.texts import In, Prose

X = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"
JWK: dict[str, Any] = {"kty": "OKP", "crv": "X25519", "x": X, "kid": PublicKey(x=X).kid}
EXAMPLE: dict[str, Any] = {"key": JWK, "valid_until": "2028-11-02T00:00:00Z"}
RETIRE_EXAMPLE: dict[str, Any] = {"reason": "담당자가 바뀌어 새 열쇠를 등록했습니다."}


class JwkIn(PublicKey):
    """A public key, as `python -m deploy.open_list --make-key` prints it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given_kid: KeyId | None = Field(default=None, alias="kid", description="If given, the RFC 7638 thumbprint of the key.")

    @model_validator(mode="after")
    def name_fits(self) -> Self:
        if self.given_kid not in (None, self.public.kid):
            raise ValueError(messages.KID_DIFFERS)
        return self

    @property
    def public(self) -> PublicKey:
        return PublicKey(x=self.x)


class KeyIn(In):
    """A key to seal restricted lists to. Its private half never leaves the ministry."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    key: JwkIn
    valid_from: Moment | None = Field(default=None, description="From now on if not given.")
    valid_until: Moment


class RetireIn(In):
    """Why nothing more is to be sealed to the key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [RETIRE_EXAMPLE]})

    reason: Prose


class KeyOut(BaseModel):
    """A key that a ministry registered. Old ones stay listed: what was sealed to them is opened by them alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ministry": "mohw",
                    "kid": JWK["kid"],
                    "key": JWK,
                    "valid_from": "2026-11-02T00:00:00Z",
                    "valid_until": "2028-11-02T00:00:00Z",
                    "registered_by": "han@mohw.example",
                    "retired_at": None,
                    "retired_reason": None,
                    "in_use": True,
                    "version": 1,
                    "actions": ["retire"],
                }
            ]
        }
    )

    ministry: Code
    kid: KeyId
    key: PublicKey
    valid_from: datetime
    valid_until: datetime
    registered_by: str
    retired_at: datetime | None
    retired_reason: str | None
    in_use: bool = Field(description="Whether a restricted list that is made now is sealed to this key.")
    version: int
    actions: list[str]
