"""Why a run failed, as stable codes with a sentence that a civil servant understands; never a message of the method."""

import re
from typing import Final

from shared.contracts import Reason

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
SENTENCES: Final = {
    "method-crashed": "The method stopped because of an error in its program.",
    "method-timeout": "The method did not finish in the time that its method card allows, and was stopped.",
    "method-memory": "The method needed more memory than its method card allows, and was stopped.",
    "method-output-invalid": "The method gave back something that is not a valid result, so nothing of it was kept.",
    "method-refused-input": "The method refused its input.",
    "remote-failed": "The server that holds the model did not answer as it should.",
    "engine-failed": "The machines on which the scores are made did not do their part.",
    "input-corrupt": "The prepared input did not arrive unchanged, so the method was not started.",
    "cancelled": "The run was cancelled; the method was stopped and nothing of it was kept.",
}


def reason(code: str, addition: str = "") -> Reason:
    """The sentence of a code, with an addition that holds no cell value."""
    return Reason(code=code, detail=f"{SENTENCES[code]} {addition}".strip()[:4000])


def plain(text: str, most: int) -> str:
    """A stranger's words as one line that harms no terminal, log or JSON reader."""
    return UNPRINTABLE.sub(" ", text[:most]).strip()
