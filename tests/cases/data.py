"""The cases of data/: a file is registered, uploaded and asked for as case.json says.

What is seen on the way is judged.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.cases import adapter
from tests.cases.adapter import CSV, KIM, STEWARDS, Json, Suite
from tests.cases.case import Case, Outcome, Scene, right_of

HOST_ZONE = "parquet-timestamptz-host-zone"
INSTANTS = ("2022-03-24 15:00:00", "2022-12-31 15:00:00")


@dataclass
class Seen:
    """What a case saw; a later stop is empty where an earlier one refused."""

    refusals: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    findings: list[Json] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    asked: bool = False
    run: Json = field(default_factory=dict)
    result: Json = field(default_factory=dict)
    figures: Json = field(default_factory=dict)
    tables: dict[str, list[Json]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return bool(self.states) and all(state == "passed" for state in self.states)

    @property
    def failed(self) -> bool:
        return "failed" in self.states or bool(self.refusals) or self.run.get("status") == "failed"

    def match(self, role: str) -> float | None:
        rates: dict[str, float] = (self.result or self.run).get("match_rates") or {}
        return rates.get(role)

    def refused_naming(self, *words: str) -> bool:
        """Refused at some stop before the method's end, in words of which one is among these."""
        said = list(self.refusals) if self.refusals else []
        if "failed" in self.states:
            said += [f"{each['column']} {each['code']} {each['text']}" for each in self.findings]
        if self.run.get("status") == "failed" and "crash" not in json.dumps(self.run["reason"]):
            said.append(json.dumps(self.run["reason"], ensure_ascii=False))
        return any(re.search(word, text, re.IGNORECASE) for word in words for text in said)

    def found(self, *words: str) -> bool:
        """An error or a warning of the table or the file has one of these words."""
        said = [f"{each['column']} {each['code']} {each['text']}" for each in self.findings]
        early = [each for each in self.refusals if not each.startswith("request")]
        return any(re.search(word, text, re.IGNORECASE) for word in words for text in said + early)

    def alarmed(self, *words: str) -> bool:
        text = json.dumps(self.result.get("alarms") or [], ensure_ascii=False)
        return text != "[]" and (
            not words or any(re.search(word, text, re.IGNORECASE) for word in words)
        )

    def named(self, *words: str) -> bool:
        """Refused, or an alarm, in words of which one is among these."""
        return self.refused_naming(*words) or self.alarmed(*words)

    def summary(self) -> str:
        parts = [*self.refusals, *self.hints]
        parts += [
            f"check {state}, {rows} rows"
            for state, rows in zip(self.states, self.rows, strict=True)
        ]
        parts += [
            f"line {each['line']} {each['column']} {each['code']}: {each['text']}"
            for each in self.findings[:3]
        ]
        if self.run:
            parts.append(
                f"run {self.run['status']} {self.run.get('reason') or ''}, "
                f"keys dropped {self.run.get('keys_dropped')}"
            )
        if self.result:
            parts.append(f"match {self.result['match_rates']}, flags {adapter.flags(self.result)}")
        if self.figures:
            parts.append(f"figures {self.figures}")
        parts += [f"{name} {rows[:6]}" for name, rows in self.tables.items()]
        return "; ".join(parts)[:900]


Judge = Callable[[Seen], bool]


def cases(folder: Path) -> list[Case]:
    right = right_of(folder / "README.md")
    found = [Case(f"data/{HOST_ZONE}", right[HOST_ZONE], partial(host_zone, folder / HOST_ZONE))]
    for file in sorted(folder.glob("*/case.json")):
        case = json.loads(file.read_text())
        found.append(
            Case(f"data/{file.parent.name}", case["right"], partial(judge, file.parent, case))
        )
    return sorted(found, key=lambda case: case.name)


def judge(folder: Path, case: Json, scene: Scene) -> Outcome:
    suite = scene.suite()
    if "search" in case:
        return search(case, suite)
    seen = go_through(folder, case, suite)
    if folder.name == "csv-korean-names" and not seen.passed:
        seen = go_through(folder, with_machine_names(case), suite)
    rule = JUDGES.get(folder.name)
    if rule is None:
        return Outcome(None, f"no judge for it yet; seen: {seen.summary()}")
    return Outcome(rule(seen), seen.summary())


def go_through(folder: Path, case: Json, suite: Suite) -> Seen:
    """From the registration to the result, as far as it goes."""
    seen, inputs, owners = Seen(), {}, []
    for each in case["files"]:
        who = STEWARDS[each.get("ministry", "nts")]
        answer = suite.register(who, each["table"], folder.name)
        if answer.status_code != 201:
            seen.refusals.append(f"registration {answer.status_code} {answer.text[:600]}")
            continue
        dataset = answer.json()["id"]
        seen.hints += adapter.hints(answer.json())
        content = (folder / each["file"]).read_bytes()
        answer = suite.upload(who, dataset, content, each.get("media_type", CSV))
        if not answer.is_success:
            seen.refusals.append(f"upload {answer.status_code} {answer.text[:600]}")
            continue
        check = suite.checked(who, dataset, answer.json()["version"])
        seen.states.append(check["state"])
        seen.rows.append(check["rows"])
        seen.findings += adapter.findings(check)
        inputs[each.get("role")] = {"dataset_id": dataset} | (
            {"columns": each["columns"]} if each.get("columns") else {}
        )
        owners.append((who, dataset))
    if case.get("method") and seen.passed and not seen.refusals:
        ask(case, inputs, owners, suite, seen)
    return seen


def ask(case: Json, inputs: Json, owners: list[Any], suite: Suite, seen: Seen) -> None:
    suite.register_sealing_key()
    version = suite.live(case["method"])
    answer = suite.submit(KIM, case["method"], version, inputs, case.get("parameters"))
    if answer.status_code != 201:
        seen.refusals.append(f"request {answer.status_code} {answer.text[:600]}")
        return
    seen.asked, request = True, answer.json()["id"]
    suite.approve(request, owners)
    seen.run = suite.run(request)
    if seen.run["status"] != "succeeded":
        return
    seen.result = suite.result(request)
    seen.figures = suite.figures(seen.result["id"])
    there = {table["name"] for table in seen.result["tables"]}
    seen.tables = {
        name: suite.table(seen.result["id"], name) for name in case.get("show", []) if name in there
    }


def with_machine_names(case: Json) -> Json:
    """The same columns under machine names, each with the name that it has in the file."""
    table = [
        column | {"name": f"column_{number}", "source_name": column["name"]}
        for number, column in enumerate(case["files"][0]["table"], 1)
    ]
    return case | {"files": [case["files"][0] | {"table": table}]}


def search(case: Json, suite: Suite) -> Outcome:
    who = STEWARDS["nts"]
    column = {"name": "a", "type": "string", "role": "attribute"}
    for title in case["titles"]:
        suite.register(who, [column], title, sensitivity="open")
    params = {"q": case["search"], "limit": "50"}
    titles = {
        each["title"] for each in suite.ok(who, "GET", "/catalog/datasets", params=params)["items"]
    }
    return Outcome(set(case["titles"]) <= titles, f"found: {sorted(titles)}")


def host_zone(folder: Path, scene: Scene) -> Outcome:
    """What prepare reads of the same instants, on hosts in two zones."""
    read = {}
    for zone in ("UTC", "Asia/Seoul"):
        code, said = adapter.script(folder / "show.py", None, scene.scratch(), TZ=zone)
        if code:
            return Outcome(False, said[-400:])
        read[zone] = [line.split(" ", 1)[1] for line in said.strip().splitlines()]
    right = [
        all(instant in line for instant in INSTANTS) for lines in read.values() for line in lines
    ]
    return Outcome(len(right) == 4 and all(right), str(read))


# What is right, case by case


def all_linked(seen: Seen) -> bool:
    return seen.match("billing") == 1.0


def placeholder(seen: Seen) -> bool:
    """No facility named '-' is linked, and what was dropped is counted; or the file was refused."""
    if "failed" in seen.states:
        return seen.found("facility_key")
    rate = seen.match("billing")
    return (
        rate is not None
        and abs(rate - 10 / 12) < 0.01
        and adapter.dropped([seen.run, seen.result]) > 0
    )


def categories(seen: Seen) -> bool:
    groups = seen.tables.get("groups", [])
    counts = [(unicodedata.normalize("NFC", str(row["level"])), row["subjects"]) for row in groups]
    return sorted(counts) == sorted([("서울", 40), ("부산", 20)])


def blank_keys(seen: Seen) -> bool:
    lines = {
        each["line"]
        for each in seen.findings
        if each["column"] == "person_no" and "missing" in each["code"]
    }
    return "failed" in seen.states and lines >= {2, 3, 4, 5, 6}


def duplicate(seen: Seen) -> bool:
    """Both lines, 2 and 3, are named when the file is handed in."""
    said = [each for each in seen.findings if each["column"] == "person_no"]
    about = [each for each in said if re.search("dupl|unique", each["code"] + each["text"])]
    return any(
        {2, 3} <= {*each["lines"], *map(int, re.findall(r"\d+", each["text"]))} for each in about
    )


def daily(seen: Seen) -> bool:
    """As with 2022-03-25: a day is the step and every point is used; or the column is named.

    How many windows are found is no part of it: the same content gave 2, 8 and 9 of them, since
    the order of a request's pseudonyms decides which points are compared."""
    day = "1440" in str(seen.figures.get("step")) and seen.figures.get("points") == 1440
    return day or seen.refused_naming(r"\btime\b")


def every_point(seen: Seen) -> bool:
    return seen.figures.get("points") == 1440 or seen.named(r"\btime\b")


def population(seen: Seen) -> bool:
    rows = seen.tables.get("population", [])
    counted = [row[name] for row in rows for name in row if name in ("rows", "statements", "n")]
    return (bool(counted) and all(count == 360 for count in counted)) or seen.refused_naming(
        r"\bperiod\b"
    )


def pairs(seen: Seen) -> bool:
    return seen.figures.get("likely_pairs") == 40


def never_agree(seen: Seen) -> bool:
    said = json.dumps([seen.result, seen.run, seen.tables], ensure_ascii=False)
    return (
        pairs(seen)
        or bool(re.search(r"(phone|birth)[^}]*never agree", said))
        or seen.alarmed("phone", "birth")
    )


def told_keys_are_text(seen: Seen) -> bool:
    """At the registration or the check, or the method takes it."""
    return (
        seen.asked
        or any("registration" in each for each in seen.refusals)
        or any("key" in each for each in seen.hints)
        or seen.found("facility_key")
    )


JUDGES: dict[str, Judge] = {
    "link-nfc-nfd": all_linked,
    "link-fullwidth-digits": all_linked,
    "link-nbsp": all_linked,
    "link-hyphens": lambda seen: all_linked(seen) or seen.named("hyphen", "separator"),
    "link-nothing-in-common": lambda seen: seen.refused_naming("link", "match") or seen.alarmed(),
    "link-placeholder-key": placeholder,
    "link-period-spelling": lambda seen: all_linked(seen) or seen.refused_naming(r"\bperiod\b"),
    "table-nfc-nfd-category": categories,
    "table-blank-key": blank_keys,
    "table-duplicate-key": duplicate,
    "series-yyyymmdd": daily,
    "series-offset-kst": daily,
    "series-half-dots": every_point,
    "series-half-compact": every_point,
    "ghg-unpadded-month": population,
    "records-phone-hyphens": pairs,
    "records-phone-and-birth": never_agree,
    "csv-utf16": lambda seen: seen.refused_naming("utf-?16"),
    "csv-is-xlsx": lambda seen: seen.refused_naming("excel", "xlsx"),
    "csv-semicolon": lambda seen: (
        seen.failed and len(seen.findings) == 1 and seen.found(";", "semicolon")
    ),
    "csv-header-space": lambda seen: seen.passed or seen.found("space", "blank"),
    "csv-thousands": lambda seen: any(
        (each["line"], each["column"]) == (2, "amt") and "thousand" in each["text"].lower()
        for each in seen.findings
    ),
    "csv-cp949-charset": lambda seen: seen.passed or seen.refused_naming("euc-?kr", "charset"),
    "csv-korean-names": lambda seen: seen.passed,
    "parquet-decimal-as-integer": lambda seen: (
        seen.passed or seen.refused_naming(r"decimal\(10, ?0\).*integer")
    ),
    "key-type-integer": told_keys_are_text,
}
