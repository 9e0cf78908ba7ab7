"""What surrounds the code: licences of libraries, commit messages, the bill of materials."""

from pathlib import Path

import pytest

from deploy import commits, licences
from deploy.sbom import only


@pytest.mark.parametrize(
    "expression", ["MIT", "Apache-2.0 AND CNRI-Python", "MPL-2.0 AND (Apache-2.0 OR MIT)", "GPL-3.0-only OR MIT"]
)
def test_a_licence_that_allows_giving_on_is_taken(expression: str) -> None:
    assert licences.faults([("library", "1.0", expression)]) == []


@pytest.mark.parametrize(
    "expression", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-or-later", "LicenseRef-Own", "SSPL-1.0 OR GPL-2.0-only"]
)
def test_any_other_is_named(expression: str) -> None:
    (fault,) = licences.faults([("library", "1.0", expression)])
    assert fault.startswith("library 1.0: ")


def test_every_shipped_library_is_in_the_table() -> None:
    assert {"fastapi", "duckdb", "scikit-learn", "distributed"} <= set(licences.shipped())
    assert "pytest" not in licences.shipped()


@pytest.mark.parametrize(
    "message",
    [
        "results: Send no delivery that was overtaken",
        "catalog, requests: Take 2 files\n\nThe reason.\n# a comment",
        "Merge branch 'one'",
    ],
)
def test_a_good_commit_message(message: str) -> None:
    assert commits.faults(message) == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Send no delivery", "area: Verb what"),
        ("results: send no delivery", "area: Verb what"),
        ("results: Send no delivery.", "area: Verb what"),
        ("", "area: Verb what"),
        (f"results: {'Send ' * 20}it", "characters, 72 at most"),
        ("results: Send no delivery\nThe reason.", "not blank"),
    ],
)
def test_a_bad_one(message: str, fault: str, tmp_path: Path) -> None:
    assert [fault in each for each in commits.faults(message)] == [True]
    (tmp_path / "message").write_text(message)
    assert commits.main(str(tmp_path / "message")) == 1


def test_the_bill_of_materials_leaves_out_what_does_not_ship() -> None:
    document = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [{"name": "Uuid_6", "bom-ref": "a"}, {"name": "pytest", "bom-ref": "b"}],
        "dependencies": [{"ref": "root", "dependsOn": ["a", "b"]}, {"ref": "b", "dependsOn": ["a"]}],
    }
    shown = only(document, {"uuid-6"})
    assert [each["name"] for each in shown["components"]] == ["Uuid_6"]
    assert shown["dependencies"] == [{"ref": "root", "dependsOn": ["a"]}]
