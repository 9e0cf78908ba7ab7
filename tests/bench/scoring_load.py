"""Load on one address: some connections that each send the same request again as soon as it is answered. A process of its own.

`python -m tests.bench.scoring_load PORT SECONDS CONNECTIONS FILE`: FILE holds the bytes of the request; prints what it saw."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop


class Caller(asyncio.Protocol):
    """One connection: the next request goes out when an answer is complete."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request, self.until = request, until
        self.received, self.wanted = bytearray(), 0
        self.took: list[float] = []
        self.last = b""
        self.faults = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.wanted:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.received[:end]).lower()
            self.faults += not head.startswith(b"http/1.1 200")
            self.wanted = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.received) >= self.wanted:
            now = time.perf_counter()
            self.took.append(now - self.began)
            if now < self.until:
                self.received.clear()
                self.wanted = 0
                self.ask()
            else:
                self.last = bytes(self.received)
                self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def load(port: int, seconds: float, connections: int, request: bytes) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    callers = [
        (await loop.create_connection(lambda: Caller(request, began + seconds), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    await asyncio.gather(*(caller.ended for caller in callers))
    took = sorted(each for caller in callers for each in caller.took)
    answer = callers[0].last
    return {
        "requests": len(took),
        "seconds": time.perf_counter() - began,
        "faults": sum(caller.faults for caller in callers),
        "p50": took[len(took) // 2],
        "p99": took[int(len(took) * 0.99)],
        "answer": answer.hex(),
    }


if __name__ == "__main__":
    port, seconds, connections, file = sys.argv[1:]
    print(json.dumps(uvloop.run(load(int(port), float(seconds), int(connections), Path(file).read_bytes()))))
