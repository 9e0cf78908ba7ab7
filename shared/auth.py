"""Who calls: bearer tokens verified against the identity provider's keys, and the roles that they carry."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, NoReturn

import jwt
from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTokenError,
    MissingRequiredClaimError,
)
from pydantic import TypeAdapter, ValidationError

from shared import messages
from shared.contracts import Code
from shared.contracts.wording import Sentence
from shared.errors import Forbidden, Unauthorized, Unavailable
from shared.jwks import KEY_ALGORITHMS, Jwks, Key
from shared.texts import is_canonical, is_of_few_scripts

__all__ = ["Claims", "Fault", "Jwks", "Principal", "Role", "TokenVerifier", "require"]

TOKEN_LIMIT: Final = 8 * 1024
SUBJECT_LIMIT: Final = 200
# A provider puts the roles of every system into one list; the length of the token bounds it too.
ROLES_LIMIT: Final = 500
# Tokens that need not be verified again at each call; a signature takes as long as all else before the body is read.
TOKENS_KEPT: Final = 2000
MINISTRY: Final = TypeAdapter[str](Code)


class Role(StrEnum):
    """What a caller may act as; a token may carry several."""

    REQUESTER = "requester"
    STEWARD = "steward"
    COUNCIL_MEMBER = "council-member"
    COUNCIL_SECRETARY = "council-secretary"
    CENTRE_ANALYST = "centre-analyst"
    METHOD_REVIEWER = "method-reviewer"
    OUTPUT_CHECKER = "output-checker"
    AUDITOR = "auditor"
    OPS = "ops"
    WORKER = "worker"

    @property
    def description(self) -> str:
        return DESCRIPTIONS[self]


DESCRIPTIONS: Final[Mapping[Role, str]] = {
    Role.REQUESTER: "Asks for analyses in the name of one ministry and reads their results.",
    Role.STEWARD: "Speaks for the datasets of one ministry: registers them, and decides on requests that use them.",
    Role.COUNCIL_MEMBER: "Votes in the council on requests that every owner has approved.",
    Role.COUNCIL_SECRETARY: "Lets ministries join, sees what is overdue, returns requests, may recall a released result.",
    Role.CENTRE_ANALYST: "Works at the analysis centre: follows runs, can cancel them, and answers the alarms of results.",
    Role.METHOD_REVIEWER: "Reviews announced method versions; two reviewers of two bodies make one live.",
    Role.OUTPUT_CHECKER: "Checks held results and releases or withholds them, blind to the other checker until both have voted.",
    Role.AUDITOR: "Reads records of who did what, never data, restricted lists or unrevealed votes.",
    Role.OPS: "Keeps the suite running and sees the envelopes of events, never their payloads.",
    Role.WORKER: "Is a program that announces methods and claims runs.",
}


@dataclass(frozen=True)
class Principal:
    """A verified caller."""

    subject: str
    ministry: str
    roles: frozenset[Role]

    def has(self, role: Role) -> bool:
        return role in self.roles


def require(caller: Principal, *roles: Role) -> None:
    """Any one of these roles is enough; without one, Forbidden names what is missing."""
    if caller.roles.isdisjoint(roles):
        right = " or ".join(roles)
        raise Forbidden(messages.ROLE_MISSING(right=right), right=right)


class Fault(StrEnum):
    """What is wrong with a token: the `reason` of the problem document."""

    MALFORMED = "malformed-token"
    OVERSIZED = "oversized-token"
    UNSIGNED = "unsigned-token"
    ALGORITHM = "algorithm-not-allowed"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "bad-signature"
    EXPIRED = "token-expired"
    NOT_YET_VALID = "token-not-yet-valid"
    AUDIENCE = "wrong-audience"
    ISSUER = "wrong-issuer"
    MISSING_CLAIM = "missing-claim"
    INVALID_CLAIM = "invalid-claim"
    SUBJECT = "invalid-subject"
    MINISTRY = "invalid-ministry"


SENTENCES: Final[Mapping[Fault, Sentence]] = {
    Fault.MALFORMED: messages.TOKEN_MALFORMED,
    Fault.OVERSIZED: messages.TOKEN_OVERSIZED(most=TOKEN_LIMIT),
    Fault.UNSIGNED: messages.TOKEN_UNSIGNED,
    Fault.ALGORITHM: messages.TOKEN_ALGORITHM,
    Fault.UNKNOWN_KEY: messages.TOKEN_UNKNOWN_KEY,
    Fault.SIGNATURE: messages.TOKEN_SIGNATURE,
    Fault.EXPIRED: messages.TOKEN_EXPIRED,
    Fault.NOT_YET_VALID: messages.TOKEN_NOT_YET_VALID,
    Fault.AUDIENCE: messages.TOKEN_AUDIENCE,
    Fault.ISSUER: messages.TOKEN_ISSUER,
    Fault.INVALID_CLAIM: messages.TOKEN_INVALID_CLAIM,
    Fault.SUBJECT: messages.TOKEN_SUBJECT,
    Fault.MINISTRY: messages.TOKEN_MINISTRY,
}
FAULTS: Final[Mapping[type[InvalidTokenError], Fault]] = {
    DecodeError: Fault.MALFORMED,
    ExpiredSignatureError: Fault.EXPIRED,
    ImmatureSignatureError: Fault.NOT_YET_VALID,
    InvalidAlgorithmError: Fault.ALGORITHM,
    InvalidAudienceError: Fault.AUDIENCE,
    InvalidIssuerError: Fault.ISSUER,
    InvalidSignatureError: Fault.SIGNATURE,
}


def refuse(fault: Fault, *missing: str) -> NoReturn:
    lacking = fault is Fault.MISSING_CLAIM
    sentence = messages.TOKEN_MISSING_CLAIM(claims=", ".join(missing)) if lacking else SENTENCES[fault]
    raise Unauthorized(sentence, reason=fault.value)


@dataclass(frozen=True)
class Claims:
    """Where a provider's tokens say what a caller is. A path goes into objects by dots: `resource_access.dure.roles`."""

    ministry: str = "ministry"
    roles: str = "roles"
    role_prefix: str = ""

    def known_roles(self, names: list[str]) -> frozenset[Role]:
        """Those of the roles that are ours. Others are those of other systems, and none of our business."""
        bare = {name.removeprefix(self.role_prefix) for name in names if name.startswith(self.role_prefix)}
        return frozenset(role for role in Role if role.value in bare)


def at_path(claims: Mapping[str, Any], path: str) -> Any:
    """What stands there; None if nothing does. A name that itself holds dots is found too."""
    if path in claims:
        return claims[path]
    for name, rest in splits(path):
        inner = claims.get(name)
        if isinstance(inner, Mapping) and (found := at_path(inner, rest)) is not None:
            return found
    return None


def splits(path: str) -> Iterator[tuple[str, str]]:
    parts = path.split(".")
    for at in range(1, len(parts)):
        yield ".".join(parts[:at]), ".".join(parts[at:])


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Verified(NamedTuple):
    """What a token said, the key that it was signed with, and the time (seconds since 1970) until which it holds."""

    caller: Principal
    key: Key
    expires: float


class TokenVerifier:
    """Turns a bearer token into a Principal, or says in Unauthorized what is wrong with it."""

    def __init__(
        self,
        jwks: Jwks,
        issuer: str,
        audience: str,
        claims: Claims | None = None,
        *,
        algorithms: tuple[str, ...] = ("EdDSA", "ES256", "RS256"),
        leeway: timedelta = timedelta(seconds=30),
    ) -> None:
        allowed = frozenset().union(*KEY_ALGORITHMS.values())
        if not algorithms or not allowed.issuperset(algorithms):
            raise ValueError("only asymmetric algorithms can be allowed")
        self.jwks, self.issuer, self.audience = jwks, issuer, audience
        self.algorithms, self.leeway = frozenset(algorithms), leeway
        self.where = claims or Claims()
        self.verified: OrderedDict[bytes, Verified] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        try:
            return await self.known(token) or await self.read(token)
        except (Unauthorized, Unavailable):
            raise
        except Exception:
            # Whatever a crafted token trips over in a library is the token's fault: never a 500.
            refuse(Fault.MALFORMED)

    async def known(self, token: str) -> Principal | None:
        """The caller of a token that was verified before, while it holds and its key is still published."""
        if len(token) > TOKEN_LIMIT or (found := self.verified.get(digest := digest_of(token))) is None:
            return None
        if time.time() < found.expires and await self.jwks.get(found.key.kid) is found.key:
            self.verified.move_to_end(digest)
            return found.caller
        self.verified.pop(digest, None)
        return None

    async def read(self, token: str) -> Principal:
        if len(token) > TOKEN_LIMIT:
            refuse(Fault.OVERSIZED)
        key = await self.key_for(jwt.get_unverified_header(token))
        claims = self.claims(token, key)
        caller = principal(claims, self.where)
        self.verified[digest_of(token)] = Verified(caller, key, int(claims["exp"]) + self.leeway.total_seconds())
        while len(self.verified) > TOKENS_KEPT:
            self.verified.popitem(last=False)
        return caller

    def claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public.key,
                algorithms=sorted(key.algorithms & self.algorithms),
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.leeway,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except MissingRequiredClaimError as error:
            refuse(Fault.MISSING_CLAIM, error.claim)
        except InvalidTokenError as error:
            refuse(FAULTS.get(type(error), Fault.INVALID_CLAIM))
        return claims

    async def key_for(self, header: Mapping[str, Any]) -> Key:
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm is None or str(algorithm).lower() == "none":
            refuse(Fault.UNSIGNED)
        if algorithm not in self.algorithms:
            refuse(Fault.ALGORITHM)
        key = await self.jwks.get(kid) if isinstance(kid, str) else None
        if key is None:
            refuse(Fault.UNKNOWN_KEY)
        if algorithm not in key.algorithms:
            refuse(Fault.ALGORITHM)
        return key


def principal(claims: Mapping[str, Any], where: Claims) -> Principal:
    """The caller that verified claims describe."""
    ministry, roles = at_path(claims, where.ministry), at_path(claims, where.roles)
    if missing := [path for path, value in ((where.ministry, ministry), (where.roles, roles)) if value is None]:
        refuse(Fault.MISSING_CLAIM, *missing)
    subject = claims["sub"]
    if not 0 < len(subject) <= SUBJECT_LIMIT or not subject.isprintable() or subject != subject.strip():
        refuse(Fault.INVALID_CLAIM)
    # Who decides on their own request is found by comparing subjects, so nobody has two that look alike.
    if not is_canonical(subject) or not is_of_few_scripts(subject):
        refuse(Fault.SUBJECT)
    if not isinstance(roles, list) or len(roles) > ROLES_LIMIT or not all(isinstance(role, str) for role in roles):
        refuse(Fault.INVALID_CLAIM)
    try:
        code = MINISTRY.validate_python(ministry, strict=True)
    except ValidationError:
        refuse(Fault.MINISTRY)
    return Principal(subject, code, where.known_roles(roles))
