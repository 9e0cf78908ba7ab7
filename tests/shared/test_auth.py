"""Tokens: what is accepted, and what is said about each one that is not."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared import auth
from shared.auth import Claims, Fault, Jwks, Principal, Role, TokenVerifier, require
from shared.clock import now
from shared.errors import Forbidden, Unauthorized, Unavailable
from shared.keys import KeyPair, SigningKey, jwk, write_jwks
from tests.exploring import examples

ISSUER, AUDIENCE = "https://idp.test", "dure"


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims with changes; None leaves a claim out, a difference is counted from now."""
    good: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "lee", "ministry": "nts", "roles": ["steward"]}
    good |= {"exp": timedelta(hours=1)} | changes
    timed = {name: now() + value if isinstance(value, timedelta) else value for name, value in good.items()}
    return {name: value for name, value in timed.items() if value is not None}


def signed(key: SigningKey, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key.private, algorithm="EdDSA", headers={"kid": key.key_id} | (header or {}))


def segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return KeyPair.ensure(tmp_path / "idp")


@pytest.fixture
def verifier(pair: KeyPair) -> TokenVerifier:
    return TokenVerifier(Jwks(str(pair.jwks_path), refetch_after=timedelta(0)), ISSUER, AUDIENCE)


async def reason(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthorized) as caught:
        await verifier.verify(token)
    problem = caught.value
    assert problem.status == 401
    assert problem.headers["WWW-Authenticate"].startswith("Bearer ")
    assert 'error="invalid_token"' in problem.headers["WWW-Authenticate"]
    assert problem.detail.endswith(".")
    return str(problem.extensions["reason"])


async def test_a_good_token_names_its_caller(pair: KeyPair, verifier: TokenVerifier) -> None:
    token = pair.mint(issuer=ISSUER, audience=AUDIENCE, subject="lee", ministry="nts", roles=["steward", "auditor"], ttl=60)
    assert await verifier.verify(token) == Principal("lee", "nts", frozenset({Role.STEWARD, Role.AUDITOR}))


@pytest.mark.parametrize(
    "subject",
    [
        "kim@mohw.go.kr", "KIM", "김민수", "kim.김민수@mohw", "김 민수", "金 min 김", "yamada 山田やまだヤマダ", "ㄅㄆ 王 wang",
        "иван", "Νίκος", "josé",
        "f:0199a1c0-0000-7000-8000-000000000001:kim", "0199a1c0-0000-7000-8000-000000000001", "ngô@x", "12345",
    ],
)  # fmt: skip
async def test_people_are_named_in_their_own_script(pair: KeyPair, verifier: TokenVerifier, subject: str) -> None:
    assert (await verifier.verify(signed(pair.signing, sub=subject))).subject == subject


# Roles that other systems have


async def test_roles_of_other_systems_are_ignored(pair: KeyPair, verifier: TokenVerifier) -> None:
    roles = ["requester", "offline_access", "default-roles-gov", "uma_authorization", "Steward", "steward "]
    assert (await verifier.verify(signed(pair.signing, roles=roles))).roles == {Role.REQUESTER}


# As Keycloak 26 issues an access token to a client `dure` in a realm `gov`, with a mapper of the user's attribute `ministry`
# and one that adds the audience.
KEYCLOAK: dict[str, Any] = {
    "auth_time": 1764580000, "jti": "onrtac:1b6f8a0c-3c53-4a8a-9a9e-6f2f3d5f7d11", "aud": ["dure", "account"],
    "sub": "f3c2b1a0-5d4e-4f6a-8b7c-9d0e1f2a3b4c", "typ": "Bearer", "azp": "dure", "sid": "0d9f3a6e-31a7-4a59-9f3c-0a53d0f0c8e2",
    "acr": "1", "allowed-origins": ["https://dure.example"],
    "realm_access": {"roles": ["requester", "offline_access", "default-roles-gov", "uma_authorization"]},
    "resource_access": {
        "dure": {"roles": ["dure:steward", "dure:auditor", "auditor"]},
        "account": {"roles": ["manage-account", "manage-account-links", "view-profile"]},
    },
    "scope": "openid profile email", "email_verified": True, "name": "민수 김", "preferred_username": "kim.minsu",
    "given_name": "민수", "family_name": "김", "email": "kim.minsu@mohw.example", "organization": {"ministry": "nts"},
    "ministry": "mohw", "roles": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("where", "ministry", "roles"),
    [
        (Claims(roles="realm_access.roles"), "mohw", {Role.REQUESTER}),
        (Claims(roles="resource_access.dure.roles"), "mohw", {Role.AUDITOR}),
        (Claims(roles="resource_access.dure.roles", role_prefix="dure:"), "mohw", {Role.STEWARD, Role.AUDITOR}),
        (Claims(roles="resource_access.account.roles"), "mohw", set()),
        (Claims(ministry="organization.ministry", roles="realm_access.roles"), "nts", {Role.REQUESTER}),
    ],
)
async def test_a_token_of_keycloak(pair: KeyPair, where: Claims, ministry: str, roles: set[Role]) -> None:
    verifier = TokenVerifier(Jwks(str(pair.jwks_path)), ISSUER, AUDIENCE, where)
    caller = await verifier.verify(signed(pair.signing, **KEYCLOAK))
    assert (caller.subject, caller.ministry, caller.roles) == (KEYCLOAK["sub"], ministry, roles)


@pytest.mark.parametrize("path", ["https://dure.example/roles", "a.b", "a.b.c"])
async def test_a_claim_whose_name_holds_dots(pair: KeyPair, path: str) -> None:
    verifier = TokenVerifier(Jwks(str(pair.jwks_path)), ISSUER, AUDIENCE, Claims(roles=path))
    for told in ({path: ["ops"]}, {path.rpartition(".")[0]: {path.rpartition(".")[2]: ["ops"]}}):
        assert (await verifier.verify(signed(pair.signing, roles=None, **told))).roles == {Role.OPS}


async def test_a_missing_claim_is_named(pair: KeyPair) -> None:
    verifier = TokenVerifier(Jwks(str(pair.jwks_path)), ISSUER, AUDIENCE, Claims(roles="realm_access.roles"))
    for told in ({}, {"realm_access": ["requester"]}, {"realm_access": {"roles": None}}, {"realm_access": "roles"}):
        with pytest.raises(Unauthorized, match=r"realm_access\.roles\."):
            await verifier.verify(signed(pair.signing, **told))


async def test_one_of_several_audiences_is_enough(pair: KeyPair, verifier: TokenVerifier) -> None:
    assert (await verifier.verify(signed(pair.signing, aud=["other", AUDIENCE]))).subject == "lee"


async def test_a_caller_without_roles_is_known_but_may_do_nothing(pair: KeyPair, verifier: TokenVerifier) -> None:
    caller = await verifier.verify(signed(pair.signing, roles=[]))
    assert caller.roles == frozenset()
    with pytest.raises(Forbidden):
        require(caller, *Role)


async def test_clocks_may_differ_a_little(pair: KeyPair, verifier: TokenVerifier) -> None:
    expired, early = now() - timedelta(seconds=10), now() + timedelta(seconds=10)
    assert (await verifier.verify(signed(pair.signing, exp=expired, nbf=early))).subject == "lee"


BAD_CLAIMS: list[tuple[dict[str, Any], Fault]] = [
    ({"exp": timedelta(minutes=-2)}, Fault.EXPIRED),
    ({"nbf": timedelta(minutes=10)}, Fault.NOT_YET_VALID),
    ({"iat": timedelta(minutes=10)}, Fault.NOT_YET_VALID),
    ({"aud": "another-system"}, Fault.AUDIENCE),
    ({"aud": ["another-system"]}, Fault.AUDIENCE),
    ({"aud": 7}, Fault.AUDIENCE),
    ({"iss": "https://elsewhere.test"}, Fault.ISSUER),
    *[({claim: None}, Fault.MISSING_CLAIM) for claim in ("sub", "ministry", "roles", "exp", "aud", "iss")],
    ({"sub": ""}, Fault.INVALID_CLAIM),
    ({"sub": 5}, Fault.INVALID_CLAIM),
    ({"sub": "x" * 201}, Fault.INVALID_CLAIM),
    ({"sub": "lee\nroot"}, Fault.INVALID_CLAIM),
    ({"sub": " lee"}, Fault.INVALID_CLAIM),
    ({"roles": "steward"}, Fault.INVALID_CLAIM),
    ({"roles": {"steward": True}}, Fault.INVALID_CLAIM),
    ({"roles": ["x"] * 501}, Fault.INVALID_CLAIM),
    ({"roles": [["steward"]]}, Fault.INVALID_CLAIM),
    ({"roles": [None]}, Fault.INVALID_CLAIM),
    ({"sub": unicodedata.normalize("NFD", "김민수")}, Fault.SUBJECT),
    ({"sub": unicodedata.normalize("NFD", "josé")}, Fault.SUBJECT),
    ({"sub": "ｋｉｍ"}, Fault.SUBJECT),
    ({"sub": "kіm"}, Fault.SUBJECT),  # Cyrillic i
    ({"sub": "κim"}, Fault.SUBJECT),  # Greek kappa
    ({"sub": "김кім"}, Fault.SUBJECT),  # Hangul and Cyrillic
    ({"sub": "kim\N{HANGUL FILLER}"}, Fault.SUBJECT),
    ({"sub": "kim\N{HANGUL JUNGSEONG FILLER}"}, Fault.SUBJECT),
    ({"sub": "kim\N{VARIATION SELECTOR-1}"}, Fault.SUBJECT),
    ({"sub": "kim\N{COMBINING GRAPHEME JOINER}"}, Fault.SUBJECT),
    ({"sub": "kim\N{ZERO WIDTH SPACE}"}, Fault.INVALID_CLAIM),
    ({"sub": "\N{RUNIC LETTER ANSUZ A}"}, Fault.SUBJECT),  # no script of today
    ({"ministry": "NTS"}, Fault.MINISTRY),
    ({"ministry": "nts\n"}, Fault.MINISTRY),
    ({"ministry": "../nts"}, Fault.MINISTRY),
    ({"ministry": "x" * 41}, Fault.MINISTRY),
    ({"ministry": 9}, Fault.MINISTRY),
    ({"ministry": ["nts"]}, Fault.MINISTRY),
    ({"exp": "tomorrow"}, Fault.MALFORMED),
    ({"exp": float("inf")}, Fault.MALFORMED),
    ({"pad": "x" * 9000}, Fault.OVERSIZED),
]


@pytest.mark.parametrize(("changes", "fault"), BAD_CLAIMS)
async def test_a_bad_claim_is_refused(pair: KeyPair, verifier: TokenVerifier, changes: dict[str, Any], fault: Fault) -> None:
    assert await reason(verifier, signed(pair.signing, **changes)) == fault


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
async def test_an_unsigned_token_is_refused(pair: KeyPair, verifier: TokenVerifier, algorithm: str) -> None:
    good = claims(exp=int(now().timestamp()) + 3600)
    token = f"{segment({'alg': algorithm, 'kid': pair.signing.key_id})}.{segment(good)}."
    assert await reason(verifier, token) == Fault.UNSIGNED


async def test_a_token_without_its_signature_is_refused(pair: KeyPair, verifier: TokenVerifier) -> None:
    header, payload, _ = signed(pair.signing).split(".")
    assert await reason(verifier, f"{header}.{payload}.") == Fault.SIGNATURE
    assert await reason(verifier, f"{header}.{payload}") == Fault.MALFORMED


async def test_a_public_key_is_no_shared_secret(pair: KeyPair, verifier: TokenVerifier) -> None:
    """The classic confusion: HS256 keyed with the published key."""
    body = f"{segment({'alg': 'HS256', 'kid': pair.signing.key_id})}.{segment(claims(exp=int(now().timestamp()) + 3600))}"
    for secret in (pair.signing.verify_key.pem(), pair.signing.verify_key.public.public_bytes_raw()):
        token = f"{body}.{segment(hmac.digest(secret, body.encode(), hashlib.sha256))}"
        assert await reason(verifier, token) == Fault.ALGORITHM


async def test_changed_words_break_the_signature(pair: KeyPair, verifier: TokenVerifier) -> None:
    header, _, signature = signed(pair.signing).split(".")
    forged = segment(claims(exp=int(now().timestamp()) + 3600, roles=["auditor"]))
    assert await reason(verifier, f"{header}.{forged}.{signature}") == Fault.SIGNATURE


async def test_a_key_of_somebody_else_is_refused(pair: KeyPair, verifier: TokenVerifier, tmp_path: Path) -> None:
    stranger = SigningKey.ensure(tmp_path / "stranger.pem")
    assert await reason(verifier, signed(stranger)) == Fault.UNKNOWN_KEY
    assert await reason(verifier, signed(stranger, {"kid": pair.signing.key_id})) == Fault.SIGNATURE
    unnamed = jwt.encode(claims(), pair.signing.private, algorithm="EdDSA")
    assert await reason(verifier, unnamed) == Fault.UNKNOWN_KEY


async def test_a_key_in_the_token_itself_counts_for_nothing(verifier: TokenVerifier, tmp_path: Path) -> None:
    stranger = SigningKey.ensure(tmp_path / "stranger.pem")
    header = {"jwk": jwk(stranger.verify_key.public), "jku": "https://elsewhere.test/keys"}
    assert await reason(verifier, signed(stranger, header)) == Fault.UNKNOWN_KEY


async def test_an_extension_that_must_be_understood_is_refused(pair: KeyPair, verifier: TokenVerifier) -> None:
    assert await reason(verifier, signed(pair.signing, {"crit": ["exp"], "exp": 1})) in {Fault.MALFORMED, Fault.INVALID_CLAIM}


NESTED = "[" * 3000
MALFORMED = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "Bearer x",
    "한글.한글.한글",
    "\0",
    "eyJhbGciOiJFZERTQSJ9",
    "=.=.=",
    f"{segment(NESTED.encode())}.e30.AA",
    f"{segment([1, 2])}.e30.AA",
    f"{segment(b'{')}.e30.AA",
    f"{segment(b'null')}.e30.AA",
    f"{segment({'alg': 'EdDSA', 'kid': 7})}.e30.AA",
    f"{segment({'alg': 'EdDSA', 'kid': ['a']})}.e30.AA",
]


@pytest.mark.parametrize("token", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    assert await reason(verifier, token) == Fault.MALFORMED


async def test_a_signed_payload_that_is_no_object_is_refused(pair: KeyPair, verifier: TokenVerifier) -> None:
    for payload in (b"[1]", b"null", b"\xff\xfe", NESTED.encode(), b'{"sub": "a"'):
        body = f"{segment({'alg': 'EdDSA', 'kid': pair.signing.key_id})}.{segment(payload)}"
        token = f"{body}.{segment(pair.signing.private.sign(body.encode()))}"
        assert await reason(verifier, token) == Fault.MALFORMED


async def test_a_huge_token_is_refused_unread(verifier: TokenVerifier) -> None:
    assert await reason(verifier, "a." * 5_000_000) == Fault.OVERSIZED


HEADERS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), st.text() | st.none())


@given(text=st.text(max_size=300), header=HEADERS)
@settings(max_examples=examples(60))
def test_nothing_sent_as_a_token_is_our_error(tmp_path_factory: pytest.TempPathFactory, text: str, header: Any) -> None:
    pair = KeyPair.ensure(tmp_path_factory.getbasetemp() / "fuzzed")
    verifier = TokenVerifier(Jwks(str(pair.jwks_path)), ISSUER, AUDIENCE)
    for token in (text, f"{segment(header)}.{segment(text)}.{segment(text.encode())}"):
        with pytest.raises(Unauthorized):
            asyncio.run(verifier.verify(token))


# Other algorithms and key sets


def public_jwk(private: Any, kid: str, **more: Any) -> dict[str, Any]:
    kind = RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else ECAlgorithm
    return {**kind.to_jwk(private.public_key(), as_dict=True), "kid": kid, **more}


@pytest.mark.parametrize(("algorithm", "alg_in_set"), [("ES256", True), ("ES256", False), ("RS256", True), ("RS256", False)])
async def test_other_providers_algorithms_work(tmp_path: Path, algorithm: str, alg_in_set: bool) -> None:
    private = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    entry = public_jwk(private, "k1", **({"alg": algorithm} if alg_in_set else {}))
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [entry]}))
    token = jwt.encode(claims(), private, algorithm=algorithm, headers={"kid": "k1"})
    assert (await TokenVerifier(Jwks(str(tmp_path / "jwks.json")), ISSUER, AUDIENCE).verify(token)).ministry == "nts"
    narrow = TokenVerifier(Jwks(str(tmp_path / "jwks.json")), ISSUER, AUDIENCE, algorithms=("EdDSA",))
    assert await reason(narrow, token) == Fault.ALGORITHM


async def test_a_key_is_used_only_with_its_own_algorithm(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65537, 2048)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public_jwk(private, "k1", alg="PS256")]}))
    verifier = TokenVerifier(Jwks(str(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    assert await reason(verifier, jwt.encode(claims(), private, algorithm="RS256", headers={"kid": "k1"})) == Fault.ALGORITHM


@pytest.mark.parametrize("algorithms", [(), ("none",), ("HS256",), ("EdDSA", "HS512")])
def test_a_verifier_with_a_shared_secret_cannot_be_built(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        TokenVerifier(Jwks("unused"), ISSUER, AUDIENCE, algorithms=algorithms)


async def test_only_public_signature_keys_are_taken_from_a_set(tmp_path: Path, pair: KeyPair) -> None:
    good = jwk(pair.signing.verify_key.public)
    weak = public_jwk(rsa.generate_private_key(65537, 1024), "weak")
    private = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048))) | {"kid": "private"}
    entries = [
        good,
        weak,
        private,
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "x", "x": "AA"},
        {**good, "kid": "alg", "alg": "HS256"},
        {**good, "kid": 7},
        {"kty": "EC", "kid": "empty"},
        "text",
        None,
    ]
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": entries}))
    jwks = Jwks(str(tmp_path / "jwks.json"))
    assert await jwks.get(good["kid"])
    assert list(jwks.keys) == [good["kid"]]


async def test_a_new_key_in_the_file_is_found(pair: KeyPair, tmp_path: Path) -> None:
    verifier = TokenVerifier(Jwks(str(pair.jwks_path), refetch_after=timedelta(0)), ISSUER, AUDIENCE)
    await verifier.verify(signed(pair.signing))
    rotated = SigningKey.ensure(tmp_path / "next.pem")
    write_jwks(pair.jwks_path, [rotated.verify_key.public])
    assert (await verifier.verify(signed(rotated))).subject == "lee"
    assert await reason(verifier, signed(pair.signing)) == Fault.UNKNOWN_KEY


async def test_a_token_is_verified_once_while_it_holds(
    pair: KeyPair, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed(pair.signing)
    first = await verifier.verify(token)
    with monkeypatch.context() as patched:
        patched.setattr(jwt, "decode", None)
        assert await verifier.verify(token) == first
        assert await reason(verifier, token[:-8] + "AAAAAAAA") == Fault.MALFORMED, "another one would be decoded"
        patched.setattr(time, "time", lambda: 1e12)
        assert await reason(verifier, token) == Fault.MALFORMED, "and so would one that has expired"
    assert await verifier.verify(token) == first


async def test_only_so_many_tokens_are_kept(pair: KeyPair, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "TOKENS_KEPT", 2)
    for number in range(4):
        await verifier.verify(signed(pair.signing, sub=f"lee.{number}"))
    assert len(verifier.verified) == 2


async def test_a_damaged_key_file_takes_no_key_away(pair: KeyPair) -> None:
    jwks = Jwks(str(pair.jwks_path), ttl=timedelta(0), refetch_after=timedelta(0))
    verifier = TokenVerifier(jwks, ISSUER, AUDIENCE)
    await verifier.verify(signed(pair.signing))
    for damage in ("", "{", '{"keys": []}', '{"keys": 5}', "[]", "\0", NESTED):
        pair.jwks_path.write_text(damage)
        assert (await verifier.verify(signed(pair.signing))).subject == "lee"
    pair.jwks_path.unlink()
    assert (await verifier.verify(signed(pair.signing))).subject == "lee"


async def test_without_any_key_the_answer_is_try_again(tmp_path: Path, pair: KeyPair) -> None:
    jwks = Jwks(str(tmp_path / "absent.json"), refetch_after=timedelta(0))
    verifier = TokenVerifier(jwks, ISSUER, AUDIENCE)
    with pytest.raises(Unavailable) as caught:
        await verifier.verify(signed(pair.signing))
    assert caught.value.headers["Retry-After"]
    write_jwks(tmp_path / "absent.json", [pair.signing.verify_key.public])
    assert (await verifier.verify(signed(pair.signing))).subject == "lee"


class Provider:
    """A real HTTP server that serves a key set, and can misbehave."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, b"", 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                self.send_response(provider.status)
                self.send_header("Content-Length", str(len(provider.body)))
                if provider.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(provider.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def publish(self, *keys: SigningKey) -> None:
        self.body = json.dumps({"keys": [jwk(key.verify_key.public) for key in keys]}).encode()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


async def test_keys_rotate_over_http(provider: Provider, tmp_path: Path) -> None:
    old, new = SigningKey.ensure(tmp_path / "old.pem"), SigningKey.ensure(tmp_path / "new.pem")
    provider.publish(old)
    verifier = TokenVerifier(Jwks(provider.url, refetch_after=timedelta(0)), ISSUER, AUDIENCE)
    for _ in range(3):
        await verifier.verify(signed(old))
    assert provider.asked == 1
    provider.publish(old, new)
    await verifier.verify(signed(new))
    await verifier.verify(signed(old))
    assert provider.asked == 2


async def test_invented_key_names_do_not_flood_the_provider(provider: Provider, tmp_path: Path) -> None:
    key = SigningKey.ensure(tmp_path / "key.pem")
    provider.publish(key)
    verifier = TokenVerifier(Jwks(provider.url), ISSUER, AUDIENCE)
    await verifier.verify(signed(key))
    for number in range(20):
        assert await reason(verifier, signed(key, {"kid": f"invented-{number}"})) == Fault.UNKNOWN_KEY
    assert provider.asked == 1


@pytest.mark.parametrize(("status", "body"), [(500, b""), (302, b""), (404, b"{}"), (200, b"<html>"), (200, b" " * 300_000)])
async def test_a_failing_provider_takes_no_key_away(provider: Provider, tmp_path: Path, status: int, body: bytes) -> None:
    key = SigningKey.ensure(tmp_path / "key.pem")
    provider.publish(key)
    verifier = TokenVerifier(Jwks(provider.url, ttl=timedelta(0), refetch_after=timedelta(0)), ISSUER, AUDIENCE)
    await verifier.verify(signed(key))
    provider.status, provider.body = status, body
    assert (await verifier.verify(signed(key))).subject == "lee"
    assert provider.asked == 2
    provider.close()
    assert (await verifier.verify(signed(key))).subject == "lee"


async def test_a_key_that_is_withdrawn_is_gone_after_the_ttl(provider: Provider, tmp_path: Path) -> None:
    old, new = SigningKey.ensure(tmp_path / "old.pem"), SigningKey.ensure(tmp_path / "new.pem")
    provider.publish(old)
    verifier = TokenVerifier(Jwks(provider.url, ttl=timedelta(0), refetch_after=timedelta(0)), ISSUER, AUDIENCE)
    await verifier.verify(signed(old))
    provider.publish(new)
    assert await reason(verifier, signed(old)) == Fault.UNKNOWN_KEY


# Rights


def test_every_role_says_what_it_is() -> None:
    assert len({role.description for role in Role}) == len(Role) == 10
    assert all(role.description.endswith(".") for role in Role)


def test_any_one_of_the_roles_is_enough() -> None:
    caller = Principal("kim", "mohw", frozenset({Role.REQUESTER, Role.AUDITOR}))
    assert caller.has(Role.AUDITOR)
    assert not caller.has(Role.OPS)
    require(caller, Role.STEWARD, Role.REQUESTER)
    with pytest.raises(Forbidden) as caught:
        require(caller, Role.STEWARD, Role.OPS)
    assert caught.value.extensions["right"] == "steward or ops"
    assert "steward or ops" in caught.value.detail
