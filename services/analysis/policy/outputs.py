"""What a worker may hand in."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from services.analysis import messages
from services.analysis.models import RunArtefact
from shared.contracts import Alarm, MethodCard, Outcome, OutputKind, Reason
from shared.errors import FieldError, Unprocessable, UnsupportedMedia

BYTES: Final = "application/octet-stream"
MEDIA_TYPES: Final[Mapping[OutputKind, str]] = {
    OutputKind.TABLE: "application/json",
    OutputKind.FIGURE: "application/json",
    OutputKind.METRICS: "application/json",
    OutputKind.RESTRICTED_LIST: "application/x-ndjson",
    OutputKind.MODEL: BYTES,
    OutputKind.LOG: "text/plain",
}
LOG_LIMIT: Final = 64 * 1024
Named = tuple[OutputKind, str, str]
# Why a worker may say that a run failed; the other codes are the service's own words.
WORKER_CODES: Final = frozenset(
    {
        "method-crashed",
        "method-timeout",
        "method-memory",
        "method-output-invalid",
        "method-refused-input",
        "remote-failed",
        "engine-failed",
        "input-corrupt",
        "cancelled",
    }
)
# What a pseudonym, a number of a person or an amount looks like; a year or a share of a hundred is none.
CELL: Final = re.compile(r"\b[0-9a-fA-F]{16,}\b|\d(?:[\d,.\-]*\d){4,}")

UNNAMED: Final = "unnamed-alarm"  # instead of a code that holds a number: the alarm is told all the same


def check_media_type(kind: OutputKind, media_type: str) -> str:
    """The media type of this kind, if the file is sent as that or as bytes."""
    plain = media_type.split(";", 1)[0].strip().lower()
    if plain not in (MEDIA_TYPES[kind], BYTES):
        raise UnsupportedMedia(messages.OUTPUT_MEDIA_TYPE(kind=kind, media_type=MEDIA_TYPES[kind]), accepted=[MEDIA_TYPES[kind]])
    return MEDIA_TYPES[kind]


def without_cells(words: str, most: int) -> str:
    """A method's words pass no disclosure control, so whatever in them could be somebody's data is cut out."""
    return CELL.sub("…", words)[:most]


def plain_alarm(alarm: Alarm) -> Alarm:
    """The alarm as it may be told: its words are a method's, and pass no disclosure control."""
    code = UNNAMED if CELL.search(alarm.code) else alarm.code
    feature = None if alarm.feature is None else without_cells(alarm.feature, 130)
    return Alarm(code=code, detail=without_cells(alarm.detail, 1000), feature=feature)


def shown_log(text: str) -> str:
    """What a method printed, as plain lines without what could be somebody's data or steer a terminal."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(
        "".join(letter if letter.isprintable() or letter == "\t" else "?" for letter in line) for line in map(cut, lines)
    )


def cut(line: str) -> str:
    return CELL.sub("…", line)


def check_output(card: MethodCard, kind: OutputKind, name: str) -> None:
    """A method hands in what its card names, and a log."""
    if kind is not OutputKind.LOG and (kind, name) not in {(output.kind, output.name) for output in card.outputs}:
        error = FieldError("path/name", "undeclared-output", messages.OUTPUT_NOT_ON_CARD)
        raise Unprocessable(messages.OUTPUT_UNREVIEWED, errors=[error])


def check_finish(outcome: Outcome, reason: Reason | None, named: Sequence[Named], uploaded: Sequence[RunArtefact]) -> None:
    """Success stands on outputs that were uploaded under this fence, byte for byte; failure gives its reason."""
    errors = []
    if outcome is Outcome.FAILED and reason is None:
        errors.append(FieldError("#/reason", "missing", messages.FAILED_WITHOUT_REASON))
    if reason is not None and reason.code not in WORKER_CODES:
        errors.append(
            FieldError("#/reason/code", "not-a-workers", messages.WORKER_REASONS(codes=", ".join(sorted(WORKER_CODES))))
        )
    if outcome is Outcome.SUCCEEDED and not named:
        errors.append(FieldError("#/artefacts", "missing", messages.SUCCEEDED_WITHOUT_OUTPUTS))
    known = {(artefact.kind, artefact.name): artefact.sha256 for artefact in uploaded}
    for at, (kind, name, sha256) in enumerate(named):
        if (kind, name) not in known:
            errors.append(FieldError(f"#/artefacts/{at}", "not-uploaded", messages.OUTPUT_NOT_UPLOADED))
        elif known[kind, name] != sha256:
            errors.append(FieldError(f"#/artefacts/{at}/sha256", "other-bytes", messages.OTHER_BYTES))
    if len({(kind, name) for kind, name, _ in named}) != len(named):
        errors.append(FieldError("#/artefacts", "name-twice", messages.OUTPUT_ONCE))
    if errors:
        raise Unprocessable(messages.CANNOT_END, errors=errors)
