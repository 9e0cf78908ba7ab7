"""The first job of an installation: keys for each service's audit, and the broker's definitions with its users' passwords."""

import os
from pathlib import Path

from deploy.topology import definitions, passwords, rendered
from shared.keys import MacKey, SigningKey, create_once
from shared.topology import LISTENERS, Topology

KEYS = Path("/keys")
# The door for scores writes rows of the analysis service's audit: it has the key of their MACs, and none that signs.
SCORING, ANALYSIS = "scoring", "analysis"
DEFINITIONS = Path("/definitions/definitions.json")


def make_audit_key(folder: Path) -> str:
    """Made once and never again, as the key of the MACs; beside it the public half, for auditors. Gives the key's name."""
    key = SigningKey.ensure(folder / "audit.pem").verify_key
    (folder / "audit.pub.pem").write_bytes(key.pem())
    MacKey.ensure(folder / "audit.mac")
    return key.key_id


def main() -> None:
    topology = Topology(listeners=LISTENERS)
    for service in topology.services:
        print(f"{service}: audit key {make_audit_key(KEYS / service)}")
    create_once(KEYS / SCORING / "audit.mac", (KEYS / ANALYSIS / "audit.mac").read_bytes())
    hashes = passwords(topology.services, os.environ)
    # Salted hashes: the broker runs under a user of its own and has to read them.
    DEFINITIONS.write_text(rendered(definitions(topology, hashes)), encoding="utf-8")
    DEFINITIONS.chmod(0o644)
    print(f"broker: users {', '.join(topology.services)}")


if __name__ == "__main__":
    main()
