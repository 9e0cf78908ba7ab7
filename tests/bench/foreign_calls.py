"""Run by the Python of Schemathesis's own environment: calls made from an OpenAPI document, answered as counts.

Standard input: a JSON object with `url`, `document` (its path), `cases`, `seed`, `tokens` (`every`: of callers who have every
role, `one`: of such who have one), `run_token`, `known` (values of parameters that lead to something that is there, by name or
by operationId and name) and `bodies` (by operationId, what could be accepted). Standard output: how many answers there were by
status, and what came that must not, a sentence each.
"""

import json
import sys
from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

# What is taken back is gone for all calls that follow, so these come last.
ENDS = ("recall", "withdraw", "revoke", "retire", "leave", "cancel", "end_", "return")
MODES = [GenerationMode.POSITIVE] * 4 + [GenerationMode.NEGATIVE]
PATIENCE = 60
ROUNDS = 20


def prepared(case: Any, known: dict[str, list[str]], bodies: dict[str, Any], draw: Any) -> None:
    """Lead most calls to something that is there; a long poll is not waited for."""
    operation = case.operation.definition.raw["operationId"]
    for place in (case.path_parameters, case.query):
        for name in place or {}:
            values = known.get(f"{operation}.{name}", known.get(name))
            if values and draw(st.integers(0, 19)):
                place[name] = draw(st.sampled_from(values))
    if case.query:
        case.query.pop("wait", None)
    if operation in bodies and draw(st.booleans()):
        case.body, case.media_type = bodies[operation], "application/json"
    if isinstance(case.body, dict) and "wait" in case.body:
        case.body["wait"] = 0


def wrong(answer: Any) -> str | None:
    """What came that must not; 503 is right if it says when to try again."""
    wait = answer.headers.get("retry-after", [""])[0]
    if answer.status_code < 500 or (answer.status_code == 503 and wait.isdigit()):
        return None
    return f"{answer.request.method} {answer.request.url[:200]}: {answer.status_code} {answer.text[:300]}"


def ask(operation: Any, order: dict[str, Any], cases: int, counts: Counter[int], faults: list[str]) -> None:
    """So many calls of one operation, two of three by a caller who has every role."""
    security = operation.definition.raw.get("security", [])

    def call(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=data.draw(st.sampled_from(MODES))))
        prepared(case, order["known"], order["bodies"], data.draw)
        token = data.draw(st.sampled_from(order["tokens"]["every" if data.draw(st.integers(0, 2)) else "one"]))
        token = order["run_token"] if {"run-token": []} in security else token
        answer = case.call(base_url=order["url"], headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)
        counts[answer.status_code] += 1
        if sentence := wrong(answer):
            faults.append(sentence)

    before = counts.total()
    for again in range(ROUNDS):  # an operation that takes little has fewer different calls
        if (left := cases - (counts.total() - before)) > 0:
            examples = settings(
                max_examples=left, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
            )
            seed(order["seed"] + again)(examples(given(data=st.data())(call)))()


def is_end(operation: Any) -> bool:
    return str(operation.definition.raw["operationId"]).startswith(ENDS)


def main() -> None:
    order = json.load(sys.stdin)
    counts: Counter[int] = Counter()
    faults: list[str] = []
    schema = schemathesis.openapi.from_url(f"{order['url']}{order['document']}")
    operations = sorted((each.ok() for each in schema.get_all_operations()), key=is_end)
    for operation in operations:
        ask(operation, order, -(-order["cases"] // len(operations)), counts, faults)
    json.dump({"counts": counts, "faults": faults}, sys.stdout)


if __name__ == "__main__":
    main()
