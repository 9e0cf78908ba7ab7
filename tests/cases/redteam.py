"""The cases of redteam/."""

from pathlib import Path
from tests.cases.case import Case


def cases(folder: Path) -> list[Case]:
    return []
