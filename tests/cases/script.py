"""`python -m tests.cases.script FILE`: run a case file as it is, by the names that it knows."""

import runpy
import sys
from pathlib import Path

from tests.cases.adapter import answer_to_old_names

if __name__ == "__main__":
    answer_to_old_names()
    file = Path(sys.argv[1])
    sys.argv[:] = sys.argv[1:]
    sys.path.insert(0, str(file.parent))
    runpy.run_path(str(file), run_name="__main__")
