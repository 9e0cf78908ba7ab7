"""Every operation of the OpenAPI documents has a row in a permission table, and a row says what it means."""

import json
from pathlib import Path

import pytest

from deploy import permissions
from deploy.permissions import BODIES, ROOT, TABLES, Row, cell, cells, faults, operations, rows
from shared.auth import Role


@pytest.mark.parametrize("service", TABLES)
def test_every_operation_has_a_row(service: str) -> None:
    assert faults(service, rows(service), operations(service)) == []


@pytest.mark.parametrize("service", TABLES)
def test_no_row_stands_twice_and_none_lets_everybody_write(service: str) -> None:
    table, places = rows(service), operations(service)
    assert len({row.name for row in table}) == len(table)
    for row in table:
        if not places[row.operation].startswith("GET "):
            assert row.word in (None, "run-token"), row.name
            assert row.word or row.cells != frozenset(cells("any")), row.name


def test_an_operation_without_a_row_fails_the_build(tmp_path: Path) -> None:
    for service, folders in TABLES.items():
        (tmp_path / "docs/openapi").mkdir(parents=True, exist_ok=True)
        document = json.loads((ROOT / f"docs/openapi/{service}.json").read_text("utf-8"))
        if service == "results":
            document["paths"]["/results/new"] = {"post": {"operationId": "do_something_new"}}
        (tmp_path / f"docs/openapi/{service}.json").write_text(json.dumps(document), "utf-8")
        for folder in folders:
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / "permissions.toml").write_text((ROOT / folder / "permissions.toml").read_text("utf-8"), "utf-8")
    assert permissions.wrong(tmp_path) == ["results: the operation do_something_new has no row in permissions.toml"]


def test_a_row_without_an_operation_is_named() -> None:
    row = Row("catalog", "Group", "gone in a case", frozenset(), None)
    assert faults("catalog", [row], []) == ["catalog: permissions.toml names gone, which is no operation"]


def test_what_a_value_means() -> None:
    assert set(cells("steward@owner|asker, auditor")) == {
        (Role.STEWARD, "owner"), (Role.STEWARD, "asker"), *((Role.AUDITOR, body) for body in BODIES),
    }  # fmt: skip
    assert {role for role, _ in cells("any")} == set(Role)
    assert {role for role, _ in cells("people")} == set(Role) - {Role.OPS, Role.WORKER}
    for bad in ("emperor", "steward@nobody", "", "steward, "):
        with pytest.raises(ValueError):
            list(cells(bad))
    row = Row("catalog", "Group", "x", frozenset(cells("steward@owner, auditor")), None)
    assert [cell(row, role) for role in (Role.STEWARD, Role.AUDITOR, Role.OPS)] == ["owner", "all", ""]
