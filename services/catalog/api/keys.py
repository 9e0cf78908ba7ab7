"""The public keys of ministries over HTTP."""

from fastapi import APIRouter, Request, Response

from services.catalog import actions, policy, queries
from services.catalog.models import MinistryKey
from services.catalog.schemas.keys import KeyIn, KeyOut, RetireIn
from shared.auth import Principal
from shared.db import Session
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, UNCHANGED

router = APIRouter(prefix="/ministries/{code}/keys", route_class=Route, tags=["ministries"])


def shown(caller: Principal, key: MinistryKey, in_use: str | None) -> KeyOut:
    given = key.model_dump() | {"key": key.public, "in_use": key.kid == in_use, "actions": policy.key_actions_for(caller, key)}
    return KeyOut.model_validate(given)


async def answer(session: Session, caller: Principal, key: MinistryKey, response: Response) -> KeyOut:
    tagged(response, key)
    return shown(caller, key, await queries.key_in_use(session, key.ministry))


@router.post("", status_code=201, responses=CREATED)
async def register_key(code: str, given: KeyIn, session: Transaction, caller: Caller, response: Response) -> KeyOut:
    """Register an X25519 key (steward of the ministry). Restricted lists are sealed to it from now on."""
    begin, end = given.valid_from, given.valid_until
    key = await actions.register_key(session, caller, code, given.key.public, valid_from=begin, valid_until=end)
    response.headers["Location"] = f"/catalog/ministries/{code}/keys/{key.kid}"
    return await answer(session, caller, key, response)


@router.get("")
async def list_keys(
    code: str, session: Reading, caller: Caller, page: Paging, request: Request, response: Response
) -> Page[KeyOut]:
    """List a ministry's keys, newest first: also those that are no longer used."""
    ministry = await queries.find_ministry(session, code)
    keys, cursor = await queries.list_keys(session, ministry.code, page)
    in_use = await queries.key_in_use(session, ministry.code)
    link_next(request, response, cursor)
    return Page(items=[shown(caller, key, in_use) for key in keys], next=cursor)


@router.get("/{kid}", responses=UNCHANGED)
async def get_key(code: str, kid: str, session: Reading, caller: Caller, response: Response) -> KeyOut:
    """Show a key."""
    return await answer(session, caller, await queries.find_key(session, code, kid), response)


@router.post("/{kid}/retire")
async def retire_key(
    code: str, kid: str, given: RetireIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> KeyOut:
    """Retire a key (steward of the ministry): nothing more is sealed to it. Earlier lists are still opened with it."""
    key = await actions.retire_key(session, caller, code, kid, reason=given.reason, expected=expected)
    return await answer(session, caller, key, response)
