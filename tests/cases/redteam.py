"""The cases of redteam/ on people, the audit and what leaves; those on load stand in load.py.

The scripts there print what happened and break where a fault is mended: what each does is done
here again and judged.
"""

import sqlite3
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from tests.cases import adapter, load
from tests.cases.adapter import (
    CHECKERS,
    COUNCIL,
    KEY,
    KIM,
    STEWARDS,
    Broke,
    Json,
    Person,
    Suite,
    wait,
)
from tests.cases.case import Case, Outcome, Scene, right_of

REGION = {"name": "region", "type": "string", "role": "attribute"}
WAGES = {"name": "wages", "type": "number", "role": "measure"}
LEE = STEWARDS["nts"]
PEOPLE = "person_no,region\n" + "".join(f"P{n:04d},{'ab'[n % 2]}\n" for n in range(40))
STRANGERS = ("zzz-a", "zzz-b", "zzz-c")


def cases(folder: Path) -> list[Case]:
    right = right_of(folder / "README.md")
    files = sorted(file for file in folder.iterdir() if file.stem[:2].isdigit())
    return [
        Case(f"redteam/{file.stem}", right_by_number(right, file.stem), judge_of(file))
        for file in files
    ]


def right_by_number(right: dict[str, str], stem: str) -> str:
    """The README names several files in one row, some by their number alone."""
    return next(
        (text for name, text in right.items() if name == stem or name == stem[:2]), "see README.md"
    )


def judge_of(file: Path) -> Callable[[Scene], Outcome]:
    judges = JUDGES | load.JUDGES
    if file.stem[:2] in load.AS_THEY_ARE:
        return partial(load.AS_THEY_ARE[file.stem[:2]], file)
    return judges.get(file.stem[:2], lambda _: Outcome(None, "no judge for it yet"))


def summed(faults: list[str], seen: str) -> Outcome:
    return Outcome(not faults, "; ".join(faults) if faults else seen)


def tabulated(
    suite: Suite,
    dataset: str,
    who: Person = KIM,
    columns: tuple[str, ...] = ("region",),
    **parameters: str,
) -> str:
    """A request to count the rows of a dataset: its id."""
    version = suite.live("cross_tabulation")
    mapped = {"subject": "person_no"} | {name: name for name in columns}
    inputs = {"table": {"dataset_id": dataset, "columns": mapped}}
    answer = suite.submit(
        who, "cross_tabulation", version, inputs, {"rows": columns[0]} | parameters
    )
    if answer.status_code != 201:
        raise Broke(f"request by {who}: {answer.status_code} {answer.text[:400]}")
    return str(answer.json()["id"])


def held(suite: Suite, dataset: str, owner: Person = LEE, **more: object) -> Json:
    """The result of a request that everybody approved, as a checker is shown it."""
    request = tabulated(suite, dataset, **more)  # type: ignore[arg-type]
    suite.approve(request, [(owner, dataset)])
    run = suite.run(request)
    if run["status"] != "succeeded":
        raise Broke(f"the run {run['status']}: {run['reason']}")
    return suite.result(request)


def one_person_one_part(scene: Scene) -> Outcome:
    """01: one person has one part; checkers are of two bodies; spelling hides nobody."""
    suite, faults = scene.suite(), []
    dataset = suite.dataset(LEE, [KEY, REGION], PEOPLE)
    asker = Person("requester", "mohw", "김민수")
    request = tabulated(suite, dataset, asker)
    for name in (asker.subject, unicodedata.normalize("NFD", asker.subject)):
        if suite.decide(Person("steward", "nts", name), request, dataset).is_success:
            faults.append(f"the asker decides on their own request as {ascii(name)}")
            request = tabulated(suite, dataset, asker)
    many = "lee.many"
    if not suite.decide(Person("steward", "nts", many), request, dataset).is_success:
        raise Broke("a steward cannot decide")
    ballots = {
        "who decided votes": Person("council-member", "kostat", many),
        "a body that never joined votes": Person("council-member", STRANGERS[0], "stranger"),
    }
    faults += [what for what, who in ballots.items() if suite.vote(who, request).is_success]
    for member in COUNCIL:
        if suite.request(request)["status"] == "council_review":
            suite.vote(member, request)
    suite.run(request)
    result = suite.result(request)["id"]
    for body in ("kostat", "msit"):
        if suite.check_result(Person("output-checker", body, many), result).is_success:
            faults.append(f"who decided checks the result for {body}")
            break
    if suite.check_result(
        Person("output-checker", "kostat", f"council.{COUNCIL[0].ministry}"), result
    ).is_success:
        faults.append("who voted checks the result")
    faults += checkers_of_one_body(suite, dataset)
    return summed(
        faults, "every second part of one person was refused; two checkers of two bodies released"
    )


def checkers_of_one_body(suite: Suite, dataset: str) -> list[str]:
    """Two of the asking body, two of another one; then two of two bodies, who do release it."""
    faults = []
    result = held(suite, dataset)["id"]
    if suite.check_result(
        Person("output-checker", "mohw", "colleague.of.asker"), result
    ).is_success:
        faults.append("a colleague of the asker checks the result")
        result = held(suite, dataset)["id"]
    for name in ("first", "second"):
        answer = suite.check_result(Person("output-checker", "kostat", f"{name}.of.kostat"), result)
        if answer.is_success and answer.json()["status"] == "released":
            faults.append("two checkers of one body release")
            result = held(suite, dataset)["id"]
    for checker in CHECKERS:
        answer = suite.check_result(checker, result)
        if answer.is_success and answer.json()["status"] == "released":
            return faults
    return [
        *faults,
        f"two checkers of two bodies do not release: {answer.status_code} {answer.text[:200]}",
    ]


def bodies_that_never_joined(scene: Scene) -> Outcome:
    """19: they review, read, vote and check nothing."""
    suite, name = scene.suite(), f"trial_{uuid4().hex[:8]}"
    suite.announce(name)
    dataset = suite.dataset(LEE, [KEY, REGION], PEOPLE)
    answers = {}
    for body in STRANGERS[:2]:
        path = f"/analysis/methods/{name}/1.0.0/reviews"
        reviewer = Person("method-reviewer", body, f"reviewer.{body}")
        answers[f"review by {body}"] = suite.call(reviewer, "POST", path, json=adapter.APPROVED)
    member, checker = (
        Person("council-member", STRANGERS[0], "x"),
        Person("output-checker", STRANGERS[0], "y"),
    )
    answers["council reads requests"] = suite.call(member, "GET", "/requests?limit=5")
    answers["checker reads results"] = suite.call(checker, "GET", "/results?status=held&limit=5")
    request = tabulated(suite, dataset)
    suite.decide(LEE, request, dataset)
    for body in STRANGERS:
        answers[f"vote of {body}"] = suite.vote(
            Person("council-member", body, f"member.{body}"), request
        )
    if suite.request(request)["status"] == "council_review":
        suite.approve(request, [])
    suite.run(request)
    result = suite.result(request)["id"]
    for body in STRANGERS[:2]:
        answers[f"check by {body}"] = suite.check_result(
            Person("output-checker", body, f"checker.{body}"), result
        )
    faults = [
        f"{what}: {answer.status_code}"
        for what, answer in answers.items()
        if answer.status_code != 403
    ]
    return summed(faults, f"all {len(answers)} calls were refused with 403")


def forged_row(scene: Scene) -> Outcome:
    """02: a row that the service did not write is named, sealed or not."""
    with scene.own() as suite:
        checkpoints = suite.checkpoints(scene.scratch())
        intact = adapter.verify_audit(suite.folder, checkpoints)
        when = "2025-01-01T00:00:00.000000+00:00"
        database = suite.database("requests")
        fields = {
            "at": when,
            "actor": "innocent.minister",
            "deed": "requests.cast-vote",
            "outcome": "done",
        }
        forged = adapter.forge(database, **fields)
        # What is written later is sealed after it; or nothing is sealed any more, which shows too.
        with suppress(Broke):
            suite.checkpoints(scene.scratch())
        code, said = adapter.verify_audit(suite.folder, checkpoints)
    line = next((each for each in said.splitlines() if each.startswith("requests")), said[-300:])
    if intact[0] != 0:
        return Outcome(False, f"an audit that nobody touched does not verify: {intact[1][-300:]}")
    named = forged in said or forged.replace("-", "") in said
    return Outcome(
        code == 1 and named, f"exit {code}: {line}{'' if named else ' (the row is not named)'}"
    )


def cut_or_emptied(scene: Scene) -> Outcome:
    """03: what needs a checkpoint is not called whole without; a hiding trigger is found."""
    with scene.own() as suite:
        for number in range(6):
            suite.call(Person("steward", "mohw", f"busy.{number}"), "GET", f"/requests/{uuid4()}")
            suite.call(
                Person("requester", "mohw", f"busy.{number}"),
                "POST",
                f"/requests/ops/inbox/{uuid4()}/replay",
            )
            wait(partial(suite.sealed_beyond, "requests", number), "the seal", 20)
        checkpoints = suite.checkpoints(scene.scratch())
        copy = partial(adapter.copied, suite)
        found = {name: tried(copy(scene.scratch() / "copy"), change, checkpoints if held else None)
                 for name, (change, held, _) in CHANGES.items()}  # fmt: skip
    faults = [
        f"{name}: exit {found[name]}"
        for name, (_, _, right) in CHANGES.items()
        if found[name] not in right
    ]
    return summed(faults, f"exit codes: {found}")


def tried(folder: Path, change: Callable[[Path], None], checkpoints: Path | None) -> int:
    change(folder)
    return adapter.verify_audit(folder, checkpoints)[0]


def sql(*statements: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "requests.db")) as db:
            guards = db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'"
            ).fetchall()
            for (guard,) in guards if not statements[0].startswith("CREATE") else []:
                db.execute(f'DROP TRIGGER "{guard}"')
            for statement in statements:
                db.execute(statement)
            db.commit()

    return change


def nothing(_: Path) -> None:
    """The audit as it is."""


LATER = "(SELECT position FROM audit_checkpoint ORDER BY position DESC LIMIT 1 OFFSET 2)"
CUT = sql(
    f"DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE position > {LATER})",
    f"DELETE FROM audit_seal WHERE position > {LATER}",
    f"DELETE FROM audit_checkpoint WHERE position > {LATER}",
)  # fmt: skip
EMPTIED = sql("DELETE FROM audit", "DELETE FROM audit_seal", "DELETE FROM audit_checkpoint")
THIRD = "(SELECT audit_id FROM audit_seal WHERE position = 3)"
HIDE = sql(
    "CREATE TRIGGER hide BEFORE INSERT ON audit WHEN new.actor = 'mallory'"
    " BEGIN SELECT RAISE(IGNORE); END",
)
# What is done to a copy, whether an auditor holds checkpoints, and which exit codes are right.
CHANGES: dict[str, tuple[Callable[[Path], None], bool, set[int]]] = {
    "untouched, with checkpoints": (nothing, True, {0}),
    "a row edited": (sql(f"UPDATE audit SET actor = 'x' WHERE id = {THIRD}"), True, {1}),
    "a row deleted": (sql(f"DELETE FROM audit WHERE id = {THIRD}"), True, {1}),
    "the end cut off": (CUT, False, {1, 2}),
    "the end cut off, with checkpoints": (CUT, True, {1}),
    "emptied": (EMPTIED, False, {1, 2}),
    "emptied, with checkpoints": (EMPTIED, True, {1}),
    "rewritten with the key, with checkpoints": (adapter.rewrite_audit, True, {1}),
    "a trigger that hides rows": (HIDE, True, {1, 2}),
}


def differencing(scene: Scene) -> Outcome:
    """05: the second of two results that differ by one person is shown to its checkers as such."""
    suite = scene.suite()
    people, target = [f"P{n:04d}" for n in range(300)], "P0123"
    columns = [{"name": "arrears", "type": "string", "role": "attribute"}, WAGES]

    def table(who: list[str]) -> str:
        rows = (
            f"{p},{'yes' if int(p[1:]) % 3 == 0 else 'no'},{1500 + int(p[1:]) * 7}\n" for p in who
        )
        return "person_no,arrears,wages\n" + "".join(rows)

    dataset = suite.dataset(LEE, [KEY, *columns], table(people))
    seen: list[tuple[list[str], dict[str, tuple[float, float]]]] = []
    for listed in (people, [person for person in people if person != target]):
        if seen:
            suite.replace(LEE, dataset, table(listed))
            time.sleep(2)  # the copy of the new version arrives by an event
        result = held(suite, dataset, columns=("arrears", "wages"), measure="wages")
        rows = {
            row["level"]: (row["subjects"], row["mean"])
            for row in suite.table(result["id"], "groups")
        }
        seen.append((adapter.flags(result), rows))
        if len(seen) == 1:
            suite.release(result["id"])
    (before, first), (after, second) = seen
    told = [n * mean - second[level][0] * second[level][1] for level, (n, mean) in first.items()
            if level in second and n - second[level][0] == 1]  # fmt: skip
    flagged = sorted(set(after) - set(before))
    return Outcome(
        not told or bool(flagged),
        f"the difference tells {told}; the checkers of the second see {flagged or 'nothing'}",
    )


def dominance(scene: Scene) -> Outcome:
    """06: a mean that one contributor makes is left out, or its checkers see it."""
    suite = scene.suite()
    rows = [(f"B{n:04d}", "A" if n < 10 else "B", 987654321 if n == 3 else 1) for n in range(40)]
    table = "person_no,sector,tax\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    columns = [
        {"name": "sector", "type": "string", "role": "attribute"},
        {"name": "tax", "type": "number", "role": "measure"},
    ]
    result = held(
        suite, suite.dataset(LEE, [KEY, *columns], table), columns=("sector", "tax"), measure="tax"
    )
    mean = next(
        (row["mean"] for row in suite.table(result["id"], "groups") if row["level"] == "A"), None
    )
    flagged = adapter.flags(result)
    return Outcome(
        mean is None or bool(flagged),
        f"mean of the dominated cell {mean}; the checkers see {flagged or 'nothing'}",
    )


def refusal_with_a_row(scene: Scene) -> Outcome:
    """14: while the database is busy a refusal is written later, or the answer is 503."""
    suite = scene.suite()
    mallory = Person("requester", "zzz", f"mallory.{uuid4().hex[:6]}")
    request = tabulated(suite, suite.dataset(LEE, [KEY, REGION], PEOPLE))
    attempt = partial(suite.call, mallory, "GET", f"/requests/{request}")
    if attempt().is_success:
        return Outcome(False, "a stranger reads the request")
    before = wait(
        lambda: len(suite.audited("requests", mallory.subject)), "the row of a refusal", 20
    )
    with closing(
        sqlite3.connect(
            suite.database("requests"), isolation_level=None, check_same_thread=False, timeout=20
        )
    ) as db:
        db.execute("BEGIN IMMEDIATE")
        release = threading.Timer(9, lambda: db.execute("ROLLBACK"))
        release.start()
        answer = attempt()
        release.join()
    until = time.monotonic() + 15
    while (
        rows := len(suite.audited("requests", mallory.subject))
    ) <= before and time.monotonic() < until:
        time.sleep(0.5)
    return Outcome(
        answer.status_code == 503 or rows > before,
        f"answered {answer.status_code}; {rows - before} rows of it",
    )


def changed_meanwhile(scene: Scene) -> Outcome:
    """15: the run reads what the owner saw; the result of a withdrawn dataset is marked."""
    suite, faults = scene.suite(), []
    dataset = suite.dataset(LEE, [KEY, REGION], PEOPLE)
    request = tabulated(suite, dataset)
    suite.decide(LEE, request, dataset)
    suite.replace(LEE, dataset, PEOPLE.replace(",a", ",c").replace(",b", ",d"))
    decided = suite.request(request)
    changed = {"title": "Something quite different", "sensitivity": "identifiable"}
    suite.call(LEE, "PATCH", f"/catalog/datasets/{dataset}", json=changed)
    time.sleep(2)  # what the catalog says of it arrives by an event
    if suite.request(request) != decided:
        faults.append("a change of the dataset's description changes a request that was decided on")
    suite.approve(request, [])
    suite.run(request)
    result = suite.result(request)
    levels = {row["level"] for row in suite.table(result["id"], "groups")}
    if levels != {"a", "b"}:
        faults.append(f"computed on {sorted(levels)}, the owner saw a and b")
    if suite.decide(LEE, request, dataset).is_success:
        faults.append("a dataset is decided on twice")
    suite.release(result["id"])
    wait(lambda: suite.request(request)["status"] == "released", "the release to arrive", 30)
    before = suite.ok(KIM, "GET", f"/results/{result['id']}")
    suite.ok(
        LEE, "POST", f"/catalog/datasets/{dataset}/withdraw", json={"reason": "It held an error."}
    )
    if not marked_within(suite, before, 10):
        faults.append("the result of a withdrawn dataset is served as before")
    return summed(
        faults, "computed on what the owner saw; the result of the withdrawn dataset is marked"
    )


def marked_within(suite: Suite, before: Json, seconds: float) -> bool:
    """Whether a result is shown otherwise than before, or no more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = suite.call(KIM, "GET", f"/results/{before['id']}")
        if now.status_code in (404, 410) or now.json() != before:
            return True
        time.sleep(0.3)
    return False


JUDGES: dict[str, Callable[[Scene], Outcome]] = {
    "01": one_person_one_part,
    "02": forged_row,
    "03": cut_or_emptied,
    "05": differencing,
    "06": dominance,
    "14": refusal_with_a_row,
    "15": changed_meanwhile,
    "19": bodies_that_never_joined,
}
