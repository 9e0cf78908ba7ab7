"""docker-compose.yml and its environment, as far as they can be checked without a container engine."""

import argparse
import base64
import hashlib
import json
import re
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.make_env import KEYS, main, rendered, write
from deploy.installation import SERVICES
from services.analysis.worker.options import add_engine, add_worker
from shared.topology import LISTENERS, Topology

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: container for name, container in CONTAINERS.items() if container["image"].startswith("dure/")}
JOBS = {name for name, container in CONTAINERS.items() if container["restart"] == "no"}
ENGINE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose" / "engine.yml").read_text("utf-8"))
PARTS: dict[str, dict[str, Any]] = {name: part for name, part in ENGINE["services"].items() if name != "worker"}
DEFAULT = r"\$\{\w+:-(.+)\}"
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


def variables(text: str) -> dict[str, str]:
    """Name -> value of an environment file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


SECRETS = {name for name, value in variables(EXAMPLE).items() if not value}

# The containers


@pytest.mark.parametrize("name", [*CONTAINERS, *PARTS])
def test_every_container_is_confined(name: str) -> None:
    container = (CONTAINERS | PARTS)[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert container["logging"]["options"].keys() >= {"max-size", "max-file"}
    assert container["mem_limit"]
    assert container["pids_limit"]
    assert not container.get("privileged")
    assert not any("docker.sock" in volume for volume in container.get("volumes", []))


@pytest.mark.parametrize("name", CONTAINERS)
def test_restart_policy_and_health_check(name: str) -> None:
    container = CONTAINERS[name]
    if name in JOBS:
        assert "healthcheck" not in container
        return
    assert container["restart"] == "unless-stopped"
    if name in SERVICES:
        assert f"/{name}/readyz" in " ".join(container["healthcheck"]["test"])
    assert name in {"storage"} or "healthcheck" in container


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("service", SERVICES)
def test_the_health_check_tells_ready_from_not(service: str, status: int) -> None:
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        _, program, *arguments = CONTAINERS[service]["healthcheck"]["test"]
        assert program == "python"
        command = [sys.executable, *(argument.replace("8000", str(server.server_port)) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (int(status != 200), "")
    assert asked == [f"/{service}/readyz"]


@pytest.mark.parametrize("name", [*OWN, "gateway"])
def test_our_programs_run_under_a_user_without_rights(name: str) -> None:
    assert CONTAINERS[name]["user"] == "10001:10001"
    assert "cap_add" not in CONTAINERS[name]


@pytest.mark.parametrize("name", CONTAINERS)
def test_images_are_pinned(name: str) -> None:
    image = re.sub(DEFAULT, r"\1", CONTAINERS[name]["image"])
    tag = image.rpartition(":")[2]
    assert re.search(r"\d+\.\d+|\d{4}-\d{2}-\d{2}", tag), image


def test_only_the_gateway_has_a_port_outside() -> None:
    assert [name for name, container in CONTAINERS.items() if "ports" in container] == ["gateway"]
    assert CONTAINERS["gateway"]["ports"] == ["${GATEWAY_BIND:-127.0.0.1}:${GATEWAY_PORT:-8080}:8080"]


def test_the_worker_stands_alone() -> None:
    worker = CONTAINERS["worker"]
    assert worker["networks"] == ["work"]
    assert COMPOSE["networks"]["work"]["internal"] is True
    assert {name for name, container in CONTAINERS.items() if "work" in container.get("networks", [])} == {"worker", "gateway"}
    assert "environment" not in worker


def test_what_is_kept_has_no_way_out() -> None:
    assert COMPOSE["networks"]["data"]["internal"] is True
    for name in ("postgres", "rabbitmq", "storage"):
        assert CONTAINERS[name]["networks"] == ["data"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_waits_for_its_migration_and_gets_no_secret_of_another(service: str) -> None:
    container = CONTAINERS[service]
    assert container["depends_on"][f"{service}-migrate"] == {"condition": "service_completed_successfully"}
    job = CONTAINERS[f"{service}-migrate"]
    url = job["environment"][f"{service.upper()}_DATABASE_URL"]
    assert url.startswith(f"postgresql+asyncpg://{service}_owner:")
    assert used(url) == {f"{service.upper()}_DB_OWNER_PASSWORD"} != used(container["environment"])
    assert job["image"] == container["image"]
    assert list(job["environment"]) == [f"{service.upper()}_DATABASE_URL"]
    assert all(name.startswith(f"{service.upper()}_") for name in container["environment"])
    others = [other.upper() for other in SERVICES if other != service]
    for name in used(container["environment"]) & SECRETS:
        assert not any(other in name for other in others), name


@pytest.mark.parametrize("service", SERVICES)
def test_settings_of_the_service_take_what_the_file_gives(service: str) -> None:
    module = __import__(f"services.{service}.settings", fromlist=["Settings"])
    given = {name.removeprefix(f"{service.upper()}_").lower() for name in CONTAINERS[service]["environment"]}
    assert given <= set(module.Settings.model_fields)
    assert given >= {name for name, field in module.Settings.model_fields.items() if field.is_required()}
    assert given >= {"amqp_url", "audit_key", "audit_mac_key", "audit_checkpoints", "storage_options"}
    assert "migrate_at_start" not in given


def test_the_scoring_door_is_told_what_it_needs_and_has_no_secret_of_runs() -> None:
    from services.analysis.scoring.settings import Settings

    container = CONTAINERS["scoring"]
    given = {name.removeprefix("SCORING_").lower() for name in container["environment"]}
    assert given <= set(Settings.model_fields)
    assert given >= {name for name, field in Settings.model_fields.items() if field.is_required()} | {"storage_options"}
    assert not used(container["environment"]) & {"ANALYSIS_WRAPPING_KEY", "ANALYSIS_TOKEN_KEY", "BROKER_PASSWORD_ANALYSIS"}
    assert container["depends_on"]["analysis-migrate"] == {"condition": "service_completed_successfully"}
    assert "/analysis/scoring/v2/health/ready" in " ".join(container["healthcheck"]["test"])
    assert used(container["environment"]["SCORING_DATABASE_URL"]) == {"ANALYSIS_DB_PASSWORD"}
    assert container["environment"]["SCORING_AUDIT_MAC_KEY"] == "/keys/audit.mac"
    assert "scoring-keys:/keys:ro" in container["volumes"]  # no key that signs is in there


def test_everything_that_is_mounted_is_there() -> None:
    for container in CONTAINERS.values():
        for volume in container.get("volumes", []):
            source, _, rest = volume.partition(":")
            assert source in COMPOSE["volumes"] or ((ROOT / source).exists() and rest.endswith(":ro")), volume


def test_the_identity_provider_is_for_development_only() -> None:
    assert CONTAINERS["identity"]["profiles"] == ["development"]
    mounts = {name: container.get("volumes", []) for name, container in CONTAINERS.items()}
    assert [name for name, volumes in mounts.items() if any(volume.startswith("identity:") for volume in volumes)] == ["identity"]
    assert not any("identity" in container.get("depends_on", {}) for container in CONTAINERS.values())
    for name, volumes in mounts.items():
        for volume in volumes:
            if volume.startswith(("jwks:", "worker-token:")) and name != "identity":
                assert volume.endswith(":ro")


# With an engine


def test_the_parts_of_an_engine_stand_alone() -> None:
    assert PARTS.keys() == {"engine-keys", "scheduler", "node"}
    assert PARTS["engine-keys"]["network_mode"] == "none"
    assert PARTS["scheduler"]["networks"] == PARTS["node"]["networks"] == ["engine"]
    assert ENGINE["networks"] == {"engine": {"internal": True}}
    for name, part in PARTS.items():
        assert part["user"] == "10001:10001"
        assert part["restart"] == ("no" if name in ("engine-keys",) else "unless-stopped")
        assert "cap_add" not in part
        assert "ports" not in part
        assert "environment" not in part
        assert part["image"] in {"dure/engine:${DURE_VERSION:-0.1.0}", "dure/setup:${DURE_VERSION:-0.1.0}"}
    for name, part in ENGINE["services"].items():
        for volume in part["volumes"]:
            source, target, *mode = volume.split(":")
            assert source in ENGINE["volumes"]
            assert mode == (["ro"] if target == "/keys" else []), f"{name} may write to its own keys"


def test_the_worker_of_an_engine_is_told_the_same_and_the_scheduler() -> None:
    parser = argparse.ArgumentParser()
    add_worker(parser)
    add_engine(parser)
    commands = [[re.sub(DEFAULT, r"\1", word) for word in each["worker"]["command"]] for each in (CONTAINERS, ENGINE["services"])]
    alone, beside = (vars(parser.parse_args(command)) for command in commands)
    told = {name: value for name, value in beside.items() if alone[name] != value}
    assert told.keys() == {"scheduler", "root", "authority", "certificate", "key"}
    assert told["scheduler"] in PARTS["node"]["command"]
    assert f"engine:{told['root']}" in PARTS["node"]["volumes"]
    assert ENGINE["services"]["worker"]["build"] == {"target": "engine"}


# The environment


def used(value: Any) -> set[str]:
    return set(re.findall(r"\$\{(\w+)", str(value)))


def test_the_example_names_what_the_file_takes() -> None:
    build = {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"}
    assert used(CONTAINERS) - build == set(variables(EXAMPLE)) - {"COMPOSE_PROFILES"}


def test_no_secret_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for secret in SECRETS:
        assert re.search(rf"\$\{{{secret}:\?", text), secret
        assert not re.search(rf"\$\{{{secret}(:?-|\}})", text), f"{secret} has a default, or may be missing"
    for container in CONTAINERS.values():
        for name, value in container.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|_KEYS?$|TOKEN", name) and not name.endswith(("AUDIT_KEY", "AUDIT_MAC_KEY")):
                assert used(value) & SECRETS, name


def test_every_secret_is_made_and_no_two_are_alike(tmp_path: Path) -> None:
    write(tmp_path / "one", {})
    write(tmp_path / "two", {"GATEWAY_PORT": "9000", "S3_COMMAND": ""})
    one, two = (variables((tmp_path / name).read_text("utf-8")) for name in ("one", "two"))
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    made = [one[name] for name in SECRETS] + [two[name] for name in SECRETS]
    assert len(set(made)) == 2 * len(SECRETS)
    assert all(len(secret) >= 40 for secret in made)
    assert all(re.fullmatch("[0-9a-f]+", one[name]) for name in SECRETS - set(KEYS))
    assert (two["GATEWAY_PORT"], two["S3_COMMAND"], one["S3_BUCKET"]) == ("9000", "", "dure")


def test_an_environment_that_is_there_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "env"
    file.write_text("kept")
    monkeypatch.setattr(sys, "argv", ["make_env", "--file", str(file)])
    assert main() == 1
    assert file.read_text() == "kept"
    assert "left as it is" in capsys.readouterr().err


def test_a_name_that_the_example_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="GATEWAY_PROT"):
        rendered(EXAMPLE, {"GATEWAY_PROT": "9000"})


# The parts that are told the same thing twice


def test_the_gateway_serves_exactly_the_services() -> None:
    text = (ROOT / "deploy" / "gateway.conf").read_text("utf-8")
    assert f"location ~ ^/({'|'.join(SERVICES)})(/|$)" in text
    assert f"location ~ ^/({'|'.join(SERVICES)})/metrics/?$" in text


def test_uploads_stream_through_the_gateway_up_to_the_limit_of_the_catalog() -> None:
    from services.analysis.scoring.settings import Settings as Scoring
    from services.analysis.settings import Settings as Analysis
    from services.catalog.settings import Settings as Catalog

    text = (ROOT / "deploy" / "gateway.conf").read_text("utf-8")
    for beginning, limit, name in (
        ("^/(catalog)/datasets/", Catalog, "upload_limit"), ("^/(analysis)/runs/", Analysis, "list_limit"),
        ("^/analysis/(scoring)(/|$)", Scoring, "body_limit"),
    ):  # fmt: skip
        block = text[text.index(f"location ~ {beginning}") :].split("}")[0]
        field = limit.model_fields[name]
        number, unit = re.search(r"client_max_body_size (\d+)([mg]);", block).groups()  # type: ignore[union-attr]
        assert int(number) * {"m": 1024**2, "g": 1024**3}[unit] == field.default
        assert "proxy_request_buffering off;" in block


def test_the_gateway_says_its_own_problems_in_both_languages() -> None:
    text = (ROOT / "deploy" / "gateway.conf").read_text("utf-8")
    answers = re.findall(r"location @\w+ \{[^}]*return (\d+) \$(\w+);", text)
    assert len(answers) == len(re.findall(r"location @", text)) == 5
    for status, name in answers:
        block = re.search(rf"map \$language \${name} \{{\n +en '(.*)';\n +ko '(.*)';\n", text)
        assert block, name
        english, korean = map(json.loads, block.groups())
        assert english["status"] == korean["status"] == int(status)
        assert all(re.search("[가-힣]", korean[part]) and english[part].isascii() for part in ("title", "detail"))


def test_the_start_page_of_the_gateway_may_use_its_style() -> None:
    text = (ROOT / "deploy" / "gateway.conf").read_text("utf-8")
    styles = set(re.findall("<style>(.*?)</style>", text))
    digests = {base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in styles}
    assert digests == set(re.findall("style-src 'sha256-(.*?)'", text))


def test_the_gateway_bounds_calls_and_connections_of_one_address() -> None:
    text = (ROOT / "deploy" / "gateway.conf").read_text("utf-8")
    server = text[text.index("    server {") : text.index("        location = / {")]
    for kind, zone in (("limit_req", "calls"), ("limit_conn", "connections")):
        assert f"{kind}_zone $binary_remote_addr zone={zone}:" in text
        assert re.search(rf"^ +{kind} .*\b{zone}\b", server, re.MULTILINE), "for every location"
        assert f"{kind}_status 429;" in text
        assert not re.search(rf"^ +{kind} ", text.replace(server, ""), re.MULTILINE), "one of its own would replace it"
    answer = text[text.index("location @too_many") :].split("        }")[0]
    assert "add_header Retry-After 1 always;" in answer
    document = json.loads(re.search("problem_too_many {\n +en '(.*)'", text)[1])  # type: ignore[index]
    assert document["status"] == 429


def test_each_program_of_the_images_ends_slow_connections() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    commands = [json.loads(line.removeprefix("CMD ")) for line in text.splitlines() if line.startswith('CMD ["uvicorn"')]
    assert len(commands) == len(SERVICES) + 1
    for command in commands:
        assert command[command.index("--http") + 1] == "shared.server:Protocol"


def test_every_service_has_a_database_and_a_broker_user() -> None:
    script = (ROOT / "deploy" / "compose" / "initdb" / "10-services.sh").read_text("utf-8")
    assert f"for service in {' '.join(SERVICES)}; do" in script
    for kind in ("DB_PASSWORD", "DB_OWNER_PASSWORD"):
        assert {f"{service.upper()}_{kind}" for service in SERVICES} <= used(CONTAINERS["postgres"]["environment"])
    users = {f"BROKER_PASSWORD_{service.upper()}" for service in Topology(listeners=LISTENERS).services}
    assert set(CONTAINERS["setup"]["environment"]) == users <= set(variables(EXAMPLE))
