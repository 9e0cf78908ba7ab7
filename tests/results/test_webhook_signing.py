"""Signatures as the reference library reads them; secrets at rest that only our key opens."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.results.signing import new_secret, sign, signature_headers
from services.results.vault import NoKeyError, Vault, new_key

BODY = '{"type": "results.result-released.v1", "제목": "복지"}'.encode()


def test_the_reference_library_accepts_our_signature() -> None:
    secret, at = new_secret(), int(datetime.now(UTC).timestamp())
    Webhook(secret).verify(BODY, signature_headers([secret], "msg_1", at, BODY))


def test_we_sign_as_the_reference_library_does() -> None:
    secret, at = new_secret(), datetime.now(UTC)
    assert sign(secret, "msg_1", int(at.timestamp()), BODY) == Webhook(secret).sign("msg_1", at, BODY.decode())


def test_after_a_change_of_secret_both_are_accepted_and_no_other() -> None:
    new, old, at = new_secret(), new_secret(), int(datetime.now(UTC).timestamp())
    headers = signature_headers([new, old], "msg_1", at, BODY)
    Webhook(new).verify(BODY, headers)
    Webhook(old).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY + b" ", headers)


def test_a_sealed_secret_opens_for_its_owner_alone() -> None:
    vault, owner = Vault([new_key()]), uuid4()
    sealed = vault.seal("whsec_x", owner)
    assert "whsec" not in sealed
    assert vault.open(sealed, owner) == "whsec_x"
    with pytest.raises(NoKeyError):
        vault.open(sealed, uuid4())
    with pytest.raises(NoKeyError):
        Vault([new_key()]).open(sealed, owner)


def test_keys_can_be_changed_one_after_the_other() -> None:
    old, new, owner = new_key(), new_key(), uuid4()
    sealed = Vault([old]).seal("whsec_x", owner)
    both = Vault([new, old])
    assert both.open(sealed, owner) == "whsec_x"
    assert Vault([new]).open(both.seal("whsec_y", owner), owner) == "whsec_y"


@pytest.mark.parametrize("key", ["", "short", "AAAA", "ä" * 44])
def test_a_key_of_another_size_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ValueError):
        Vault([key])
