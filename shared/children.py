"""A child process that answers on a pipe of its own: what libraries print can never be its answer."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

MOST_ANSWER = 64 * 1024 * 1024
KEPT_OUTPUT = 2_000
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Ended:
    """How a child ended: its status, its answer, and the end of what it printed."""

    status: int
    answer: bytes
    printed: bytes


class AnswerTooLargeError(Exception):
    """The child answered with more bytes than are read."""


async def run_child(command: Sequence[str], *, question: bytes, cwd: Path, env: Mapping[str, str], seconds: float) -> Ended:
    """Run a command to its end; the number of the answer's descriptor is its last argument.

    The question comes on standard input. Raises TimeoutError after `seconds` and
    AnswerTooLargeError; the child is gone when this returns or raises.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, str(writing), cwd=cwd, env=dict(env), pass_fds=(writing,),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(seconds):
                _, printed, answer = await asyncio.gather(hand_over(process, question), tail_of(process), whole_of(pipe))
                return Ended(await process.wait(), answer, printed)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def hand_over(process: asyncio.subprocess.Process, question: bytes) -> None:
    """Write the question and the end of it; a child that has died reads nothing."""
    assert process.stdin
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(question)
        await process.stdin.drain()
    process.stdin.close()


async def tail_of(process: asyncio.subprocess.Process) -> bytes:
    """The last bytes of what the child prints, however much that is."""
    assert process.stdout
    tail = b""
    while chunk := await process.stdout.read(CHUNK):
        tail = (tail + chunk)[-KEPT_OUTPUT:]
    return tail


async def whole_of(pipe: FileIO) -> bytes:
    """Everything that is written to a pipe. Raises AnswerTooLargeError."""
    reader, answer = asyncio.StreamReader(), bytearray()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        while chunk := await reader.read(CHUNK):
            answer += chunk
            if len(answer) > MOST_ANSWER:
                raise AnswerTooLargeError
    finally:
        transport.close()
    return bytes(answer)


def masked(printed: bytes) -> str:
    """What a child printed, fit for a log: without digits and without letters beyond ASCII.

    A library may quote the cell at which it broke off; what is left here says which library it was.
    """
    text = printed.decode("ascii", errors="replace")
    return "".join("#" if one.isdigit() else one if " " <= one <= "~" else "?" for one in text)
