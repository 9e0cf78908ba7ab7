"""Which changes of a JSON schema break those who already speak it, the old message or the old reader."""

from collections.abc import Iterator
from operator import gt, lt
from typing import Any

JsonObject = dict[str, Any]
# A new schema must take what the stored one took: these may not become stricter.
UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
FIXED = ("type", "const", "pattern", "format", "additionalProperties")
ALTERNATIVES = ("anyOf", "oneOf", "allOf", "prefixItems")


def broken_promises(stored: JsonObject, new: JsonObject) -> list[str]:
    """What a change from the stored schema to the new one breaks, a sentence each; empty if nothing."""
    return list(Comparison(stored, new).compare(stored, new, "#"))


class Comparison:
    def __init__(self, stored: JsonObject, new: JsonObject) -> None:
        self.stored, self.new = stored, new
        self.seen: set[tuple[str, str]] = set()

    def compare(self, old: Any, new: Any, at: str) -> Iterator[str]:
        """Walk both schemas together; a pair of references is followed once."""
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield f"{at} changed"
            return
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and pair in self.seen:
            return
        self.seen.add(pair)
        old, new = followed(self.stored, old), followed(self.new, new)
        for rule in (self.properties, self.values, self.bounds, self.parts):
            yield from rule(old, new, at)

    def properties(self, old: JsonObject, new: JsonObject, at: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{at}/{name} was removed"
            else:
                yield from self.compare(before[name], after[name], f"{at}/{name}")
        for name in sorted({*new.get("required", ())} - {*old.get("required", ())}):
            yield f"{at}/{name} became required"
        for name in sorted({*old.get("required", ())} - {*new.get("required", ())}):
            yield f"{at}/{name} is no longer required, and older readers need it"

    def values(self, old: JsonObject, new: JsonObject, at: str) -> Iterator[str]:
        for keyword in FIXED:
            before, after = old.get(keyword), new.get(keyword)
            if before != after and not (isinstance(before, dict) and isinstance(after, dict)):
                yield f"{at}: {keyword} changed"
            elif isinstance(before, dict):
                yield from self.compare(before, after, f"{at}/*")
        gone = [value for value in old.get("enum", []) if value not in new.get("enum", [])]
        if gone or ("enum" in new and "enum" not in old):
            yield f"{at}: fewer values are allowed"

    def bounds(self, old: JsonObject, new: JsonObject, at: str) -> Iterator[str]:
        for keywords, stricter in ((UPPER, lt), (LOWER, gt)):
            for keyword in keywords:
                if keyword in new and (keyword not in old or stricter(new[keyword], old[keyword])):
                    yield f"{at}: {keyword} became stricter"

    def parts(self, old: JsonObject, new: JsonObject, at: str) -> Iterator[str]:
        if "items" in old or "items" in new:
            yield from self.compare(old.get("items"), new.get("items"), f"{at}/[]")
        for keyword in ALTERNATIVES:
            before, after = old.get(keyword, []), new.get(keyword, [])
            if len(before) != len(after):
                yield f"{at}: {keyword} changed"
            for one, other in zip(before, after, strict=False):
                yield from self.compare(one, other, at)


def followed(document: JsonObject, schema: JsonObject) -> JsonObject:
    """The schema that a local reference points at, with what stands beside the reference."""
    while (reference := schema.get("$ref")) is not None:
        target = document
        for step in str(reference).removeprefix("#/").split("/"):
            target = target[step]
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema
