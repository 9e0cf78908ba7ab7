"""Keys on disk: made once, secret, and good for signing what can be checked elsewhere."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.keys import KeyPair, SigningKey, VerifyKey, write_jwks


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.pem"
    first = SigningKey.ensure(path)
    assert SigningKey.ensure(path).key_id == first.key_id == SigningKey.load(path).key_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["audit.pem"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from shared.keys import KeyPair;"
        "print(KeyPair.ensure(Path(sys.argv[1])).signing.key_id)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "idp")], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ids = {process.communicate()[0].strip() for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert len(ids) == 1
    assert json.loads((tmp_path / "idp" / "jwks.json").read_text())["keys"][0]["kid"] in ids
    assert sorted(each.name for each in (tmp_path / "idp").iterdir()) == ["jwks.json", "signing.pem"]


def test_a_signature_is_checked_with_the_public_key_alone(tmp_path: Path) -> None:
    key = SigningKey.ensure(tmp_path / "audit.pem")
    (tmp_path / "audit.pub").write_bytes(key.verify_key.pem())
    public = VerifyKey.load(tmp_path / "audit.pub")
    signature = key.sign(b"head 7")
    assert len(signature) <= 120
    assert public.key_id == key.key_id
    assert public.verify(b"head 7", signature)
    assert not public.verify(b"head 8", signature)
    assert not VerifyKey(SigningKey.ensure(tmp_path / "other.pem").verify_key.public).verify(b"head 7", signature)


@pytest.mark.parametrize("signature", ["", "x", "!!!!", "한글", "AAAA", "A" * 86, "A" * 10_000])
def test_an_unreadable_signature_is_a_wrong_one(tmp_path: Path, signature: str) -> None:
    assert not SigningKey.ensure(tmp_path / "audit.pem").verify_key.verify(b"words", signature)


def test_the_key_set_holds_no_secret(tmp_path: Path) -> None:
    pair = KeyPair.ensure(tmp_path)
    (entry,) = json.loads(pair.jwks_path.read_text())["keys"]
    assert entry.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    assert entry["kid"] == pair.signing.key_id


def test_the_key_set_is_replaced_as_a_whole(tmp_path: Path) -> None:
    pair, other = KeyPair.ensure(tmp_path), SigningKey.ensure(tmp_path / "next.pem")
    write_jwks(pair.jwks_path, [pair.signing.verify_key.public, other.verify_key.public])
    kids = [entry["kid"] for entry in json.loads(pair.jwks_path.read_text())["keys"]]
    assert kids == [pair.signing.key_id, other.key_id]
    assert not list(tmp_path.glob(".*"))


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ec.pem").write_bytes(pem)
    with pytest.raises(ValueError, match="Ed25519"):
        SigningKey.load(tmp_path / "ec.pem")
