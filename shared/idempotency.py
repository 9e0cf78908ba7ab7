"""The same key and the same body give the same answer: kept beside the deed, in its transaction.

An answer may hold a secret that is shown once (a webhook's). So neither the key nor the answer is kept in the clear: the row
holds the key's digest, and the answer under a key that only the caller's Idempotency-Key gives.
Nor is it given to a caller whose token has lost a role since: what one may not do is not answered as done.
"""

import base64
import hashlib
import json
import os
import re

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from shared import messages
from shared.auth import Principal
from shared.bodies import read_body
from shared.clock import now
from shared.db import Database, Session
from shared.errors import BadRequest, FieldError, Forbidden, Unprocessable

ROLES = "roles"  # beside the answer's headers, and none of them


class Replay(Exception):
    """The same key and the same body came before: here is the answer that was given then."""

    def __init__(self, response: Response) -> None:
        self.response = response


def digest_of(key: str) -> str:
    return hashlib.sha256(f"dure idempotency name\n{key}".encode()).hexdigest()


def sealer(actor: str, key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(f"dure idempotency answer\n{actor}\n{key}".encode()).digest())


def seal(actor: str, key: str, body: bytes) -> str:
    nonce = os.urandom(12)
    return base64.b64encode(nonce + sealer(actor, key).encrypt(nonce, body, None)).decode()


def unseal(actor: str, key: str, sealed: str) -> bytes:
    raw = base64.b64decode(sealed)
    return sealer(actor, key).decrypt(raw[:12], raw[12:], None)


async def begin_idempotent(request: Request, session: Session, caller: Principal | None, key: str) -> None:
    """Note the key in the deed's own transaction; a second request with it waits here, then gets the first one's answer."""
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", key):
        error = FieldError("header/idempotency-key", "bad-key", messages.KEY_FORM)
        raise BadRequest(messages.KEY_UNUSABLE, errors=[error])
    db: Database = request.app.state.db
    table = db.tables.idempotency
    operation = f"{request.method} {request.url.path}"
    if not hasattr(request, "_body"):  # this operation takes none, so nobody has looked at what came
        await read_body(request, request.app.state.settings.body_limit)
    # If-Match is part of what was asked, and so is the ministry that it was asked for: both are part of the fingerprint.
    actor, ministry = (caller.subject, caller.ministry) if caller else ("", "")
    asked = await request.body() + f"{request.headers.get('if-match', '')}\n{ministry}".encode()
    row = {
        "actor": actor,
        "key": digest_of(key),
        "operation": operation[:300],
        "body_sha256": hashlib.sha256(asked).hexdigest(),
        "created_at": now(),
    }
    insert_new = (insert_sqlite if db.sqlite else insert_postgresql)(table).values(**row).on_conflict_do_nothing()
    if (await session.execute(insert_new.returning(table.c.key))).first():
        request.state.idempotent = session, actor, key
        return
    same = select(table).where(table.c.actor == actor, table.c.key == row["key"])
    known = (await session.execute(same)).mappings().one()
    if (known["operation"], known["body_sha256"]) != (row["operation"], row["body_sha256"]):
        error = FieldError("header/idempotency-key", "key-reused", messages.KEY_NEW)
        raise Unprocessable(messages.KEY_REUSED, errors=[error])
    headers = json.loads(known["headers"])
    check_roles(caller, headers.pop(ROLES, ""))
    headers |= {"Idempotent-Replayed": "true"}
    raise Replay(Response(unseal(actor, key, known["body"]), known["status"], headers))


def check_roles(caller: Principal | None, kept: str) -> None:
    """Forbidden if the token no longer carries every role that it had when the answer was given (older answers name none)."""
    if missing := sorted(set(kept.split()) - (caller.roles if caller else set())):
        right = " and ".join(missing)
        raise Forbidden(messages.ROLE_LOST(right=right), right=right)


async def keep_answer(request: Request, response: Response) -> None:
    """Keep the answer beside the deed, in its transaction."""
    if not hasattr(request.state, "idempotent"):
        return
    session, actor, key = request.state.idempotent
    table = request.app.state.db.tables.idempotency
    headers = {name: value for name, value in response.headers.items() if name in ("content-type", "etag", "location")}
    caller: Principal | None = session.info.get("caller")
    headers[ROLES] = " ".join(sorted(caller.roles)) if caller else ""
    answer = {"status": response.status_code, "headers": json.dumps(headers), "body": seal(actor, key, bytes(response.body))}
    await session.execute(update(table).where(table.c.actor == actor, table.c.key == digest_of(key)).values(**answer))
