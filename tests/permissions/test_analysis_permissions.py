"""Every cell of the analysis service's permission table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.permissions import rows
from services.analysis.actions import keep_released_model
from services.analysis.modelfiles import inspect_file
from services.analysis.models import Method, MethodState, Model, ModelState, Run, RunArtefact, RunStatus
from services.analysis.tokens import Attempt, mint_token
from shared.clock import now
from shared.contracts import MethodRef, ModelFormat, ModelRef, OutputKind, StoredObject
from shared.ids import new_id
from tests.analysis import models, onnx_models
from tests.analysis.examples import CSV, DIGEST, SITES_FILE, approved, card
from tests.permissions.matrix import REASON, Call, Headers, Who, World, common, fresh, mismatches, sealed

REVIEW = {"verdict": "approve", "reason": "Read it."}
BYTES = {"Content-Type": "application/octet-stream"}
TABLE = b'{"name":"by_region","columns":[],"rows":[]}'

cases = common("analysis")
cases.get_(
    list_methods="/analysis/methods",
    list_uploads="/analysis/onnx-methods",
    list_models="/analysis/models",
    list_grants="/analysis/grants",
    show_grant_rules="/analysis/grants/rules",
    list_runs="/analysis/runs",
    show_run="/analysis/runs/{w.ended}",
    follow_run="/analysis/runs/{w.ended}/events",
    show_log="/analysis/runs/{w.ended}/log",
    list_quotas="/analysis/quotas",
    show_bundle="/analysis/runs/{w.running}/bundle",
    get_bundle_file="/analysis/runs/{w.running}/bundle/linked.csv",
    wait_for_signal="/analysis/runs/{w.running}/signals",
)


@dataclass
class Analysis(World):
    """mohw asks, the data are of nts."""

    file: bytes
    manifest: dict[str, Any]
    ended: UUID = UUID(int=0)
    running: UUID = UUID(int=0)

    async def post(self, path: str, body: Any, *who: str, subject: str) -> Any:
        answer = await self.client.post(f"/analysis/{path}", json=body, headers=self.headers(*who, subject=subject))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def method(self, state: MethodState = MethodState.REGISTERED) -> str:
        """Announced by the worker of `owner`."""
        of = card(name=fresh("m"))
        body = {"card": of.model_dump(mode="json"), "digest": DIGEST}
        await self.post("methods", body, "worker", "nts", subject="worker.owner")
        if state is MethodState.LIVE:
            for ministry in ("mois", "msit"):
                await self.post(f"methods/{of.name}/1.0.0/reviews", REVIEW, "method-reviewer", ministry, subject=ministry)
        return f"/analysis/methods/{of.name}/1.0.0"

    async def upload(self, *, with_file: bool = False) -> str:
        name = fresh("u")
        await self.post(
            "onnx-methods", onnx_models.manifest(onnx_models.card(name)), "requester", "mohw", subject="requester.asker"
        )
        path = f"/analysis/onnx-methods/{name}/1.0.0"
        if with_file:
            headers = self.headers("requester", "mohw", subject="requester.asker") | BYTES
            assert (await self.client.put(f"{path}/file", content=self.file, headers=headers)).status_code == 200
        return path

    async def run(self, status: RunStatus, **more: Any) -> UUID:
        """A run that nobody prepares or takes: its lease ends tomorrow."""
        event = approved()
        stored = await self.client.app.state.storage.put_bytes(SITES_FILE, CSV)
        file = {"name": "linked.csv", **stored.model_dump()}
        values: dict[str, Any] = {
            "request_id": event.brief.request_id, "ministry": "mohw", "status": status, "method_name": "peers",
            "method_release": "1.0.0", "method_digest": DIGEST, "approved": event.model_dump(mode="json"), "fence": 1,
            "worker_fence": 1, "bundle": {"files": [file]}, "due_at": now() + timedelta(days=1),
        }  # fmt: skip
        run = Run(**(values | more))
        async with self.db.transaction() as session:
            session.add(run)
        return run.id

    async def finished(self) -> UUID:
        run = await self.run(RunStatus.SUCCEEDED, due_at=None, ended_at=now(), swept=True)
        log = await self.client.app.state.storage.put_bytes(b"fold 1 of 5\n", "text/plain")
        async with self.db.transaction() as session:
            session.add(RunArtefact(run_id=run, fence=1, kind=OutputKind.LOG, name="log", **log.model_dump()))
        return run

    async def model(self, state: ModelState = ModelState.REGISTERED) -> str:
        run = await self.run(RunStatus.SUCCEEDED, due_at=None, ended_at=now(), swept=True)
        released = now() if state is ModelState.RELEASED else None
        model = Model(
            run_id=run, request_id=new_id(), ministry="mohw", name="scorer", format=ModelFormat.ONNX, sha256="ab" * 32, size=10,
            media_type=BYTES["Content-Type"], method_name="peers", method_release="1.0.0", method_digest=DIGEST,
            announced_by="setup", authors=["kim"], datasets=[], state=state, released_at=released,
            manifest=self.manifest,
        )  # fmt: skip
        async with self.db.transaction() as session:
            session.add(model)
        return f"/analysis/models/{model.id}"

    async def released(self, trained_for: str = "mss") -> UUID:
        """A model that was trained on data of nts."""
        stored = StoredObject(sha256="cd" * 32, size=10, media_type=BYTES["Content-Type"])
        of = MethodRef(name=fresh("g"), version="1.0.0", digest=DIGEST)
        model = ModelRef(model_id=new_id(), name="scorer", method=of, format=ModelFormat.ONNX, object=stored)
        async with self.db.transaction() as session:
            await keep_released_model(session, model, trained_for, ["nts"])
        return model.model_id

    async def grant(self, trained_for: str = "mss") -> str:
        body = asked(await self.released(trained_for))
        return f"/analysis/grants/{(await self.post('grants', body, 'requester', 'mohw', subject='kim'))['id']}"

    async def run_token(self, call: Call, ministry: str) -> str:
        run = UUID(call.path.split("/")[3])
        return mint_token(self.client.app.state.settings.token_bytes, Attempt(run, 1, "stock-worker", ministry))


def asked(model_id: UUID) -> dict[str, Any]:
    return {
        "model_id": str(model_id), "client": "planner.mohw", "purpose": "Ranks visits.", "legal_basis": "Act, article 12",
        "valid_from": now().isoformat(), "valid_until": (now() + timedelta(days=30)).isoformat(), "rows_per_day": 1000,
    }  # fmt: skip


# Methods


@cases.on("announce_method")
async def announce_method(world: Analysis, who: Who | None) -> Call:
    body = {"card": card(name=fresh("m")).model_dump(mode="json"), "digest": DIGEST}
    return Call("POST", "/analysis/methods", body)


@cases.on("show_method while registered")
async def show_registered(world: Analysis, who: Who | None) -> Call:
    return Call("GET", await world.method())


@cases.on("show_method once live")
async def show_live(world: Analysis, who: Who | None) -> Call:
    return Call("GET", await world.method(MethodState.LIVE))


@cases.on("review_method")
async def review_method(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"{await world.method()}/reviews", REVIEW)


@cases.on("withdraw_method")
async def withdraw_method(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"{await world.method()}/withdraw", REASON)


@cases.on("upload_manifest")
async def upload_manifest(world: Analysis, who: Who | None) -> Call:
    of = onnx_models.card(fresh("u"), owner=who.ministry if who else "mohw")
    return Call("POST", "/analysis/onnx-methods", onnx_models.manifest(of))


@cases.on("show_upload")
async def show_upload(world: Analysis, who: Who | None) -> Call:
    return Call("GET", await world.upload())


@cases.on("attach_file")
async def attach_file(world: Analysis, who: Who | None) -> Call:
    return Call("PUT", f"{await world.upload()}/file", content=world.file, headers=BYTES)


@cases.on("get_file")
async def get_file(world: Analysis, who: Who | None) -> Call:
    return Call("GET", f"{await world.upload(with_file=True)}/file")


@cases.on("note_fault")
async def note_fault(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"{await world.upload(with_file=True)}/fault", {"detail": "It has no output of that name."})


# Models and grants


@cases.on("show_model while registered")
async def show_registered_model(world: Analysis, who: Who | None) -> Call:
    return Call("GET", await world.model())


@cases.on("show_model once released")
async def show_released_model(world: Analysis, who: Who | None) -> Call:
    return Call("GET", await world.model(ModelState.RELEASED))


@cases.on("review_model")
async def review_model(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"{await world.model()}/reviews", REVIEW)


@cases.on("withdraw_model")
async def withdraw_model(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"{await world.model()}/withdraw", REASON)


@cases.on("ask_for_grant")
async def ask_for_grant(world: Analysis, who: Who | None) -> Call:
    return Call("POST", "/analysis/grants", asked(await world.released()))


def of_grant(method: str, last: str, body: Any, trained_for: str) -> Callable[[Analysis, Who | None], Awaitable[Call]]:
    async def case(world: Analysis, who: Who | None) -> Call:
        return Call(method, f"{await world.grant(trained_for)}{last}", body)

    return case


for words, ministry in (("", "mss"), (" trained for other", "moel")):
    cases.on(f"show_grant{words}")(of_grant("GET", "", None, ministry))
    cases.on(f"review_grant{words}")(of_grant("POST", "/reviews", REVIEW, ministry))
    cases.on(f"revoke_grant{words}")(of_grant("POST", "/revoke", REASON, ministry))
cases.on("object_to_grant")(of_grant("POST", "/objections", REASON, "mss"))


# Runs


@cases.on("cancel_run")
async def cancel_run(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"/analysis/runs/{await world.run(RunStatus.RUNNING)}/cancel", REASON)


@cases.on("prioritise_run")
async def prioritise_run(world: Analysis, who: Who | None) -> Call:
    return Call("POST", f"/analysis/runs/{await world.run(RunStatus.RUNNING)}/priority", {"priority": "urgent"} | REASON)


@cases.on("set_quota")
async def set_quota(world: Analysis, who: Who | None) -> Call:
    return Call("PUT", "/analysis/quotas/mohw", {"most": 5} | REASON)


@cases.on("claim_run")
async def claim_run(world: Analysis, who: Who | None) -> Call:
    offered = [{"name": "nothing", "version": "1.0.0", "digest": DIGEST}]
    return Call("POST", "/analysis/claims", {"worker": str(new_id()), "methods": offered, "wait": 0})


def of_run(method: str, last: str, **more: Any) -> Callable[[Analysis, Who | None], Awaitable[Call]]:
    async def case(world: Analysis, who: Who | None) -> Call:
        return Call(method, f"/analysis/runs/{await world.run(RunStatus.RUNNING)}/{last}", **more)

    return case


ENDED = {"outcome": "failed", "reason": {"code": "method-crashed", "detail": "It needed more memory."}}
cases.on("beat")(of_run("POST", "heartbeat", json={"progress": 0.5, "message": "fold 1"}))
cases.on("finish_run")(of_run("POST", "finish", json=ENDED))
JSON = {"Content-Type": "application/json"}
cases.on("put_artefact")(of_run("PUT", "artefacts/table/by_region", content=TABLE, headers=JSON))


@pytest.mark.heavy
async def test_every_cell(serve: Callable[..., Awaitable[Any]], headers: Headers, tmp_path: Path) -> None:
    client = await serve("analysis")
    (tmp_path / "model").write_bytes(models.onnx_file())
    world = Analysis(client, headers, onnx_models.model(), inspect_file(tmp_path / "model").manifest.model_dump(mode="json"))
    peers = card().model_dump(mode="json")
    async with world.db.transaction() as session:
        session.add(
            Method(
                name="peers", release="1.0.0", digest=DIGEST, card=peers, state=MethodState.LIVE, announced_by="stock-worker",
                announced_ministry="mois", live_at=now(),
            )
        )  # fmt: skip
    world.ended, world.running = await world.finished(), await world.run(RunStatus.RUNNING)
    await sealed(world, "analysis")
    found = await mismatches(world, rows("analysis"), cases)
    assert not found, "\n".join(found)
