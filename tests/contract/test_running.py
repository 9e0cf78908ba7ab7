"""How programs of the suite are started: on ports of their own, waited for until they are ready or have ended."""

import socket
import sys
from pathlib import Path

import pytest

from deploy.running import Program, free_port, wait_ready


def test_a_reserved_port_is_nobody_elses() -> None:
    reserved = {free_port() for _ in range(300)}
    assert len(reserved) == 300
    for _ in range(3000):  # the kernel's own choice, of some thirty thousand ports
        with socket.create_server(("127.0.0.1", 0)) as other:
            assert other.getsockname()[1] not in reserved
    for port in list(reserved)[:20]:
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.heavy
def test_a_program_that_ends_is_waited_for_no_longer(tmp_path: Path) -> None:
    program = Program("ended", ["-c", "raise SystemExit('no such setting')"], tmp_path / "log")
    program.start()
    with pytest.raises(RuntimeError, match="ended with code 1:\nno such setting"):
        wait_ready(program, f"http://127.0.0.1:{free_port()}/readyz", seconds=sys.maxsize)
