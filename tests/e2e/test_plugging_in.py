"""The ways in that docs/plugging-in.md shows, with the page's own code, against one running suite that is never restarted."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo import people
from deploy.running import ROOT, WORKER_READY, Program, wait_worker
from deploy.tokens import mint
from tests.analysis import onnx_models
from tests.analysis.weighted_models import above_its_block
from tests.e2e import troubled
from tests.e2e.troubled import COUNCIL, House

pytestmark = pytest.mark.heavy
PAGE = (ROOT / "docs" / "plugging-in.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Iterator[House]:
    suite = troubled.started(tmp_path_factory.mktemp("plugging-in"), cards)
    try:
        with httpx.Client(timeout=30, trust_env=False) as http:
            yield troubled.opened(suite, http)
            assert suite.suite.ended is None
            assert suite.worker.ended is None
    finally:
        suite.stop()


@pytest.fixture(scope="module")
def own_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own, with a library in a version that conflicts with ours."""
    folder = tmp_path_factory.mktemp("own") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = Path(__file__).parent / "foreign" / "requirements.txt"
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "--require-hashes", "-r", str(wanted)], check=True)
    return folder / "bin" / "python"


def block(kind: str, name: str) -> str:
    found = re.search(rf"<!-- {kind}: {re.escape(name)} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found, name
    return found[1]


def go_live(house: House, name: str) -> dict[str, Any]:
    """The method as it was announced, approved by two reviewers of two bodies."""
    path = f"/analysis/methods/{name}/1.0.0"
    house.walk.wait(f"{name} to be announced", lambda: house.send(people.YOON, "GET", path).status_code == 200)
    for reviewer in (people.YOON, people.LIM):
        house.post(reviewer, f"{path}/reviews", {"verdict": "approve", "reason": "Card and code were read."})
    live: dict[str, Any] = house.get(people.YOON, path)
    assert live["state"] == "live"
    return live


def through_to_held(house: House, name: str, inputs: dict[str, str], **parameters: Any) -> dict[str, Any]:
    """A request for the method, decided by everybody, and its result as the checkers get it."""
    method = {"name": name, "version": "1.0.0"}
    body = house.asked(inputs, method=method, parameters=parameters)
    answer = house.walk.wait("the request to be accepted", lambda: accepted(house, body))
    request = answer.json()["id"]
    stewards = {house.inputs["people"]: people.PARK, house.inputs["income"]: people.LEE}
    for dataset in inputs.values():
        assert house.decision(stewards[dataset], request, dataset).status_code == 201
    for member in COUNCIL:
        assert house.ballot(member, request).status_code == 201
    run = house.run(request, "succeeded", "failed")
    assert run["status"] == "succeeded", run["reason"]
    return house.result(request, "held")


def accepted(house: House, body: dict[str, Any]) -> httpx.Response | None:
    answer = house.send(people.KIM, "POST", "/requests", json=body)
    return answer if answer.status_code == 201 else None


@pytest.mark.slow  # installs that environment
def test_a_process_in_an_environment_of_its_own(house: House, own_python: Path, tmp_path: Path) -> None:
    (tmp_path / "region_counts.py").write_text(block("file", "region_counts.py"), encoding="utf-8")
    (tmp_path / "dure_worker.py").write_bytes((ROOT / "services/analysis/worker/dure_worker.py").read_bytes())
    (tmp_path / "worker.token").write_text(mint(house.folder, "worker", "mohw", "region-worker"))
    command = [str(own_python), "region_counts.py", house.embedded.url]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        live = go_live(house, "region_counts")
        assert live["announced_by"] == "region-worker"
        held = through_to_held(house, "region_counts", house.inputs)
        assert [table["name"] for table in held["tables"]] == ["counts"], held["withheld"]
        again = through_to_held(house, "region_counts", house.inputs)
        assert again["id"] != held["id"]
        assert house.result(house.approved(), "held")["status"] == "held", "the stock worker beside it works as before"
    finally:
        process.terminate()
        process.wait(20)


def test_an_onnx_file_uploaded_over_http(house: House) -> None:
    card = onnx_models.card("uploaded_score")
    onnx, features = onnx_models.model(), onnx_models.manifest()["features"]
    key, wages, region = card["inputs"][0]["columns"]
    card["inputs"] = [
        {"name": "people", "title": onnx_models.text("people"), "columns": [key, region]},
        {"name": "income", "title": onnx_models.text("income"), "columns": [key, wages]},
    ]
    features[1] |= {"column": "people__region", "codes": {region: at for at, region in enumerate(sorted(set(troubled.REGIONS)))}}
    requester = {"Authorization": f"Bearer {house.walk.mint(people.KIM)}"}
    given = {
        "card": card,
        "features": features,
        "onnx": onnx,
        "requester": requester,
        "url": house.embedded.url,
        "http": house.http,
    }
    exec(block("run", "upload"), given)
    waits = house.get(people.KIM, "/analysis/onnx-methods/uploaded_score/1.0.0")
    assert waits["announced"] or "worker" in waits["waiting"]
    go_live(house, "uploaded_score")
    assert house.get(people.KIM, "/analysis/onnx-methods/uploaded_score/1.0.0")["announced"]
    held = through_to_held(house, "uploaded_score", house.inputs, capacity=12)
    assert {table["name"] for table in held["tables"]} == {"score_bands"}


def test_a_model_that_fails_its_trial_never_comes_to_its_reviewers(house: House) -> None:
    """Its scores would depend on who else is in the table, which no declaration of the file tells."""
    told = onnx_models.manifest(onnx_models.card("mixing_score"), output="score", position=0)
    house.send(people.KIM, "POST", "/analysis/onnx-methods", json=told).raise_for_status()
    path, binary = "/analysis/onnx-methods/mixing_score/1.0.0", {"Content-Type": "application/octet-stream"}
    house.send(people.KIM, "PUT", f"{path}/file", content=above_its_block(2), headers=binary).raise_for_status()
    house.walk.wait("the trial", lambda: house.get(people.KIM, path)["fault"])
    shown = house.get(people.KIM, path)
    assert (shown["announced"], shown["fault"]["code"]) == (False, "rows-mixed")
    assert "eval" in shown["fault"]["detail"]["ko"] and "eval" in shown["fault"]["detail"]["en"]
    assert house.send(people.YOON, "GET", "/analysis/methods/mixing_score/1.0.0").status_code == 404


def lines_of(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_a_second_worker_says_on_one_line_what_became_of_each_method(house: House, tmp_path: Path) -> None:
    """The methods are the first worker's. There is nothing to raise, and nothing to do."""
    token = tmp_path / "second.token"
    token.write_text(mint(house.folder, "worker", "mohw", "second-worker"))
    command = [
        "-m",
        "services.analysis.worker",
        "--url",
        house.embedded.url,
        "--token-file",
        str(token),
        "--scratch",
        str(tmp_path),
    ]
    command += ["--methods", troubled.NAME, "record_linkage", "--cache", str(tmp_path / "cards"), "--sandbox", "prefer"]
    command += ["--ready-file", str(tmp_path / WORKER_READY)]
    second = Program("second", command, tmp_path / "log", house.embedded.worker.environment)
    second.start()
    try:
        assert wait_worker(second, tmp_path) == ("record_linkage",)
    finally:
        second.stop()
    said = [line for line in lines_of(second.log.read_text()) if "method" in line]
    assert sorted(line["method"] for line in said) == ["record_linkage@1.0.0", f"{troubled.NAME}@1.0.0"], "one line each"
    own, theirs = sorted(said, key=lambda line: str(line["method"]))
    assert (own["message"], own["state"]) == ("method announced", "registered")
    assert (theirs["level"], "another client announced this version" in theirs["message"]) == ("info", True)


def test_polling_leaves_no_log_lines(house: House) -> None:
    """Its worker looked for uploads and runs all the time."""
    polls = ("/analysis/onnx-methods", "/analysis/claims")
    house.walk.wait("a poll of each kind", lambda: all(f'route="{path}"' in metrics(house) for path in polls))
    access = [line for line in lines_of(house.embedded.suite.log.read_text()) if line["logger"] == "dure.access"]
    assert access
    noisy = [
        line
        for line in access
        if (line["method"], line["route"]) == ("GET", polls[0]) or (line["route"], line["status"]) == (polls[1], 204)
    ]
    assert noisy == []


def metrics(house: House) -> str:
    return httpx.get(f"{house.embedded.url}/analysis/metrics", trust_env=False).text
