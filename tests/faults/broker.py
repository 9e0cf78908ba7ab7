"""A private RabbitMQ broker that can be killed and comes back with what it had confirmed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.running import free_port

HOME = Path("/usr/lib/rabbitmq/bin")
PATIENCE = 300
SETTINGS = """
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users.guest = true
log.console = false
disk_free_limit.absolute = 50MB
"""


class Broker:
    """Node name, cookie, port mapper, data and logs of its own, in one folder that its user may enter."""

    def __init__(self) -> None:
        if not (HOME / "rabbitmq-server").exists():
            pytest.skip("RabbitMQ is reachable, but not installed here: a private broker cannot be started")
        # Not below the folder of a test, which its user may not enter.
        folder = self.folder = Path(tempfile.mkdtemp(prefix="dure-broker-"))
        self.port = free_port()
        (folder / "rabbitmq.conf").write_text(SETTINGS.format(port=self.port))
        (folder / "enabled_plugins").write_text("[].")
        self.prefix: list[str] = []
        if os.getuid() == 0:
            shutil.chown(folder, "rabbitmq", "rabbitmq")
            self.prefix = ["setpriv", "--reuid", "rabbitmq", "--regid", "rabbitmq", "--clear-groups"]
        # RUNNING_UNDER_SYSTEMD: the process is the broker itself, so that killing it kills the broker.
        self.environment = {
            "PATH": f"{HOME}:{os.environ['PATH']}", "HOME": str(folder), "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_NODENAME": f"t{self.port}@localhost", "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/none",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data", "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }  # fmt: skip
        self.mapper = self.program("epmd", "-address", "127.0.0.1")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def program(self, *command: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "out").open("ab") as out:
            return subprocess.Popen(
                [*self.prefix, *command], env=self.environment, cwd=self.folder, stdout=out, stderr=out, start_new_session=True
            )

    def start(self) -> None:
        """Returns when it speaks AMQP."""
        self.process = self.program(str(HOME / "rabbitmq-server"))
        until = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "out").read_text(errors="replace")
            assert time.monotonic() < until, "the private broker does not answer"
            time.sleep(0.1)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            connection.settimeout(1)
            return bool(connection.recv(1))
        return False

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        self.kill()
        self.mapper.kill()
        self.mapper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
