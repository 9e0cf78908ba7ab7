"""What the people of the walk write: the description of their data, the request, decisions, votes."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent
TABLES: dict[str, dict[str, Any]] = json.loads((DATA / "schemas.json").read_text())
OWNERS = {role: table["ministry"] for role, table in TABLES.items()}
METHOD = "welfare_blind_spots"
REVIEW = {"verdict": "approve", "reason": "Card, code and constraints were read; the monotone test was run."}
BALLOT = {"ballot": "approve", "reason": "Clear benefit, least data, a method that explains itself."}
CHECKED = {"approve": True, "reason": "Every cell stands on at least ten households; what does not is withheld."}


def described(table: dict[str, Any]) -> dict[str, Any]:
    """A dataset as its steward registers it."""
    columns = [{name: value for name, value in column.items() if value is not None} for column in table["columns"]]
    return {
        "title": table["title"]["ko"], "description": f"{table['description']['ko']} {table['description']['en']}",
        "legal_basis": table["legal_basis"], "sensitivity": table["sensitivity"],
        "allowed_purposes": table["allowed_purposes"], "table": columns,
    }  # fmt: skip


def asked_for(version: str, datasets: dict[str, str]) -> dict[str, Any]:
    """The request, on the datasets of each role."""
    return {
        "title": "복지 사각지대 발굴 2014",
        "purpose": "Find households that would receive a benefit but do not, so that welfare officers can visit them.",
        "legal_basis": "Demonstration on public-domain data",
        "method": {"name": METHOD, "version": version},
        "parameters": {},
        "inputs": {role: {"dataset_id": dataset} for role, dataset in datasets.items()},
        "audience": {"kind": "members"},
    }


def approval(dataset: str) -> dict[str, Any]:
    """An owner agrees, on a condition."""
    return {
        "dataset_id": dataset, "verdict": "approve", "reason": "The purpose is covered by the stated basis.",
        "conditions": ["Only for visits by welfare officers."],
    }  # fmt: skip
