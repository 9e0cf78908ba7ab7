"""The OpenAPI document of each service, kept under docs/openapi/: whoever changes an interface sees it in the change.

python -m deploy.openapi           write them
python -m deploy.openapi --check   fail if they are not what the code says, or if something in them is not explained
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.embedded import build

ROOT = Path(__file__).parents[1]
FOLDER = Path("docs/openapi")
PUBLIC_URL = "https://dure.example"
PROBLEM = "application/problem+json"
BINARY = ("image/png",)
JsonObject = dict[str, Any]


def documents() -> dict[str, JsonObject]:
    """The document of each service, by its name."""
    with TemporaryDirectory(prefix="dure-openapi-") as folder:
        apps = build(Path(folder), PUBLIC_URL)
        return {name: app.openapi() for name, app in apps.items()}


def operations(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Every operation with how it is called."""
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield f"{verb.upper()} {path}", operation


def resolved(document: JsonObject, schema: JsonObject) -> JsonObject:
    while "$ref" in schema:
        found: JsonObject = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def has_example(document: JsonObject, content: JsonObject) -> bool:
    """An example of its own, of its schema, or of what its schema lists."""
    if "example" in content or content.get("examples"):
        return True
    schema = resolved(document, content.get("schema", {}))
    return bool(schema.get("examples") or resolved(document, schema.get("items", {})).get("examples"))


def faults(document: JsonObject) -> list[str]:
    """What a reader of the document would miss, a sentence each."""
    found = []
    names: set[str] = set()
    for name, operation in operations(document):
        said = {"summary": operation.get("summary"), "description": operation.get("description"), "tag": operation.get("tags")}
        found += [f"{name} has no {what}" for what, there in said.items() if not there]
        if (identifier := operation.get("operationId")) in names or not identifier:
            found.append(f"{name} has no operationId of its own")
        names.add(str(identifier))
        found += without_example(document, name, operation)
        found += silent_refusals(name, operation)
    return found


def without_example(document: JsonObject, name: str, operation: JsonObject) -> list[str]:
    bodies = operation.get("requestBody", {}).get("content", {})
    answers = {code: answer.get("content", {}) for code, answer in operation["responses"].items() if code.startswith("2")}
    found = [f"{name}: {kind} is taken without an example" for kind, body in bodies.items() if not has_example(document, body)]
    for code, contents in answers.items():
        silent = [kind for kind, content in contents.items() if kind not in BINARY and not has_example(document, content)]
        found += [f"{name}: {code} {kind} is given without an example" for kind in silent]
        if code != "204" and not contents:
            found.append(f"{name}: {code} says nothing of what is given")
    return found


def silent_refusals(name: str, operation: JsonObject) -> list[str]:
    """An operation that needs a token, or takes anything, says how it refuses."""
    if not (operation.get("security") or operation.get("parameters") or operation.get("requestBody")):
        return []
    refusal = operation["responses"].get("4XX", {}).get("content", {})
    return [] if PROBLEM in refusal else [f"{name} does not say that it answers with problems"]


def rendered(document: JsonObject) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def stale(root: Path, current: dict[str, JsonObject]) -> list[str]:
    """Files that are not what the code says."""
    wanted = {FOLDER / f"{name}.json": rendered(document) for name, document in current.items()}
    there = {file.relative_to(root) for file in (root / FOLDER).glob("*.json")}
    differing = {path for path, text in wanted.items() if path not in there or (root / path).read_text(encoding="utf-8") != text}
    return [f"{path} is out of date: run python -m deploy.openapi" for path in sorted(differing | (there - set(wanted)))]


def write(root: Path, current: dict[str, JsonObject]) -> None:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, document in current.items():
        (root / FOLDER / f"{name}.json").write_text(rendered(document), encoding="utf-8")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.openapi", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if the files are not up to date")
    options = parser.parse_args(arguments)
    current = documents()
    wrong = [f"{service}: {fault}" for service, document in current.items() for fault in faults(document)]
    if options.check:
        wrong += stale(root, current)
    else:
        write(root, current)
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
