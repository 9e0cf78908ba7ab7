"""Searches by chance: the same examples every time, or with fresh seeds and many (make explore).

`make explore EXAMPLES=20000 ARGS="tests/catalog -k bytes"`. EXAMPLES is what a test has that asks
for no number of its own (hypothesis: 100); the others grow in proportion.
"""

import os

from hypothesis import settings

USUAL = 100
EXAMPLES = int(os.environ.get("EXAMPLES", str(USUAL)))
EXPLORING = "EXAMPLES" in os.environ

# No deadline and no database: neither a busy machine nor an earlier run changes the outcome.
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", max_examples=EXAMPLES, database=None, deadline=None, print_blob=True)


def load() -> None:
    """Choose the profile. Before the first test module is imported."""
    settings.load_profile("explore" if EXPLORING else "steady")


def examples(number: int) -> int:
    """How many examples a test tries that usually tries `number`."""
    return max(1, number * EXAMPLES // USUAL)
