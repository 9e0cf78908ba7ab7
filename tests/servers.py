"""The real servers that tests use: where they are, and whether they listen."""

import os
import socket
from urllib.parse import urlsplit

POSTGRES = os.environ.get("DURE_TEST_POSTGRES", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
RABBITMQ = os.environ.get("DURE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
# Marker: address, usual port, what to say where it is missing.
SERVERS = {
    "postgres": (
        POSTGRES,
        5432,
        "PostgreSQL (set DURE_TEST_POSTGRES, or install it: apt-get install postgresql)",
    ),
    "rabbitmq": (
        RABBITMQ,
        5672,
        "RabbitMQ (set DURE_TEST_RABBITMQ, or install it: apt-get install rabbitmq-server)",
    ),
}


def listening(url: str, port: int) -> bool:
    """Whether somebody accepts connections at the address; `port` where it names none."""
    parts = urlsplit(url)
    try:
        address = (parts.hostname or "127.0.0.1", parts.port or port)
        with socket.create_connection(address, timeout=5):
            return True
    except OSError:
        return False


def missing() -> set[str]:
    """Markers of the servers that are not there."""
    return {name for name, (url, port, _) in SERVERS.items() if not listening(url, port)}
