"""Every attack on the sandbox that was measured, one child each: refused, or stopped within its limits; and it harms nobody."""

import ast
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.analysis.worker import hosting, landlock
from services.analysis.worker.folders import own_folder, run_folders
from services.analysis.worker.jobs import OUTCOME_FILE, ChildReport, Job, Sandbox, Status, Task, Why
from services.analysis.worker.launcher import Launcher
from tests.analysis.attacks import ATTACKS

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(
        landlock.version() < 1 or os.uname().machine != "x86_64",
        reason="this machine has no Landlock or no table of system calls",
    ),
]
SECRET = "900101-1234567"
# What the kernel says to a call that a filter, Landlock or a limit refuses; a mistake in an attack is none of these.
REFUSED = {"PermissionError", "OSError", "BlockingIOError", "gaierror"}

# Attack -> why the launcher ends it. None: the child is refused the memory.
STOPPED: dict[str, Why | None] = {
    "eat_by_numpy": None,
    "eat_by_private_mapping": None,
    "eat_by_shared_mapping": Why.MEMORY,
    "fill_the_disk": Why.DISK,
    "fill_with_hidden_files": Why.DISK,
    "many_files": Why.DISK,
    "deep_folder": Why.DISK,
    "many_threads": Why.TASKS,
    "loop_that_hears_no_signal": Why.WALL,
    "hang": Why.WALL,
}
NAMES = [
    one.name
    for one in ast.parse(ATTACKS).body
    if isinstance(one, ast.FunctionDef) and [arg.arg for arg in one.args.args] == ["at"]
]
REFUSALS = [name for name in NAMES if name not in STOPPED and name != "shout"]
# What does get through where the sandbox is off: the attacks are real.
WITHOUT = """
    read_passwd read_secret read_through_a_link read_another_run list_parent_descriptors list_processes
    list_the_secrets_folder list_runs read_by_an_early_thread watch_with_inotify write_secret truncate_secret remove_secret
    chmod_secret touch_secret rename_secret rename_onto_secret link_secret symlink_outside create_outside folder_outside
    change_input remove_input chmod_input tcp_connect tcp_listen udp_send udp_bind unix_path unix_abstract unix_datagram_pair
    unix_bind netlink fork run_a_program spawn kill_other probe_everybody kill_a_thread_of_another handle_of_another
    signal_by_owner outlive_the_launcher
"""


@dataclass
class Scene:
    """A launcher, and what stands around it: a secret, a process of the same user, sockets that are listened on."""

    folder: Path
    run: Callable[[Job], ChildReport]
    sockets: dict[str, socket.socket]
    victim: subprocess.Popen[bytes]

    @property
    def secret(self) -> Path:
        return self.folder / "outside" / "secret"

    def renew(self) -> None:
        """The secret as it was, and a victim that is as it was."""
        (self.folder / "outside" / "run-other").mkdir(parents=True, exist_ok=True)
        (self.folder / "outside" / "run-other" / "linked.parquet").write_text(SECRET)
        self.secret.write_text(SECRET)
        self.secret.chmod(0o600)
        os.utime(self.secret, (1e9, 1e9))
        if self.victim.poll() is not None:
            self.victim = sleeping()

    def attacked(self, do: str, sandbox: Sandbox = Sandbox.REQUIRE, seconds: float = 120.0) -> "Attacked":
        self.renew()
        ports = {name: self.sockets[name].getsockname()[1] for name in ("tcp", "udp")}
        given = {
            "do": do,
            "secret": str(self.secret),
            "folder": str(self.secret.parent),
            "victim": self.victim.pid,
            "unix": self.sockets["unix"].getsockname(),
            "unix_datagrams": self.sockets["unix_datagrams"].getsockname(),
            "abstract": self.sockets["abstract"].getsockname()[1:].decode(),
            **ports,
        }
        with own_folder(self.folder / "scratch") as mine, run_folders(mine) as folders:
            (folders.bundle / "linked.parquet").write_text(SECRET)
            job = Job(
                Task.RUN,
                "hostile_method",
                str(folders.work),
                str(folders.bundle),
                readable=hosting.Code("hostile_method", {"hostile_method.py": self.folder / "hostile_method.py"}).readable,
                parameters=given,
                seconds=seconds,
                memory_mb=200,
                disk_mb=64,
                sandbox=sandbox,
                log=str(self.folder / "log"),
            )
            report = self.run(job)
            outcome = folders.work / OUTCOME_FILE
            told = json.loads(outcome.read_text()) if outcome.exists() else {}
            untouched = (folders.bundle / "linked.parquet").exists()
            untouched = untouched and (folders.bundle / "linked.parquet").read_text() == SECRET
        return Attacked(report, told, untouched)


@dataclass
class Attacked:
    report: ChildReport
    told: dict[str, Any]
    untouched: bool

    @property
    def through(self) -> bool:
        """A method that gives back a word gives back no Outputs: that is how it says so."""
        return self.told.get("status") == Status.INVALID


def sleeping() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])  # noqa: S603


def listening(folder: Path, stack: ExitStack) -> dict[str, socket.socket]:
    kinds: dict[str, tuple[int, int, Any]] = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "unix": (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "s")),
        "unix_datagrams": (socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "d")),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0dure-{folder.name}-{os.getpid()}"),
    }
    found = {}
    for name, (family, kind, address) in kinds.items():
        one = stack.enter_context(socket.socket(family, kind))
        one.bind(address)
        one.setblocking(False)
        if kind == socket.SOCK_STREAM:
            one.listen()
        found[name] = one
    return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "hostile_method.py").write_text(ATTACKS)
    with asyncio.Runner() as runner, ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        launcher = Launcher()
        stack.callback(lambda: runner.run(launcher.stop()))
        run = lambda job: runner.run(launcher.run(job, lambda progress, message: None))  # noqa: E731
        scene = Scene(folder, run, listening(folder, stack), sleeping())
        yield scene
        scene.victim.kill()
        scene.victim.wait()


def check_nobody_is_harmed(scene: Scene, attacked: Attacked) -> None:
    assert attacked.report.layers.complete
    assert attacked.untouched
    assert scene.secret.read_text() == SECRET
    about = scene.secret.stat()
    assert (about.st_mode & 0o777, about.st_mtime, about.st_nlink) == (0o600, 1e9, 1)
    assert {path.name for path in scene.secret.parent.iterdir()} == {"secret", "run-other"}
    assert not [left for left in (Path("/tmp"), Path("/dev/shm")) if (left / "made-by-an-attack").exists()]  # noqa: S108
    victim = psutil.Process(scene.victim.pid)
    assert scene.victim.poll() is None
    assert victim.nice() == psutil.Process().nice()
    assert victim.cpu_affinity() == psutil.Process().cpu_affinity()
    assert os.sched_getscheduler(victim.pid) == os.sched_getscheduler(0)
    assert resource.prlimit(victim.pid, resource.RLIMIT_CPU) == resource.getrlimit(resource.RLIMIT_CPU)
    assert not heard(scene)


def heard(scene: Scene) -> list[str]:
    """Sockets that somebody reached."""
    found = []
    for name, one in scene.sockets.items():
        try:
            if one.type == socket.SOCK_STREAM:
                one.accept()[0].close()
            else:
                one.recv(1)
            found.append(name)
        except BlockingIOError:
            continue
    return found


@pytest.mark.parametrize("do", REFUSALS)
def test_it_is_refused(scene: Scene, do: str) -> None:
    attacked = scene.attacked(do)
    assert attacked.told.get("status") == Status.CRASHED, (attacked.told, attacked.report)
    assert attacked.told["exception"] in REFUSED, attacked.told
    check_nobody_is_harmed(scene, attacked)


@pytest.mark.parametrize("do", STOPPED)
def test_it_is_stopped_within_its_limits(scene: Scene, do: str) -> None:
    attacked = scene.attacked(do, seconds=1.0 if STOPPED[do] is Why.WALL else 120.0)
    assert attacked.report.why is STOPPED[do], attacked
    if STOPPED[do] is None:
        assert attacked.told.get("status") in (Status.MEMORY, Status.CRASHED), attacked.told
        assert attacked.told.get("exception", "OSError") in REFUSED
    assert attacked.report.peak_mb < 1024
    check_nobody_is_harmed(scene, attacked)
    launchers = [one for one in psutil.Process().children() if "services.analysis.worker.child" in one.cmdline()]
    assert launchers
    assert not [left for one in launchers for left in one.children(recursive=True)]


def test_what_it_prints_is_bounded(scene: Scene) -> None:
    attacked = scene.attacked("shout", seconds=120)
    assert (attacked.report.why, attacked.through) == (None, True)
    assert 0 < (scene.folder / "log").stat().st_size <= 64 << 10
    check_nobody_is_harmed(scene, attacked)


@pytest.mark.parametrize("do", WITHOUT.split())
def test_the_attack_is_real_where_the_sandbox_is_off(scene: Scene, do: str) -> None:
    attacked = scene.attacked(do, Sandbox.OFF)
    assert attacked.through, (attacked.told, attacked.report)
    heard(scene)
    for made in ("made", "link"):
        path = scene.secret.parent / made
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    if scene.victim.poll() is None and do.startswith(("kill_", "signal_")):
        scene.victim.wait(10)


def test_no_attack_is_left_out() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 65
    assert {*STOPPED, *WITHOUT.split()} <= set(NAMES)
