"""What a service says and hears over the bus, as an AsyncAPI 3.0 document made from the event classes."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts import Envelope, Event
from shared.topology import VHOST, Topology

EXAMPLES = Path(__file__).parents[1] / "docs" / "schemas" / "events" / "examples"
MEDIA_TYPE = "application/cloudevents+json"
AMQP_BINDING = "0.3.0"
JsonObject = dict[str, Any]


def asyncapi_document(service: str, consumed: frozenset[str], public_url: str) -> JsonObject:
    """The document of one service: it sends the events it produces, and receives those it consumes."""
    produced = {name for name, event in Event.types.items() if event.producer() == service}
    events = {name: Event.types[name] for name in sorted(produced | consumed)}
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:dure:{service}",
        "info": {
            "title": f"Dure {service}: events",
            "version": "1.0.0",
            "description": description(service),
            "license": {"name": "Apache-2.0"},
            "externalDocs": {"description": "The HTTP interface of the same service", "url": f"{public_url}/{service}/docs"},
        },
        "defaultContentType": MEDIA_TYPE,
        "servers": {"broker": broker()},
        "channels": {name: channel(event) for name, event in events.items()},
        "operations": {
            **{f"send.{name}": operation("send", name, events[name]) for name in sorted(produced)},
            **{f"receive.{name}": operation("receive", name, events[name], service) for name in sorted(consumed)},
        },
        "components": {
            "messages": {name: message(event) for name, event in events.items()},
            "schemas": schemas(list(events.values())),
        },
    }


def description(service: str) -> str:
    return (
        f"Every message is a CloudEvents 1.0 envelope in structured JSON. Events of one subject are numbered by `sequence`. They "
        f"arrive at least once and in any order: know them again by `id`. `/{service}/ops` shows what waits; an embedded "
        "installation carries the same messages within one process, without a broker."
    )


def broker() -> JsonObject:
    return {
        "host": "{host}",
        "pathname": f"/{VHOST}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ. A user per service, who may write to the exchange of that service only.",
        "variables": {"host": {"default": "rabbitmq:5672", "description": "Host and port of the broker."}},
    }


def channel(event: type[Event]) -> JsonObject:
    """An event type is a routing key on the exchange of its producer."""
    exchange = {"name": Topology().exchange(event.producer()), "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": event.type,
        "title": event.__name__,
        "description": summary(event),
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.type}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange | {"vhost": VHOST}, "bindingVersion": AMQP_BINDING}},
    }


def operation(action: str, name: str, event: type[Event], receiver: str | None = None) -> JsonObject:
    """Channels are named by the type; in a JSON pointer a type needs no escaping."""
    sent = {"deliveryMode": 2, "mandatory": name in Topology().heard, "bindingVersion": AMQP_BINDING}
    received = {"ack": True, "bindingVersion": AMQP_BINDING}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": summary(event) if receiver is None else f"Stored in the inbox of {receiver}, then handled: {summary(event)}",
        "messages": [{"$ref": f"#/channels/{name}/messages/{event.__name__}"}],
        "bindings": {"amqp": sent if receiver is None else received},
    }


def message(event: type[Event]) -> JsonObject:
    fixed = {"type": {"const": event.type}, "source": {"const": f"/{event.producer()}"}}
    data = {"data": {"$ref": f"#/components/schemas/{event.__name__}"}}
    document: JsonObject = {
        "name": event.type,
        "title": event.__name__,
        "summary": summary(event),
        "contentType": MEDIA_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid", "description": "Id of the HTTP request that began it."},
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"type": "object", "properties": fixed | data}]},
    }
    example = EXAMPLES / f"{event.type}.json"
    if example.is_file():
        document["examples"] = [{"name": event.__name__, "payload": json.loads(example.read_text(encoding="utf-8"))}]
    return document


def schemas(events: list[type[Event]]) -> JsonObject:
    """JSON schemas of the envelope, of each event's data, and of every value object in them, side by side."""
    models: list[type[Envelope] | type[Event]] = [Envelope, *events]
    _, document = models_json_schema([(model, "validation") for model in models], ref_template="#/components/schemas/{model}")
    definitions: JsonObject = document["$defs"]
    return definitions


def summary(event: type[Event]) -> str:
    return (event.__doc__ or event.__name__).strip().split("\n")[0]
