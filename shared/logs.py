"""JSON logs: one line a record, with the service, request and trace it belongs to, and never a cell of anybody's data."""

import json
import logging
import math
import sys
import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, TextIO

from shared.errors import Problem
from shared.trace import current_request_id, current_service, current_trace_id

MESSAGE_LIMIT: Final = 4096
FIELD_LIMIT: Final = 1024
STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
# Their messages name code, not data. Any other exception may quote a cell, so only its type and place are logged.
SPEAKING: Final = (NameError, AttributeError, ImportError, TypeError)


def bounded(value: Any) -> Any:
    """A value as it may stand in a log line."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)[:FIELD_LIMIT]


def describe(error: BaseException, depth: int = 3) -> dict[str, Any]:
    """An exception without its words, unless they are ours or the interpreter's about code."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "at": [f"{'/'.join(PurePath(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, (Problem, *SPEAKING)):
        described["detail"] = str(error)[:FIELD_LIMIT]
    elif isinstance(error, OSError) and error.strerror:
        described["detail"] = error.strerror[:FIELD_LIMIT]
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if origin is not None and depth > 1:
        described["because"] = describe(origin, depth - 1)
    return described


class JsonFormatter(logging.Formatter):
    """One JSON object a line; a record that cannot be formatted becomes a line that says so."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        try:
            return json.dumps(self.fields(record), ensure_ascii=False)
        except Exception as error:
            message = f"unloggable: {type(error).__name__}"
            return json.dumps({"level": record.levelname, "logger": record.name, "message": message})

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": shortened(record.getMessage()),
            "service": current_service() or self.service,
            "request_id": current_request_id(),
            "trace_id": current_trace_id(),
        }
        for name, value in vars(record).items():
            if name not in STANDARD_FIELDS and name not in fields:
                fields[name] = bounded(value)
        if record.exc_info and record.exc_info[1]:
            fields["exception"] = describe(record.exc_info[1])
        return fields


def shortened(message: str) -> str:
    """A long message is cut in its middle: a traceback says what went wrong at its end."""
    if len(message) <= MESSAGE_LIMIT:
        return message
    return f"{message[: MESSAGE_LIMIT // 4]} ... {message[-(MESSAGE_LIMIT - MESSAGE_LIMIT // 4 - 5) :]}"


class JsonHandler(logging.StreamHandler[TextIO]):
    """Our handler, known by its type so that setting up twice does not write twice."""


def setup_logging(service: str, level: str = "INFO") -> None:
    """Log JSON to stderr. `service` is the name where none is bound, as at start."""
    handler = JsonHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept, JsonHandler)] + [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        server = logging.getLogger(name)
        server.handlers, server.propagate = [], True
    # Our own access line has no query string. These libraries log statements with parameters, bodies or whole URLs.
    for name in ("uvicorn.access", "sqlalchemy", "aio_pika", "aiormq", "aiosqlite", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
