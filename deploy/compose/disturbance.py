"""Containers that are stopped, or killed, and started again while a walk goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.compose.stack import Stack, StackError

# Stop of the walk -> what is away when it begins, and comes back while it goes on.
AWAY = {
    0: ("storage", "catalog"), 1: ("analysis",), 2: ("rabbitmq",), 3: ("postgres",), 4: ("requests",), 6: ("gateway",),
    7: ("results",),
}  # fmt: skip
# Stopped, a worker would end its run first.
KILLED = {5: ("worker",)}
BEGUN_SECONDS = 1.5
AWAY_SECONDS = 3.0


@dataclass
class Disturbance:
    """Stops containers and starts them again beside the walk; what goes wrong with that is raised at the end."""

    stack: Stack
    keeps_nothing: frozenset[str]
    tell: Callable[[str], None]
    faults: list[Exception] = field(default_factory=list)

    @contextmanager
    def at(self, stop: int) -> Iterator[None]:
        away = threading.Event()
        thread = threading.Thread(target=self.disturb, args=(stop, away))
        thread.start()
        if stop in AWAY:
            away.wait()
        yield
        thread.join()
        if self.faults:
            raise self.faults[0]

    def disturb(self, stop: int, away: threading.Event) -> None:
        try:
            for service in AWAY.get(stop, ()):
                self.take_away(service, "pause" if service in self.keeps_nothing else "stop", away)
            for service in KILLED.get(stop, ()):
                time.sleep(BEGUN_SECONDS)
                self.take_away(service, "kill", away)
        except StackError as error:
            self.faults.append(error)
        finally:
            away.set()

    def take_away(self, service: str, how: str, away: threading.Event) -> None:
        self.stack.ask(how, service)
        self.tell(f"    !!! {how} {service}")
        away.set()
        time.sleep(AWAY_SECONDS)
        back = "unpause" if how == "pause" else "start"
        self.stack.ask(back, service)
        self.tell(f"    !!! {back} {service}")
