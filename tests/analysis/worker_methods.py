"""Foreign methods for the worker's tests: a package with an entry point, installed by being on the import path."""

from pathlib import Path

CARD = """
from shared.contracts import MethodCard

def text(words):
    return {"ko": words, "en": words}

def card(name):
    outputs = [("counts", "table"), ("bars", "figure"), ("quality", "metrics"), ("cases", "restricted_list"), ("scorer", "model")]
    return MethodCard.model_validate({
        "name": name, "version": "1.0.0", "title": text(name), "purpose": "A test.", "owner": "mohw",
        "inputs": [{"name": "income", "title": text("income"), "columns": [{"name": "wages", "type": "number"}]}],
        "linkage": {"key_domain": "person", "base": "income"}, "parameters": {"type": "object"},
        "outputs": [{"name": name, "kind": kind, "title": text(name)} for name, kind in outputs],
    })
"""

PROBE = '''
"""Does what its parameters say."""

import mmap, os, signal, socket, subprocess, sys, threading, time
from pathlib import Path

import numpy as np

from blind_probe.cards import card, text
from services.analysis.worker.sdk import MethodError, Outputs

CARD = card("probe")

def table(rows):
    columns = [{"name": "year", "title": text("year"), "kind": "dimension"}, {"name": "n", "title": text("n"), "kind": "count"}]
    return {"name": "counts", "title": text("counts"), "columns": columns, "rows": rows, "notes": None}

def good(rows=((2012, 40),)):
    figure = {"data": {"name": "counts"}, "mark": "bar", "encoding": {"x": {"field": "year"}}}
    metric = {"name": "lift", "title": text("lift"), "value": 1.5, "count": 40}
    case = {"pseudonym": "ab" * 32, "score": 0.5, "reasons": [{"code": "low-income", "ko": "소득", "en": "income"}]}
    return Outputs({"counts": table([list(row) for row in rows])}, {"bars": figure},
                   {"quality": {"name": "quality", "figures": [metric], "split": {}, "notes": None}}, [case])

def succeed(bundle, report):
    report(0.5, "half way")
    found = bundle.columns()
    assert bundle.match_rates == {"income": 0.9} and found["pseudonym"].dtype == object
    outputs = good([(2012, int(np.nansum(found["income__wages"])))])
    outputs.models = {"scorer": b"a model"}
    outputs.alarms = [{"code": "leaking-feature", "detail": "It gives away the label.", "feature": "income__wages"}]
    return outputs

def pickled(bundle, report):
    outputs = good(); outputs.models = {"scorer": b"\\x80\\x04K\\x01."}; return outputs
def crash(bundle, report): raise KeyError("household 900101-1234567")
def hang(bundle, report):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
    report(0.1, str(os.getpid()))
    while True: pass
def sleep(bundle, report):
    report(0.1, str(os.getpid()))
    time.sleep(bundle.parameters.get("pause", 300))
    return good()
def allocate(bundle, report): return np.ones(4 << 27).sum()
def share(bundle, report):
    memory = mmap.mmap(-1, 3 << 30)
    for place in range(0, 3 << 30, 4096): memory[place] = 1
    time.sleep(60)
def not_outputs(bundle, report): return {"tables": {}}
def nan(bundle, report): return good([(2012, float("nan"))])
def an_object(bundle, report): return good([(2012, object())])
def ragged(bundle, report): return good([(2012,)])
def undeclared(bundle, report):
    outputs = good(); outputs.tables["more"] = table([]); return outputs
def huge(bundle, report): return good([("x" * 900, 1)] * 20_000)
def inline_figure(bundle, report):
    outputs = good(); outputs.figures["bars"]["layer"] = [{"data": {"values": [1, 2]}}]; return outputs
def odd_name(bundle, report):
    outputs = good(); outputs.tables["../../counts"] = table([]); return outputs
def recursive(bundle, report):
    outputs = good(); outputs.metrics["quality"]["split"]["self"] = outputs.metrics; return outputs
def forge(bundle, report):
    Path("tables").mkdir(); Path("tables/counts.json").symlink_to(bundle.parameters["secret"])
    Path("outcome.json").write_text('{"status": "done"}'); os._exit(0)
def forge_text(bundle, report):
    Path("outcome.json").write_text('{"status": "done", '); os._exit(0)
def forge_pipe(bundle, report):
    os.mkfifo("outcome.json"); os._exit(0)
def silent_exit(bundle, report): os._exit(0)
def loud_exit(bundle, report): sys.exit("wages 123456")
def abort(bundle, report): os.abort()
def refuse(bundle, report): raise MethodError("too-few-rows", "There are fewer than 100 households.\\n\\x1b[31m")
def shout(bundle, report):
    for _ in range(100): os.write(1, b"x" * (1 << 20))
    return good()
def chatter(bundle, report):
    for step in range(20_000): report(step / 20_000, "y" * 5_000)
    os.set_blocking(3, True)
    os.write(3, b"no json\\n" + b"z" * 50_000 + b'\\n{"progress": "nine"}\\n{"report": {"exit": 0}}\\n[1]\\n{"progress": NaN}\\n')
    os.write(3, b'{"progress": 0.9, "message": "\\\\ud800 \\\\u001b[2J"}\\n{"layers": {"seccomp": 1}}\\n'); time.sleep(1.2)
    return good()
def fill(bundle, report):
    for number in range(40):
        with open(f"full{number}", "wb") as file: file.write(bytes(64 << 20))
def threads(bundle, report):
    for _ in range(400): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(60)
def breed(bundle, report):
    """Children in sessions of their own, abandoned at once."""
    pids = []
    for _ in range(3):
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if (grandchild := os.fork()) == 0: time.sleep(300)
            os.write(write, str(grandchild).encode()); os._exit(0)
        pids.append(os.read(read, 20).decode()); os.close(read); os.close(write)
    report(0.3, " ".join(pids))
    time.sleep(1)
    if bundle.parameters.get("stay"): time.sleep(300)
    return good()
def descriptors():
    found = []
    for number in range(200):
        try: found.append(os.fstat(number))
        except OSError: pass
    return found
def environment(bundle, report):
    private = oct(os.stat('.').st_mode & 0o777)
    names = ",".join(sorted(os.environ)) + f"|{os.getcwd() == os.environ['HOME']}|{private}|{len(descriptors())}"
    names += f"|{sys.stdin.read()}|{os.getpid() == os.getsid(0) == os.getpgrp()}"
    report(0.9, names); time.sleep(1.2)
    return good()
def read_outside(bundle, report): return Path(bundle.parameters["secret"]).read_text()
def write_outside(bundle, report): Path(bundle.parameters["secret"]).write_text("changed")
def change_input(bundle, report): (bundle.folder / "linked.parquet").write_bytes(b"")
def connect(bundle, report): socket.create_connection(("127.0.0.1", bundle.parameters["port"]), 1)
def execute(bundle, report): subprocess.run(["/bin/true"], check=True)
def kill_parent(bundle, report): os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)
def spill(bundle, report):
    """Holds more than fits into its memory, in a database that stays shut."""
    with bundle.database() as db:
        db.execute("CREATE TEMP TABLE big AS SELECT sha256(i::VARCHAR) AS k, i FROM range(1000000) t(i)")
        (spilt,) = db.execute("SELECT sum(size) FROM duckdb_temporary_files()").fetchone()
        for sql in ("SELECT * FROM read_text('/etc/passwd')", "SET threads = 9", "INSTALL httpfs"):
            try: db.execute(sql)
            except Exception: continue
            raise AssertionError(sql)
        (rows,) = db.execute("SELECT count(*) FROM big").fetchone()
    assert spilt > 0
    return good([(2012, rows)])
def score(bundle, report):
    """Scores with an ONNX file, leaves the scores as Parquet."""
    total = bundle.sql("SELECT sum(income__wages) AS total FROM linked")["total"][0]
    scores = bundle.score(bytes.fromhex(bundle.parameters["model"]), ["income__wages"])
    kept = bundle.write(bundle.means.folder / "scores.parquet", {"score": scores})
    assert kept.stat().st_size > 0
    return good([(2012, int(total)), (2013, int(np.nansum(scores)))])
def random_numbers(bundle, report):
    return good([(2012, int(np.random.randint(1 << 30))), (2013, abs(hash("seed")) % 1000)])

def run(bundle, report):
    return globals()[bundle.parameters["do"]](bundle, report)
'''

BROKEN = "raise RuntimeError('at import')\n"
NO_CARD = "CARD = {'name': 'no card'}\n"
METADATA = "Metadata-Version: 2.1\nName: blind-probe\nVersion: 1.0.0\n"
ENTRY_POINTS = """[dure.methods]
broken = blind_broken
missing = blind_missing.method
no_card = blind_no_card
probe = blind_probe.probe
"""


def install(folder: Path, *more: str) -> Path:
    """Put the methods where an installer would; the folder goes on PYTHONPATH. `more`: other entry points instead."""
    about = folder / "blind_probe-1.0.0.dist-info"
    package = folder / "blind_probe"
    for one in (about, package):
        one.mkdir(parents=True)
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text("\n".join(["[dure.methods]", *more]) if more else ENTRY_POINTS)
    (package / "__init__.py").write_text("")
    (package / "cards.py").write_text(CARD)
    (package / "probe.py").write_text(PROBE)
    (folder / "blind_broken.py").write_text(BROKEN)
    (folder / "blind_no_card.py").write_text(NO_CARD)
    return folder
