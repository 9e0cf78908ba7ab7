"""The OpenAPI documents: valid, with examples that fit, and their check finds what is left out.

That every operation is explained and the stored files are these, `make static` says.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from deploy import openapi
from deploy.embedded import build
from deploy.installation import SERVICES

ROOT = Path(__file__).parents[2]
JsonObject = dict[str, Any]
# What anybody may ask, and what a worker asks with the token of its run.
OPEN = {"healthz", "readyz", "metrics", "asyncapi", "scoring_metrics", "show_server", "server_live", "server_ready"}
ALSO_WITHOUT = {
    "list_results", "show_result", "read_table", "read_metrics", "read_figure_svg", "read_figure_png", "read_figure_spec",
    "read_report",
}  # fmt: skip
RUN_TOKEN = {"show_bundle", "get_bundle_file", "beat", "wait_for_signal", "put_artefact", "finish_run"}


@pytest.fixture(scope="module")
def documents() -> dict[str, JsonObject]:
    return openapi.documents()


@pytest.fixture(params=[*SERVICES, "scoring"])
def document(request: pytest.FixtureRequest, documents: dict[str, JsonObject]) -> JsonObject:
    found: JsonObject = documents[request.param]
    return found


def examples(document: JsonObject) -> Iterator[tuple[str, JsonObject, Any]]:
    """Every example with where it stands and the schema it belongs to."""
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            yield f"schema {name}", schema, example
    for name, operation in openapi.operations(document):
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, content in [one for each in contents for one in each.get("content", {}).items()]:
            if "example" in content:
                yield f"{name} {kind}", content.get("schema", {}), content["example"]
        for parameter in operation.get("parameters", []):
            for example in [*parameter.get("schema", {}).get("examples", []), *parameter.get("examples", {}).values()]:
                shown = example.get("value") if isinstance(example, dict) and "value" in example else example
                yield f"{name} parameter {parameter['name']}", parameter["schema"], shown


def forgiving(document: JsonObject) -> JsonObject:
    """The document's schemas; what may be null need not be there, as FastAPI leaves nulls out of examples."""
    components: JsonObject = deepcopy(document["components"])
    for schema in components["schemas"].values():
        nullable = {name for name, one in schema.get("properties", {}).items() if {"type": "null"} in one.get("anyOf", [])}
        schema["required"] = [name for name in schema.get("required", []) if name not in nullable]
    return components


def test_it_is_a_valid_openapi_document(document: JsonObject) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["description"]


def test_every_example_fits_its_schema(document: JsonObject) -> None:
    wrong, components = [], forgiving(document)
    for where, schema, example in examples(document | {"components": components}):
        whole = {"components": components, **schema}
        wrong += [
            f"{where}: {error.json_path} {error.message[:200]}" for error in Draft202012Validator(whole).iter_errors(example)
        ]
    assert wrong == []


def test_every_operation_says_whose_token_it_needs(document: JsonObject) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["bearer"]["bearerFormat"] == "JWT"
    for name, operation in openapi.operations(document):
        wanted = "run-token" if operation["operationId"] in RUN_TOKEN else "bearer"
        expected: list[JsonObject] | None = None if operation["operationId"] in OPEN else [{wanted: []}]
        if expected and operation["operationId"] in ALSO_WITHOUT:
            expected.append({})
        assert operation.get("security") == expected, name


@pytest.mark.parametrize("service", SERVICES)
async def test_a_token_is_asked_for_where_the_document_says_so(service: str, serve: Any) -> None:
    client = await serve(service)
    for name, operation in openapi.operations(client.app.openapi()):
        verb, path = re.sub(r"{[^}]+}", str(uuid4()), name).split(" ")
        needed = {} not in operation.get("security", [{}])
        assert ((await client.request(verb, path)).status_code == 401) == needed, name


async def test_no_operation_passes_over_a_parameter(tmp_path: Path) -> None:
    """Named, and without a token, before anything else is looked at; and so where a known one has a slip of the pen."""
    for service, app in build(tmp_path, openapi.PUBLIC_URL).items():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for name, operation in openapi.operations(app.openapi()):
                verb, path = re.sub(r"{[^}]+}", str(uuid4()), name).split(" ")
                known = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
                for wrong, nearest in [("dry_run", None), *((f"{each}s", each) for each in known if f"{each}s" not in known)]:
                    answer = await client.request(verb, path, params={wrong: "1"}, headers={"Accept-Language": "en"})
                    assert answer.status_code == 422, (service, name, answer.text)
                    assert answer.headers["content-type"] == "application/problem+json"
                    (error,) = answer.json()["errors"]
                    assert (error["pointer"], error["code"]) == (f"query/{wrong}", "unknown-parameter"), name
                    assert nearest is None or f"`{nearest}`" in error["detail"], name


def test_every_address_is_under_the_prefix_of_its_service(documents: dict[str, JsonObject]) -> None:
    assert all(path.startswith("/analysis/scoring/") for path in documents["scoring"]["paths"])
    for service, document in [(service, documents[service]) for service in SERVICES]:
        assert all(path == f"/{service}" or path.startswith(f"/{service}/") for path in document["paths"])
        assert {f"/{service}/{name}" for name in ("healthz", "readyz", "metrics", "asyncapi.json")} <= set(document["paths"])


def test_every_write_takes_an_idempotency_key_and_every_list_a_cursor(document: JsonObject) -> None:
    # Claims, beats and finishes are made repeatable by their fence, uploads by their digest; a score changes nothing.
    by_themselves = RUN_TOKEN | {"claim_run", "attach_file", "infer_model", "infer_model_version"}
    for name, operation in openapi.operations(document):
        taken = {parameter["name"] for parameter in operation.get("parameters", [])}
        if not name.startswith("GET") and operation["operationId"] not in by_themselves:
            assert "Idempotency-Key" in taken, name
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if "next" in openapi.resolved(document, answer.get("schema", {})).get("properties", {}):
            assert {"limit", "cursor"} <= taken, name


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        (("description",), "GET /catalog/datasets has no description"),
        (("tags",), "GET /catalog/datasets has no tag"),
        (("operationId",), "GET /catalog/datasets has no operationId of its own"),
        (("responses", "4XX"), "GET /catalog/datasets does not say that it answers with problems"),
        (("responses", "200", "content"), "GET /catalog/datasets: 200 says nothing of what is given"),
        (
            ("responses", "200", "content", "application/json", "schema"),
            "GET /catalog/datasets: 200 application/json is given without an example",
        ),
    ],
)
def test_what_is_left_out_is_named(documents: dict[str, JsonObject], at: tuple[str, ...], sentence: str) -> None:
    document = deepcopy(documents["catalog"])
    *way, last = at
    place = document["paths"]["/catalog/datasets"]["get"]
    for step in way:
        place = place[step]
    del place[last]
    assert openapi.faults(document) == [sentence]


def test_a_body_without_an_example_is_named(documents: dict[str, JsonObject]) -> None:
    document = deepcopy(documents["catalog"])
    del document["components"]["schemas"]["DatasetIn"]["examples"]
    assert openapi.faults(document) == ["POST /catalog/datasets: application/json is taken without an example"]


def test_a_changed_interface_is_found(documents: dict[str, JsonObject], tmp_path: Path) -> None:
    openapi.write(tmp_path, documents)
    assert openapi.stale(tmp_path, documents) == []
    stored = tmp_path / openapi.FOLDER / "requests.json"
    stored.write_text(stored.read_text().replace('"votes"', '"ballots"'))
    (tmp_path / openapi.FOLDER / "budget.json").write_text("{}")
    assert openapi.stale(tmp_path, documents) == [
        f"{openapi.FOLDER / name} is out of date: run python -m deploy.openapi" for name in ("budget.json", "requests.json")
    ]


@pytest.mark.heavy
def test_the_command_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert openapi.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err.count("is out of date") == len(SERVICES) + 1
    assert openapi.main([], tmp_path) == 0
    assert json.loads((tmp_path / openapi.FOLDER / "results.json").read_text())["info"]["title"] == "Dure results"
    assert openapi.main(["--check"], tmp_path) == 0


def headers(document: JsonObject, name: str, status: str) -> set[str]:
    """The headers that the operation documents with this status, each of which the components explain."""
    found = dict(openapi.operations(document))[name]["responses"][status].get("headers", {})
    assert all(openapi.resolved(document, header)["schema"] for header in found.values())
    return set(found)


def test_headers_that_answers_carry_are_documented(documents: dict[str, JsonObject]) -> None:
    assert headers(documents["catalog"], "POST /catalog/datasets", "201") == {"ETag", "Location"}
    assert headers(documents["catalog"], "PUT /catalog/datasets/{dataset_id}/file", "202") == {"ETag", "Location"}
    assert headers(documents["analysis"], "POST /analysis/methods", "200") == {"ETag", "Location"}
    assert headers(documents["requests"], "GET /requests", "200") == {"Link"}
    assert headers(documents["requests"], "POST /requests/{request_id}/votes", "201") == {"ETag"}
    assert headers(documents["results"], "GET /results/{result_id}", "304") == {"ETag"}
    assert headers(documents["results"], "POST /results/subscriptions", "201") == {"ETag", "Location"}
    for document in documents.values():
        for name, operation in openapi.operations(document):
            if "4XX" in operation["responses"]:
                assert headers(document, name, "4XX") == {"Content-Language"}
                assert headers(document, name, "429") == headers(document, name, "503") == {"Content-Language", "Retry-After"}, (
                    name
                )
            taken = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert ("If-None-Match" in taken) == ("304" in operation["responses"]), name


def test_summaries_and_tags_are_for_people(document: JsonObject) -> None:
    summaries = [operation["summary"] for _, operation in openapi.operations(document)]
    assert len(set(summaries)) == len(summaries)
    for name, operation in openapi.operations(document):
        summary = operation["summary"]
        assert summary != operation["operationId"].replace("_", " ").title(), name
        assert len(summary.split()) >= 2, name
        assert len(summary) <= 80, name
        assert summary[0].isupper(), name
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    order = [operation["tags"][0] for _, operation in openapi.operations(document)]
    assert list(dict.fromkeys(order)) == list(tags), "the trade first"
    assert list(tags)[-1] == "health"
    assert all(re.search("[가-힣]", description) for description in tags.values())


def test_generators_find_types_where_maps_are(documents: dict[str, JsonObject]) -> None:
    inputs = documents["requests"]["components"]["schemas"]["RequestIn"]["properties"]["inputs"]
    assert inputs["additionalProperties"] == {"$ref": "#/components/schemas/InputIn"}
    assert "pattern" in inputs["propertyNames"]
    text = json.dumps(documents)
    assert "patternProperties" not in text
    assert '"const": 1' not in text, "read by a generator as code"
