"""What a generator makes of the OpenAPI documents: a client of every operation, without a warning, that works."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy import openapi
from deploy.installation import SERVICES

pytestmark = pytest.mark.slow
GENERATOR = Path(__file__).parent / "generator" / "requirements.txt"
# Run by the generator's own Python: the modules import, and what matters has types.
LOOK = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
found = {}
for service in sys.argv[2:]:
    package = importlib.import_module(service)
    modules = [each.name for each in pkgutil.walk_packages(package.__path__, f"{service}.")]
    for name in modules:
        importlib.import_module(name)
    found[service] = sorted(name.rpartition(".")[2] for name in modules if name.count(".") == 3 and ".api." in name)
inputs = importlib.import_module("requests_client.models").RequestInInputs
dataset = "0199a1c0-0000-7000-8000-000000000001"
read = inputs.from_dict({"household": {"dataset_id": dataset, "columns": {"person_no": "taxpayer_no"}}})
found["inputs"] = [type(read["household"]).__name__, read.to_dict()["household"]["columns"]["person_no"]]
upload = importlib.import_module("catalog_client.api.files.attach_file")
file = importlib.import_module("catalog_client.types").File
asked = upload._get_kwargs(dataset, body=file(payload=b"person_no\\n1\\n"))
found["upload"] = [asked["method"], asked["headers"]["Content-Type"], asked["content"].decode()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of the generator, in an environment of its own."""
    folder = tmp_path_factory.mktemp("generator") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "--require-hashes", "-r", str(GENERATOR)], check=True)
    return folder / "bin"


def test_every_operation_has_a_client(tools: Path, tmp_path: Path) -> None:
    documents = openapi.documents()
    assert documents.keys() == {*SERVICES, "scoring"}
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
    for service, document in documents.items():
        source, client = tmp_path / f"{service}.json", tmp_path / f"{service}_client"
        source.write_text(openapi.rendered(document), encoding="utf-8")
        command = [str(tools / "openapi-python-client"), "generate", "--path", str(source), "--output-path", str(client)]
        done = subprocess.run(
            [*command, "--meta", "none", "--fail-on-warning"], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert "warning" not in done.stdout.lower(), done.stdout
    clients = [f"{service}_client" for service in documents]
    seen = subprocess.run(
        [str(tools / "python"), "-W", "error", "-c", LOOK, str(tmp_path), *clients], capture_output=True, text=True
    )
    assert seen.returncode == 0, seen.stderr
    found: dict[str, Any] = json.loads(seen.stdout)
    for service, document in documents.items():
        wanted = sorted(operation["operationId"] for _, operation in openapi.operations(document))
        assert found[f"{service}_client"] == wanted
    assert found["inputs"] == ["InputIn", "taxpayer_no"]
    assert found["upload"] == ["put", "application/octet-stream", "person_no\n1\n"]
