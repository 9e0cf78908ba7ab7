"""Run tokens: what is not exactly ours is refused, never an error of ours."""

from uuid import uuid4

import pytest
from hypothesis import given, strategies

from services.analysis.tokens import Attempt, mint_token, read_token
from shared.errors import Unauthorized

KEY = b"\x05" * 32
ATTEMPT = Attempt(uuid4(), 7, "작업자 1", "centre")


def test_a_token_says_what_it_was_made_for() -> None:
    token = mint_token(KEY, ATTEMPT)
    assert read_token(KEY, token) == ATTEMPT
    assert token.isascii()
    with pytest.raises(Unauthorized):
        read_token(b"\x06" * 32, token)


@given(strategies.text(max_size=300))
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        read_token(KEY, text)


@given(strategies.integers(min_value=0, max_value=10_000), strategies.integers(min_value=1, max_value=63))
def test_a_changed_token_is_refused(place: int, change: int) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = mint_token(KEY, ATTEMPT)
    at = place % (len(token) - 1)
    changed = token[:at] + letters[(letters.index(token[at]) + change) % 64] + token[at + 1 :]
    with pytest.raises(Unauthorized):
        read_token(KEY, changed)
