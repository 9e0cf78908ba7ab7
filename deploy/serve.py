"""`make serve`: the embedded suite and a worker, kept running; prints the start page's address and a token for each role."""

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.holding import SUITE_LOCK, TakenError, hold, listen
from deploy.running import Embedded
from deploy.tokens import mint
from shared.auth import Role

MINISTRY_OF = {
    Role.STEWARD: "nts",
    Role.COUNCIL_MEMBER: "kostat",
    Role.OUTPUT_CHECKER: "kostat",
    Role.METHOD_REVIEWER: "kostat",
    Role.REQUESTER: "mohw",
}
# The council's secretary, the centre and its machines: as in the demonstration and in README.
ELSE = "mois"


def print_tokens(folder: Path) -> None:
    print("\nA token for each role, good for 8 hours:")
    for role in Role:
        ministry = MINISTRY_OF.get(role, ELSE)
        print(f"\n  {role.value} of {ministry}: {role.description}\n  {mint(folder, role, ministry)}")


def print_addresses(url: str, folder: Path) -> None:
    """Last, so that it stands above the prompt."""
    print(f"\nStart page: {url}/")
    print("Documentation (press Authorize and paste a token):")
    for name in ("catalog", "requests", "analysis", "results"):
        print(f"  {url}/{name}/docs")
    print(f"  {url}/analysis/scoring/docs")
    print(f"Logs: {folder / 'suite.log'} and {folder / 'worker.log'}")
    print("Next, in another terminal: make token ROLE=steward MINISTRY=mohw; README, 'How a ministry joins'.")
    print("\nRunning. Stop with Ctrl-C.", flush=True)


def port_number(text: str) -> int:
    """ValueError if it is none; argparse says so."""
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(text)
    return port


port_number.__name__ = "port (1 to 65535)"


def serve(suite: Embedded) -> int:
    """Until the suite ends or somebody ends it; never leaves a program running."""
    try:
        suite.start()
        print_tokens(suite.folder)
        print_addresses(suite.url, suite.folder)
        while suite.suite.ended is None:
            time.sleep(0.5)
        print(f"The suite ended:\n{suite.suite.tail()}")
    except RuntimeError as error:
        print(f"It did not start: {error}\nThe whole log: {suite.suite.log}")
    finally:
        suite.stop()
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/serve"))
    parser.add_argument("--port", type=port_number, default=8000)
    options = parser.parse_args()
    folder = options.folder.resolve()
    url = f"http://127.0.0.1:{options.port}"
    for number in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed hangs up
        signal.signal(number, lambda *_: sys.exit(0))
    with ExitStack() as held:
        try:
            held.enter_context(hold(folder / "serve.lock", f"make serve at {url}"))
            with hold(folder / SUITE_LOCK, "make serve"):  # a suite may have outlived its `make serve`
                pass
            listener = held.enter_context(listen(options.port))
        except TakenError as taken:
            print(f"{taken}\nStop that one, or start another beside it: make serve FOLDER=var/second PORT=8100")
            return 1
        print(f"Starting the four services and a worker in {options.folder} ...", flush=True)
        suite = Embedded(folder, options.port, ("--allow-private-webhooks",), listener=listener)
        try:
            return serve(suite)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
