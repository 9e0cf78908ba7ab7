"""What the documentation shows of our answers: one request, seen by a steward who has to decide."""

from typing import Any

from pydantic import ConfigDict

from shared.contracts import PublicKey

WAITING_EXAMPLE: dict[str, Any] = {
    "code": "owners-decide",
    "ko": "데이터 보유 부처의 결정을 기다립니다 (데이터셋 1개: nts).",
    "en": "Waits for the owners to decide on 1 dataset (nts).",
    "who": [{"role": "steward", "ministry": "nts", "subject": None, "except_ministries": []}],
    "since": "2026-11-23T09:00:00Z",
    "decide_by": "2026-12-13",
    "overdue": False,
}
SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": "0199a1c0-0000-7000-8000-00000000000a",
    "version": 3,
    "status": "owner_review",
    "title": "2026년 복지 사각지대 발굴",
    "ministry": "mohw",
    "method": {"name": "welfare_blind_spots", "version": "1.0.0", "digest": "0" * 64},
    "revision": 1,
    "owners": ["mohw", "nts"],
    "created_at": "2026-11-23T09:00:00Z",
    "since": "2026-11-23T09:00:00Z",
    "waiting": WAITING_EXAMPLE,
    "actions": ["decisions", "return"],
}
DECISION_EXAMPLE: dict[str, Any] = {
    "revision": 1,
    "dataset_id": "0199a1c0-0000-7000-8000-000000000003",
    "dataset_version": 2,
    "ministry": "mohw",
    "verdict": "approve",
    "code": None,
    "reason": "The purpose is covered by the Act.",
    "conditions": [],
    "columns": None,
    "decided_by": "lee",
    "created_at": "2026-11-24T09:00:00Z",
    "rules_version": "2026.3",
}
REQUEST_EXAMPLE: dict[str, Any] = SUMMARY_EXAMPLE | {
    "purpose": "Find households that would receive a benefit but do not, so that welfare officers can visit them.",
    "legal_basis": "Social Security Benefits Act, article 12",
    "parameters": {"capacity": 0.05},
    "champion": {"model_id": "0199a1c0-0000-7000-8000-000000000030"},
    "inputs": [
        {
            "role": "income",
            "dataset_id": "0199a1c0-0000-7000-8000-000000000002",
            "dataset_title": "Income and tax",
            "ministry": "nts",
            "columns": {"person_no": "taxpayer_no", "wages": "wages"},
            "allowed_purpose": None,
        },
        {
            "role": "benefits",
            "dataset_id": "0199a1c0-0000-7000-8000-000000000003",
            "dataset_title": "Benefits",
            "ministry": "mohw",
            "columns": {"person_no": "person_no"},
            "allowed_purpose": "Welfare research",
        },
    ],
    "audience": {"kind": "ministries", "ministries": ["mohw"]},
    "requester": "kim",
    "sealed_to": PublicKey(x="hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo").kid,
    "risk_tier": 4,
    "lane": "panel",
    "rules_version": "2026.3",
    "decisions": [DECISION_EXAMPLE],
    "revocations": [],
    "votes": [],
    "tally": {"approve": 0, "reject": 0, "quorum": 3, "missing": 3},
    "reason_code": None,
    "reason": None,
    "run_id": None,
    "result_id": None,
}
HISTORY_EXAMPLE: dict[str, Any] = {
    "seq": 2,
    "revision": 1,
    "deed": "decide-dataset",
    "from_status": "owner_review",
    "to_status": "owner_review",
    "actor": "lee",
    "role": "steward",
    "ministry": "mohw",
    "reason_code": "approved",
    "reason": "The purpose is covered by the Act.",
    "at": "2026-11-24T09:00:00Z",
}
WORK_EXAMPLE: dict[str, Any] = {
    "task": "decisions",
    "dataset_ids": ["0199a1c0-0000-7000-8000-000000000002"],
    "request": SUMMARY_EXAMPLE,
}


def with_example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(from_attributes=True, json_schema_extra={"examples": [example]})
