"""The AsyncAPI documents: whole, in themselves consistent, and of exactly the events that a service sends and receives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shared.asyncapi import asyncapi_document
from shared.contracts import Event
from shared.contracts.base import SOURCES
from shared.topology import LISTENERS, Topology

ROOT = Path(__file__).parents[2]
REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string", "pattern": "^#/"}}}
NAMED = {"type": "object", "propertyNames": {"pattern": r"^[A-Za-z0-9._-]+$"}}
# The parts of the AsyncAPI 3.0.0 specification that these documents use.
ASYNCAPI = {
    "type": "object",
    "required": ["asyncapi", "info", "channels", "operations", "components"],
    "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "id": {"type": "string", "format": "uri", "pattern": "^urn:"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "version": {"type": "string"},
                "description": {"type": "string"},
                "license": {"type": "object", "required": ["name"]},
                "externalDocs": {"type": "object", "required": ["url"]},
            },
        },
        "defaultContentType": {"type": "string"},
        "servers": NAMED
        | {
            "additionalProperties": {
                "type": "object",
                "required": ["host", "protocol"],
                "additionalProperties": False,
                "properties": dict.fromkeys(
                    ["host", "protocol", "protocolVersion", "pathname", "description", "variables", "bindings"], {}
                ),
            }
        },
        "channels": NAMED
        | {
            "additionalProperties": {
                "type": "object",
                "required": ["address", "messages"],
                "additionalProperties": False,
                "properties": {
                    "address": {"type": "string"},
                    "title": {"type": "string"},
                    "description": {"type": "string"},
                    "messages": {"type": "object", "minProperties": 1, "additionalProperties": REFERENCE},
                    "bindings": {},
                },
            }
        },
        "operations": NAMED
        | {
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "additionalProperties": False,
                "properties": {
                    "action": {"enum": ["send", "receive"]},
                    "channel": REFERENCE,
                    "summary": {"type": "string"},
                    "messages": {"type": "array", "items": REFERENCE},
                    "bindings": {},
                },
            }
        },
        "components": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "schemas": NAMED | {"additionalProperties": {"$ref": "http://json-schema.org/draft-07/schema#"}},
                "messages": NAMED
                | {
                    "additionalProperties": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "title": {"type": "string"},
                            "summary": {"type": "string"},
                            "contentType": {"type": "string"},
                            "correlationId": {"type": "object", "required": ["location"]},
                            "payload": {"$ref": "http://json-schema.org/draft-07/schema#"},
                            "examples": {"type": "array", "items": {"type": "object", "required": ["payload"]}},
                        },
                    }
                },
            },
        },
    },
}


@pytest.fixture(params=SOURCES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(service: str) -> dict[str, Any]:
    return asyncapi_document(service, LISTENERS[service], "https://dure.example")


def references(part: Any, *, in_example: bool = False) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            elif key != "examples":
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def pointed_at(document: dict[str, Any], reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def test_it_has_the_form_that_asyncapi_asks_for(document: dict[str, Any]) -> None:
    assert [error.message for error in Draft7Validator(ASYNCAPI).iter_errors(document)] == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        assert pointed_at(document, reference), reference


def test_it_sends_what_the_service_says_and_receives_what_it_hears(service: str, document: dict[str, Any]) -> None:
    operations = document["operations"]
    sent = {name.removeprefix("send.") for name, one in operations.items() if one["action"] == "send"}
    received = {name.removeprefix("receive.") for name, one in operations.items() if one["action"] == "receive"}
    assert sent == {name for name, event in Event.types.items() if event.producer() == service}
    assert received == LISTENERS[service]
    assert set(document["channels"]) == set(document["components"]["messages"]) == sent | received


def test_an_operation_s_message_is_one_of_its_channel(document: dict[str, Any]) -> None:
    for operation in document["operations"].values():
        channel = pointed_at(document, operation["channel"]["$ref"])
        messages = [pointed_at(document, message["$ref"]) for message in operation["messages"]]
        assert messages == list(channel["messages"].values())


def test_a_channel_is_a_routing_key_on_its_producer_s_exchange(document: dict[str, Any]) -> None:
    for name, channel in document["channels"].items():
        assert channel["address"] == name
        assert channel["bindings"]["amqp"]["is"] == "routingKey"
        assert channel["bindings"]["amqp"]["exchange"]["name"] == Topology().exchange(Event.types[name].producer())


def test_every_message_has_an_example_that_fits_its_payload(document: dict[str, Any]) -> None:
    for name, message in document["components"]["messages"].items():
        schema = message["payload"] | {"components": document["components"]}
        (example,) = message["examples"]
        assert [error.message for error in Draft7Validator(schema).iter_errors(example["payload"])] == [], name
        wrong = example["payload"] | {"source": "/somebody-else"}
        assert not Draft7Validator(schema).is_valid(wrong), "the source is fixed"
        assert not Draft7Validator(schema).is_valid(example["payload"] | {"data": {}}), "the data is checked"
