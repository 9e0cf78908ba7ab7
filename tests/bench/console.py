"""What the bench says while it works: never silent for long, whatever takes its time."""

import threading
import time
from types import TracebackType

SILENCE = 4.0


class Console:
    """Prints lines; a thread repeats what is being done whenever nothing was printed for some seconds."""

    def __init__(self) -> None:
        self.began = self.told = time.monotonic()
        self.activity = "starting"
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.remind, daemon=True)

    def __enter__(self) -> "Console":
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self.thread.join()

    def tell(self, line: str) -> None:
        self.told = time.monotonic()
        print(line, flush=True)

    def doing(self, activity: str) -> None:
        self.activity = activity

    def remind(self) -> None:
        while not self.ended.wait(0.5):
            if (now := time.monotonic()) - self.told > SILENCE:
                self.tell(f"    ... {self.activity} ({now - self.began:.0f} s since the beginning)")
