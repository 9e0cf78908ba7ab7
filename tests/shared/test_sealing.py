"""Sealed keys: opened by their ministry alone, and only as what they were sealed for."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import OKPKey

from deploy.open_list import make_key
from shared.contracts import PublicKey
from shared.sealing import BINDING, Keyring, Opened, Sealer, Unopened

REQUEST, PSEUDONYM = "0199c1a4-2001-7025-905b-062e0cf9bc57", "4f" * 32


def new_key() -> tuple[OKPKey, PublicKey]:
    private, public = make_key()
    return private, PublicKey(x=public["x"])


PRIVATE, PUBLIC = new_key()
RING = Keyring({PUBLIC.kid: PRIVATE})


def sealed(key: str = "890123-1234567", to: PublicKey = PUBLIC) -> str:
    return Sealer(to, request=REQUEST, key_domain="person").seal(PSEUDONYM, key)


def refusal(token: str, ring: Keyring = RING) -> str:
    with pytest.raises(Unopened) as caught:
        ring.open(token)
    return caught.value.code


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    head = token.split(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(head + "==")))


def test_what_was_sealed_is_opened_with_what_it_was_sealed_for() -> None:
    for key in ("890123-1234567", "가-0001", ""):
        assert RING.open(sealed(key)) == Opened(key, REQUEST, PSEUDONYM, "person")


def test_it_is_a_compact_jwe_under_a_key_of_its_own() -> None:
    first, second = header_of(sealed()), header_of(sealed())
    assert first["epk"] != second["epk"]
    assert {name: first[name] for name in first if name != "epk"} == {
        "alg": "ECDH-ES",
        "enc": "A256GCM",
        "kid": PUBLIC.kid,
        "request": REQUEST,
        "pseudonym": PSEUDONYM,
        "key_domain": "person",
    }
    assert PUBLIC.kid == PRIVATE.thumbprint()


def test_another_ministry_cannot_open_it() -> None:
    private, public = new_key()
    assert refusal(sealed(), Keyring({public.kid: private})) == "sealed-for-another-key"
    assert refusal(sealed(), Keyring({PUBLIC.kid: private})) == "damaged"
    assert refusal(sealed(), Keyring({})) == "sealed-for-another-key"


@pytest.mark.parametrize("part", range(5))
def test_a_changed_one_is_refused(part: int) -> None:
    parts = sealed().split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "==")) or bytearray(b"\0")
    raw[-1] ^= 1
    parts[part] = b64(bytes(raw))
    assert refusal(".".join(parts)) == "damaged"


@pytest.mark.parametrize("name", BINDING)
def test_nobody_can_say_that_it_was_sealed_for_something_else(name: str) -> None:
    head, *rest = sealed().split(".")
    changed = json.dumps(header_of(f"{head}.") | {name: "other"}, separators=(",", ":")).encode()
    assert refusal(".".join([b64(changed), *rest])) == "damaged"


@pytest.mark.parametrize(
    "change",
    [{"alg": "ECDH-ES+A256KW"}, {"enc": "A128GCM"}, {"zip": "DEF"}, {"request": None}, {"pseudonym": None}],
)
def test_other_algorithms_and_unbound_ones_are_refused(change: dict[str, str | None]) -> None:
    header = {
        "alg": "ECDH-ES",
        "enc": "A256GCM",
        "kid": PUBLIC.kid,
        "request": REQUEST,
        "pseudonym": PSEUDONYM,
        "key_domain": "p",
    }
    header = {name: value for name, value in (header | change).items() if value is not None}
    every = [header["alg"], header["enc"], "DEF"]
    registry = jwe.JWERegistry(algorithms=every, strict_check_header=False)
    token = jwe.encrypt_compact(header, "x", OKPKey.import_key(PUBLIC.model_dump()), registry=registry)
    assert refusal(token) == "damaged"


@pytest.mark.parametrize("token", ["", ".", "....", "x.y.z", "e30....", "bnVsbA....", "W10....", "한글....", "A" * 20_000])
def test_garbage_is_refused(token: str) -> None:
    assert refusal(token) == "damaged"
