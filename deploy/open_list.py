"""Open a sealed list, offline: whose private key it is sealed to gets the entities' own keys back.

python -m deploy.open_list --make-key private.jwk                        make a key; the public half is printed, to be registered
python -m deploy.open_list --key private.jwk --list list.ndjson > opened.csv

After a rotation give every key (--key old.jwk --key new.jwk). With --request the list must be that request's; without it, all
lines must be of one request, which is named on standard error. A line that does not open is left out and named there, and
the exit status is 1.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.contracts import PublicKey
from shared.sealing import Keyring, Unopened
from shared.sheets import csv_line

HEADER = ("key", "key_domain", "score", "codes", "reasons_ko", "reasons_en", "pseudonym")


@dataclass(frozen=True)
class Entry:
    """One line of a list. A fault, or a key, or neither: then nothing was sealed in it."""

    number: int
    line: dict[str, Any]
    key: str | None = None
    key_domain: str | None = None
    request: str | None = None
    fault: str | None = None


def make_key() -> tuple[OKPKey, dict[str, str]]:
    """A private key, and its public half as it is registered."""
    private = OKPKey.generate_key("X25519")
    return private, public_half(private)


def public_half(private: OKPKey) -> dict[str, str]:
    public = PublicKey(x=str(private.as_dict(private=False)["x"]))
    return {**public.model_dump(), "kid": public.kid}


def read_keys(paths: Iterable[Path]) -> Keyring:
    """Files with a private JWK each."""
    found = {}
    for path in paths:
        private = OKPKey.import_key(json.loads(path.read_text(encoding="utf-8")))
        if not private.is_private:
            raise ValueError(f"{path} holds no private key")
        found[public_half(private)["kid"]] = private
    return Keyring(found)


def entries(lines: Iterable[str], keyring: Keyring, *, request: str | None = None) -> Iterator[Entry]:
    """Each line, opened. Whoever does not say which request it is takes that of the first line that opens."""
    for number, text in enumerate(lines, start=1):
        entry = open_line(number, text, keyring, request)
        request = request or entry.request
        yield entry


def open_line(number: int, text: str, keyring: Keyring, request: str | None) -> Entry:
    try:
        line = json.loads(text)
        pseudonym, sealed = line["pseudonym"], line["sealed"]
        line["score"], line["reasons"]
    except (ValueError, TypeError, KeyError):
        return Entry(number, {}, fault="unreadable")
    if sealed is None:
        return Entry(number, line)
    try:
        opened = keyring.open(str(sealed))
    except Unopened as error:
        return Entry(number, line, fault=error.code)
    if opened.pseudonym != pseudonym:
        return Entry(number, line, fault="sealed-for-another-line")
    if request is not None and opened.request != request:
        return Entry(number, line, fault="sealed-for-another-request")
    return Entry(number, line, opened.key, opened.key_domain, opened.request)


def as_csv(entry: Entry) -> str:
    """No text in it can act as a formula."""
    reasons = ["; ".join(str(reason[part]) for reason in entry.line["reasons"]) for part in ("code", "ko", "en")]
    return csv_line([entry.key, entry.key_domain, entry.line["score"], *reasons, entry.line["pseudonym"]])


def write_key(path: Path) -> None:
    """A new file that only its owner may read; one that is there stays as it is."""
    private, public = make_key()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({**public, **private.as_dict(private=True)}, file)
    print(json.dumps(public))


def open_file(path: Path, keyring: Keyring, request: str | None) -> int:
    counts = {"opened": 0, "not sealed": 0, "refused": 0}
    sys.stdout.write(csv_line(HEADER))
    with path.open(encoding="utf-8") as lines:
        for entry in entries(lines, keyring, request=request):
            if entry.fault:
                sys.stderr.write(f"line {entry.number}: {entry.fault}\n")
                counts["refused"] += 1
                continue
            counts["opened" if entry.key is not None else "not sealed"] += 1
            request = request or entry.request
            sys.stdout.write(as_csv(entry))
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    sys.stderr.write(f"request {request or 'unknown'}: {told}\n")
    return 1 if counts["refused"] else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.open_list", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--make-key", type=Path, metavar="FILE", help="make a private key in a new file, print the public half")
    parser.add_argument("--key", type=Path, action="append", default=[], help="file with a private JWK; may be given again")
    parser.add_argument("--list", type=Path, help="the restricted list, as NDJSON")
    parser.add_argument("--request", help="id of the request that the list must belong to")
    options = parser.parse_args(arguments)
    try:
        if options.make_key:
            write_key(options.make_key)
            return 0
        if not options.key or not options.list:
            parser.error("name --key and --list, or --make-key")
        return open_file(options.list, read_keys(options.key), options.request)
    except (OSError, ValueError, JoseError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
