"""The common language, written out under docs/: JSON schemas of all events, and an AsyncAPI document per service.

python -m deploy.contracts           write them; refuses to change an event under those who already speak it
python -m deploy.contracts --check   fail if they are not what the code says
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.compatibility import broken_promises
from shared.asyncapi import asyncapi_document
from shared.contracts import Envelope, Event
from shared.contracts.base import SCHEMA_ROOT, SOURCES
from shared.topology import LISTENERS

ROOT = Path(__file__).parents[1]
SCHEMAS = Path("docs/schemas/events")
ASYNCAPI = Path("docs/asyncapi")
PUBLIC_URL = "https://dure.example"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
JsonObject = dict[str, Any]


def event_schema(event: type[Event]) -> JsonObject:
    """The schema that the envelope's `dataschema` names: of the event's `data`."""
    return {"$schema": DIALECT, "$id": Envelope.schema_url(event.type)} | event.model_json_schema()


def envelope_schema() -> JsonObject:
    return {"$schema": DIALECT, "$id": f"{SCHEMA_ROOT}envelope.json"} | Envelope.model_json_schema()


def documents() -> Iterator[tuple[Path, JsonObject]]:
    """Every generated file, relative to the repository."""
    yield SCHEMAS / "envelope.json", envelope_schema()
    for name, event in sorted(Event.types.items()):
        yield SCHEMAS / f"{name}.json", event_schema(event)
    for service in SOURCES:
        yield ASYNCAPI / f"{service}.json", asyncapi_document(service, LISTENERS[service], PUBLIC_URL)


def refusals(root: Path) -> list[str]:
    """Changes of stored schemas that would break somebody: they need a new version of the event beside the old one."""
    current = {path: document for path, document in documents() if path.parent == SCHEMAS}
    found = []
    for file in sorted((root / SCHEMAS).glob("*.json")):
        new = current.get(SCHEMAS / file.name)
        stored = json.loads(file.read_text(encoding="utf-8"))
        broken = broken_promises(stored, new) if new else ["the event is gone"]
        found += [f"{file.stem}: {sentence}; leave it as it was and add a new version beside it" for sentence in broken]
    return found


def stale(root: Path) -> list[str]:
    """Files that are not what the code says."""
    wanted = {path: rendered(document) for path, document in documents()}
    there = {file.relative_to(root) for folder in (SCHEMAS, ASYNCAPI) for file in (root / folder).glob("*.json")}
    differing = {path for path, text in wanted.items() if path not in there or (root / path).read_text(encoding="utf-8") != text}
    return [f"{path} is out of date: run python -m deploy.contracts" for path in sorted(differing | (there - set(wanted)))]


def missing_examples(root: Path) -> list[str]:
    examples = SCHEMAS / "examples"
    return [
        f"{examples / name}.json is missing: an example by hand"
        for name in sorted(Event.types)
        if not (root / examples / f"{name}.json").is_file()
    ]


def rendered(document: JsonObject) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write(root: Path) -> None:
    for path, document in documents():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(rendered(document), encoding="utf-8")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.contracts", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if the files are not up to date")
    options = parser.parse_args(arguments)
    wrong = refusals(root) or missing_examples(root)
    if options.check:
        wrong += stale(root)
    elif not wrong:
        write(root)
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
