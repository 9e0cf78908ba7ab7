"""A method that does nothing, installed by standing on the worker's import path: what remains is the platform's own time."""

from pathlib import Path

NAME = "bench_nothing"
CODE = '''
"""Does nothing: one table that says so."""

from services.analysis.worker.sdk import Outputs
from shared.contracts import MethodCard

def text(words):
    return {"ko": words, "en": words}

CARD = MethodCard.model_validate({
    "name": "bench_nothing", "version": "1.0.0", "title": text("nothing"), "purpose": "Takes no time.", "owner": "kostat",
    "inputs": [{"name": "income", "title": text("income"), "columns": [
        {"name": "person_no", "type": "string", "role": "key", "key_domain": "person"},
        {"name": "wages", "type": "integer"},
    ]}],
    "linkage": {"key_domain": "person", "base": "income"}, "parameters": {"type": "object", "properties": {}},
    "outputs": [{"name": "counts", "kind": "table", "title": text("counts")}],
})
COLUMNS = [{"name": "year", "title": text("year"), "kind": "dimension"}, {"name": "n", "title": text("n"), "kind": "count"}]

def run(bundle, report):
    table = {"name": "counts", "title": text("counts"), "columns": COLUMNS, "rows": [[2014, 1000]], "notes": None}
    return Outputs(tables={"counts": table})
'''


def install(folder: Path) -> Path:
    """A folder to import from, with the method and its entry point."""
    about = folder / f"{NAME}-1.0.0.dist-info"
    about.mkdir(parents=True)
    (folder / f"{NAME}.py").write_text(CODE)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text(f"[dure.methods]\n{NAME} = {NAME}\n")
    return folder
