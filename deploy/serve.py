"""`make serve`: the embedded suite and a worker, kept running; prints the documentation's addresses and a token for each role."""

import argparse
import signal
import sys
import time
from pathlib import Path

from deploy.running import Embedded
from deploy.tokens import mint
from shared.auth import Role

MINISTRY_OF = {Role.STEWARD: "nts", Role.COUNCIL_MEMBER: "kostat", Role.OUTPUT_CHECKER: "kostat", Role.METHOD_REVIEWER: "kostat"}


def print_addresses(url: str, folder: Path) -> None:
    print("\nDocumentation (press Authorize and paste a token):")
    for name in ("catalog", "requests", "analysis", "results"):
        print(f"  {url}/{name}/docs")
    print(f"  {url}/analysis/scoring/docs")
    print("\nA token for each role (for others: make token ROLE=steward MINISTRY=mohw):")
    for role in Role:
        ministry = MINISTRY_OF.get(role, "mohw")
        print(f"\n  {role.value} of {ministry}: {role.description}\n  {mint(folder, role, ministry)}")
    print("\nRunning. Stop with Ctrl-C.", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/serve"))
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    folder = options.folder.resolve()
    suite = Embedded(folder, options.port, ("--allow-private-webhooks",))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Starting the four services and a worker in {options.folder} ...", flush=True)
    try:
        suite.start()
        print_addresses(suite.url, folder)
        while suite.suite.ended is None:
            time.sleep(0.5)
        print(f"The suite ended:\n{suite.suite.tail()}")
        return 1
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        print(f"It did not start: {error}\nIs port {options.port} taken? Say make serve PORT=8100.")
        return 1
    finally:
        suite.stop()


if __name__ == "__main__":
    sys.exit(main())
