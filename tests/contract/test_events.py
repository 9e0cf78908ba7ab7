"""The common language is what is stored under docs/schemas: whoever speaks it today is understood tomorrow."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from deploy import contracts
from deploy.compatibility import broken_promises
from shared.contracts import Envelope, Event
from shared.contracts.base import SOURCES

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / contracts.SCHEMAS
TYPES = sorted(Event.types)
Schema = dict[str, Any]


def stored(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def example(name: str) -> Any:
    return stored(f"examples/{name}")


def validator(schema: Schema) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_every_event_has_an_example_and_every_example_an_event() -> None:
    assert sorted(file.stem for file in (SCHEMAS / "examples").glob("*.json")) == TYPES


@pytest.mark.parametrize("name", TYPES)
def test_the_example_fits_the_stored_schemas(name: str) -> None:
    body = example(name)
    assert list(validator(stored("envelope")).iter_errors(body)) == []
    assert list(validator(stored(name)).iter_errors(body["data"])) == []
    assert body["dataschema"] == stored(name)["$id"]


@pytest.mark.parametrize("name", TYPES)
def test_the_example_says_all_that_the_event_can_say(name: str) -> None:
    assert set(example(name)["data"]) == set(stored(name)["properties"])


@pytest.mark.parametrize("name", TYPES)
def test_the_example_can_be_read_and_written_without_loss(name: str) -> None:
    body = example(name)
    envelope = Envelope.parse(json.dumps(body).encode())
    event = envelope.event()
    assert event.type == envelope.type == name
    assert (envelope.source, envelope.subject) == (f"/{event.producer()}", event.subject)
    assert envelope.time.tzinfo is not None
    written = json.loads(envelope.model_dump_json(exclude_none=True))
    assert written.pop("time")[:19] == body.pop("time")[:19]
    assert written == body
    assert type(event).model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("name", TYPES)
def test_an_example_that_was_caused_has_the_derived_id(name: str) -> None:
    envelope = Envelope.model_validate(example(name))
    if envelope.causationid is None:
        assert envelope.id.version == 7
    else:
        assert envelope.id == uuid5(envelope.causationid, f"{envelope.type} {envelope.subject}")
        assert envelope.causationid in {UUID(example(other)["id"]) for other in TYPES}


@pytest.mark.parametrize("name", TYPES)
def test_events_are_frozen(name: str) -> None:
    event = Event.types[name].model_validate(example(name)["data"])
    field = next(iter(type(event).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(event, field, getattr(event, field))


@pytest.mark.parametrize("name", TYPES)
def test_fields_of_a_newer_producer_are_passed_over(name: str) -> None:
    body = example(name)
    body["data"]["added_later"] = body["addedlater"] = "x"
    assert Envelope.model_validate(body).event() == Envelope.model_validate(example(name)).event()


@pytest.mark.parametrize("name", TYPES)
def test_a_type_names_its_producer_a_fact_and_a_version(name: str) -> None:
    producer, fact, version = name.split(".")
    assert producer in SOURCES
    assert "-" in fact
    assert version.removeprefix("v").isdigit()
    assert Event.types[name].__doc__


def test_withdrawals_are_known_as_such() -> None:
    assert {name for name in TYPES if Event.types[name].withdrawal} == {
        name for name in TYPES if "-withdrawn." in name or "-revoked." in name
    }


def removed(schema: Schema) -> None:
    del schema["properties"]["reason"]


def no_longer_required(schema: Schema) -> None:
    schema["required"].remove("reason")


def newly_required(schema: Schema) -> None:
    schema["properties"]["note"] = {"type": "string"}
    schema["required"].append("note")


def other_type(schema: Schema) -> None:
    schema["properties"]["reason"]["type"] = "integer"


def made_nullable(schema: Schema) -> None:
    schema["properties"]["reason"] = {"anyOf": [schema["properties"]["reason"], {"type": "null"}]}


def shorter(schema: Schema) -> None:
    schema["properties"]["reason"]["maxLength"] = 10


def longer_at_least(schema: Schema) -> None:
    schema["properties"]["reason"]["minLength"] = 2


def other_pattern(schema: Schema) -> None:
    schema["properties"]["ministry"]["pattern"] = "^[0-9]+$"


def other_constant(schema: Schema) -> None:
    schema["properties"]["state"]["const"] = "gone"


def limited(schema: Schema) -> None:
    schema["properties"]["reason"]["enum"] = ["one", "two"]


def closed(schema: Schema) -> None:
    schema["additionalProperties"] = False


BREAKING = [
    removed,
    no_longer_required,
    newly_required,
    other_type,
    made_nullable,
    shorter,
    longer_at_least,
    other_pattern,
    other_constant,
    limited,
    closed,
]


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__)
def test_a_breaking_change_is_refused(change: Callable[[Schema], None]) -> None:
    before = stored("catalog.dataset-withdrawn.v1")
    after = copy.deepcopy(before)
    change(after)
    assert broken_promises(before, after)


def test_a_breaking_change_deep_within_is_refused() -> None:
    before = stored("analysis.run-finished.v1")
    for change in (
        lambda schema: schema["$defs"]["StoredObject"]["properties"].pop("size"),
        lambda schema: schema["$defs"]["OutputKind"]["enum"].remove("log"),
        lambda schema: schema["$defs"]["RequestBrief"]["properties"]["owners"]["items"].update(type="integer"),
        lambda schema: schema["properties"]["match_rates"]["additionalProperties"].update(type="string"),
        lambda schema: schema["$defs"]["Audience"]["properties"]["ministries"].update(maxItems=1),
        lambda schema: schema["properties"]["fence"].update(minimum=1),
    ):
        after = copy.deepcopy(before)
        change(after)
        assert len(broken_promises(before, after)) == 1


def test_additions_and_words_are_allowed() -> None:
    before = stored("catalog.dataset-withdrawn.v1")
    after = copy.deepcopy(before)
    after["properties"]["note"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    after["properties"]["reason"].update(description="Why.", maxLength=9000)
    after["description"] = "Other words."
    assert broken_promises(before, after) == []
    assert broken_promises(before, before) == []


def test_a_stored_schema_is_not_written_over_by_one_that_breaks_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    file = tmp_path / contracts.SCHEMAS / "results.result-recalled.v1.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    schema["properties"]["reason"]["type"] = "integer"
    file.write_text(json.dumps(schema), encoding="utf-8")

    assert contracts.main([], root=tmp_path) == 1

    assert "results.result-recalled.v1: #/reason: type changed" in capsys.readouterr().err
    assert json.loads(file.read_text(encoding="utf-8")) == schema


def test_an_event_does_not_disappear(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    file = tmp_path / contracts.SCHEMAS / "catalog.dataset-lost.v1.json"
    shutil.copy(tmp_path / contracts.SCHEMAS / "catalog.dataset-withdrawn.v1.json", file)
    assert [sentence.split(":")[0] for sentence in contracts.refusals(tmp_path)] == ["catalog.dataset-lost.v1"]


def test_a_missing_example_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / contracts.SCHEMAS / "examples" / f"{TYPES[0]}.json").unlink()
    assert [sentence.split(" ")[0] for sentence in contracts.missing_examples(tmp_path)] == [
        f"{contracts.SCHEMAS}/examples/{TYPES[0]}.json"
    ]
