"""What the broker holds, written out: `deploy/rabbitmq/definitions.json`, for the broker to load when it starts.

    python -m deploy.topology                   write it from shared/topology.py
    python -m deploy.topology --check           fail if it, or shared/topology.py, is not what the services' consumers say
    python -m deploy.topology --with-passwords  print it with the users' passwords (BROKER_PASSWORD_CATALOG and so on, a secret)

In the committed file the users have no password, which means that nobody can log in as them.
"""

import argparse
import base64
import hashlib
import importlib
import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.topology import LISTENERS, VHOST, Topology

FILE = Path(__file__).parent / "rabbitmq" / "definitions.json"
SHORTEST = 16


def definitions(topology: Topology, hashes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """RabbitMQ's definitions: the virtual host, a user per service with rights on its own names only, and the topology."""
    at = {"vhost": VHOST}
    return {
        "vhosts": [{"name": VHOST}],
        "users": [user(service, (hashes or {}).get(service, "")) for service in topology.services],
        "permissions": [
            {"user": rights.service, **at, "configure": rights.configure, "write": rights.write, "read": rights.read}
            for rights in topology.rights()
        ],
        "topic_permissions": [
            {"user": service, **at, "exchange": topology.exchange(service), "write": rf"^{service}\.", "read": ".*"}
            for service in topology.services
        ],
        "parameters": [],
        "policies": [],
        "exchanges": [
            {
                "name": exchange.name,
                **at,
                "type": exchange.kind,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for exchange in topology.exchanges()
        ],
        "queues": [
            {"name": queue.name, **at, "durable": True, "auto_delete": False, "arguments": queue.arguments}
            for queue in topology.queues()
        ],
        "bindings": [
            {
                "source": binding.exchange,
                **at,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            }
            for binding in topology.bindings()
        ],
    }


def user(name: str, password_hash: str) -> dict[str, Any]:
    return {"name": name, "password_hash": password_hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}


def password_hash(password: str) -> str:
    """RabbitMQ's own salted SHA-256."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def passwords(services: list[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The hash of each service's password, taken from BROKER_PASSWORD_<SERVICE>."""
    variables = {service: f"BROKER_PASSWORD_{service.upper()}" for service in services}
    short = [variable for variable in variables.values() if len(environment.get(variable, "")) < SHORTEST]
    if short:
        raise SystemExit(f"Set {', '.join(short)}: at least {SHORTEST} characters each.")
    return {service: password_hash(environment[variable]) for service, variable in variables.items()}


def consumed(service: str) -> frozenset[str] | None:
    """The event types that the service's consumers handle; None while it has no consumers."""
    name = f"services.{service}.consumers"
    if importlib.util.find_spec(name) is None:
        return None
    return frozenset(importlib.import_module(name).consumers)


def differences(topology: Topology) -> list[str]:
    """What the topology says otherwise than the services' consumers, a sentence each."""
    found = []
    for service in topology.services:
        said, handled = topology.listeners.get(service, frozenset()), consumed(service)
        if handled is None:
            continue
        found += [f"{service} handles {type}, but shared/topology.py does not bind it" for type in sorted(handled - said)]
        found += [f"shared/topology.py binds {type} for {service}, which does not handle it" for type in sorted(said - handled)]
    return found


def rendered(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.topology", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if the file is not up to date")
    parser.add_argument("--with-passwords", action="store_true", help="print it with password hashes from the environment")
    options = parser.parse_args(arguments)
    topology = Topology(listeners=LISTENERS)
    if options.with_passwords:
        sys.stdout.write(rendered(definitions(topology, passwords(topology.services, os.environ))))
        return 0
    wrong = differences(topology)
    text = rendered(definitions(topology))
    if options.check and (not FILE.exists() or FILE.read_text(encoding="utf-8") != text):
        wrong.append("deploy/rabbitmq/definitions.json is out of date: run python -m deploy.topology")
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    if not options.check:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text, encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
