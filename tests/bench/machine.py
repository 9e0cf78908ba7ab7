"""Where it was measured: cores, memory and versions, and which servers are there; nothing that names the machine."""

import importlib.metadata
import os
import platform
import socket
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import psutil

MOST_MB = 1100
PACKAGES = ("sqlalchemy", "aiosqlite", "asyncpg", "aio-pika", "fastapi", "duckdb", "uvloop")


def listening(url: str, port: int) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), timeout=1):
            return True
    except OSError:
        return False


def plain(url: str) -> str:
    """The URL as the driver alone takes it."""
    return url.replace("+asyncpg", "")


async def postgres_version(url: str) -> str:
    connection = await asyncpg.connect(plain(url))
    try:
        return str(await connection.fetchval("SHOW server_version")).split(" ")[0]
    finally:
        await connection.close()


async def rabbitmq_version(url: str) -> str:
    connection = await aio_pika.connect(url)
    try:
        transport = connection.transport
        return str(transport.connection.server_properties["version"]) if transport else "unknown"
    finally:
        await connection.close()


async def described(postgres: str | None, rabbitmq: str | None) -> list[str]:
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / 2**30
    python = f"{platform.python_implementation()} {platform.python_version()}"
    servers = [f"SQLite {sqlite3.sqlite_version}"]
    servers.append(f"PostgreSQL {await postgres_version(postgres)}" if postgres else "no PostgreSQL")
    servers.append(f"RabbitMQ {await rabbitmq_version(rabbitmq)}" if rabbitmq else "no RabbitMQ")
    return [
        f"Machine: {cores} cores, {memory:.0f} GiB, {platform.system()} on {platform.machine()}, {python}; clients, servers and "
        "disk share it",
        f"Servers: {', '.join(servers)}",
        f"Libraries: {', '.join(f'{name} {importlib.metadata.version(name)}' for name in PACKAGES)}",
    ]


def peak_mb() -> float:
    """The most memory that this process ever held, MB; of this program alone, unlike `ru_maxrss`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("this system does not tell")
