"""Write `.env` for docker-compose.yml: random secrets, readable by its user alone. Standard library only.

    python3 deploy/compose/make_env.py                       .env beside docker-compose.yml; never over one that is there
    python3 deploy/compose/make_env.py --file F --set A=B    another file, other values

The names come from .env.example: what stands there without a value is a secret, and gets one.
"""

import argparse
import base64
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / ".env.example"
# 32 bytes in base64, as the services want them; every other secret is hexadecimal, so that it can stand in a URL.
KEYS = ("ANALYSIS_WRAPPING_KEY", "ANALYSIS_TOKEN_KEY", "RESULTS_SECRET_KEY")


def secret(name: str) -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode() if name in KEYS else secrets.token_hex(20)


def rendered(example: str, given: Mapping[str, str]) -> str:
    """The example with values; ValueError names a variable that it does not know."""
    lines, known = [], set[str]()
    for line in example.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            known.add(name)
            line = f"{name}={given[name] if name in given else value or secret(name)}"
        lines.append(line)
    if unknown := set(given) - known:
        raise ValueError(f".env.example knows no {', '.join(sorted(unknown))}")
    return "\n".join(lines) + "\n"


def write(path: Path, given: Mapping[str, str]) -> None:
    """FileExistsError if there is one: with other secrets, what is in the volumes could not be opened any more."""
    text = rendered(EXAMPLE.read_text(encoding="utf-8"), given)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--file", type=Path, default=ROOT / ".env")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    try:
        write(options.file, dict(pair.split("=", 1) for pair in options.set))
    except FileExistsError:
        print(f"{options.file} is there already and was left as it is.", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.file} is written. Keep a copy in a safe place: nothing opens the data without it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
