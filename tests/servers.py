"""What tests use of the machine that is not everywhere: real servers, and the right to mount."""

import os
import socket
import subprocess
import tempfile
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


def may_mount() -> bool:
    """Whether this user may mount a file system in memory: tried with one of a page."""
    with tempfile.TemporaryDirectory() as folder:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder]
        try:
            subprocess.run(mounting, check=True, capture_output=True)
            subprocess.run(["umount", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


def missing() -> set[str]:
    """Markers of what is not there."""
    away = {name for name, (url, port, _) in SERVERS.items() if not listening(url, port)}
    return away if may_mount() else away | {"mount"}


# Marker: what is missing, and how to get it.
LABELS = {name: label for name, (_, _, label) in SERVERS.items()} | {"mount": "the right to mount (run as root)"}
