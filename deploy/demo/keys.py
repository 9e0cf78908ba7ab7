"""What the ministry that asks does for its restricted list: register a key before, and open the list afterwards, offline."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from deploy.demo import people
from deploy.demo.people import Person
from deploy.open_list import entries, make_key
from shared.clock import now
from shared.sealing import Keyring

if TYPE_CHECKING:
    from deploy.demo.walk import Walk

SHOWN = 3


def register(walk: Walk, steward: Person = people.HAN) -> Keyring:
    """A key for this walk alone: its private half stays in this program's memory."""
    private, public = make_key()
    told = {"key": public, "valid_until": (now() + timedelta(days=365)).isoformat()}
    key = walk.call(steward, "POST", "catalog", f"/ministries/{steward.ministry}/keys", json=told).json()
    walk.tell(f"    {steward.title}: registered a public key for sealed lists ({key['kid'][:8]}…)")
    return Keyring({key["kid"]: private})


def open_list(walk: Walk, text: str) -> None:
    listed = text.splitlines()
    walk.tell(f"    {people.KIM.title}: read the restricted list, {len(listed)} households, each with reasons (audited)")
    opened = list(entries(listed, walk.keyring, request=walk.request_id))
    if any(entry.fault for entry in opened) or not all(entry.key for entry in opened):
        raise AssertionError("the sealed list did not open")
    walk.tell(
        f"    offline, with the ministry's private key: all {len(opened)} sealed keys open, each bound to its line. The first:"
    )
    for entry in opened[:SHOWN]:
        walk.tell(f"      {entry.line['pseudonym'][:12]}… is {entry.key_domain} {entry.key}, score {entry.line['score']:.2f}")
