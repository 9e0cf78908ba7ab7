"""Commit messages: `area: Verb what`, 72 characters at most, then a blank line and the reason.

`python3 -m deploy.commits FILE` checks one message (a commit-msg hook), `python3 -m deploy.commits A..B` those of a range.
Standard library only.
"""

import re
import subprocess
import sys
from pathlib import Path

LONGEST = 72  # what `git log --oneline` and forges show whole
TITLE = re.compile(r"[a-z0-9][a-z0-9 ,_/.-]*: [A-Z\d`\"].*[^.\s]")
# Made by git itself.
BY_GIT = ("Merge ", "Revert ", "fixup! ", "squash! ")


def faults(message: str) -> list[str]:
    """What is wrong with one message; comments of git's editor do not count."""
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith("#")]
    title = lines[0] if lines else ""
    if title.startswith(BY_GIT):
        return []
    wrong = []
    if not TITLE.fullmatch(title):
        wrong.append("the title is not `area: Verb what`, without a full stop")
    if len(title) > LONGEST:
        wrong.append(f"the title has {len(title)} characters, {LONGEST} at most")
    if len(lines) > 1 and lines[1]:
        wrong.append("the second line is not blank")
    return wrong


def messages(span: str) -> list[str]:
    """The messages of a range of commits such as `main..HEAD`, the oldest first."""
    command = ["git", "log", "--reverse", "-z", "--format=%B", span, "--"]
    log = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [message for message in log.split("\0") if message.strip()]


def main(what: str) -> int:
    found = [Path(what).read_text(encoding="utf-8")] if Path(what).is_file() else messages(what)
    wrong = [(message.splitlines()[0] if message.strip() else "", fault) for message in found for fault in faults(message)]
    print("\n".join(f"{title}: {fault}" for title, fault in wrong) or f"commit messages: {len(found)} as agreed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
