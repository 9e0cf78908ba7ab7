"""The offline tool that opens a sealed list."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from deploy.open_list import main
from shared.contracts import PublicKey
from shared.sealing import Sealer

REQUEST, OTHER = "0199c1a4-2001-7025-905b-062e0cf9bc57", "0199c1a4-2001-7025-905b-062e0cf9bc58"
REASONS = [{"code": "low-income", "ko": "=소득", "en": "+low"}]


def name(n: int) -> str:
    return f"{n:02x}" * 32


@pytest.fixture
def make(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def make(file: str = "private.jwk") -> tuple[Path, PublicKey]:
        assert main(["--make-key", str(tmp_path / file)]) == 0
        return tmp_path / file, PublicKey.model_validate_json(capsys.readouterr().out)

    return make


def lines(to: PublicKey, *keys: str, request: str = REQUEST, first: int = 1) -> list[dict[str, Any]]:
    sealer = Sealer(to, request=request, key_domain="person")
    return [
        {"pseudonym": name(n), "score": 0.5, "reasons": REASONS, "sealed": sealer.seal(name(n), key)}
        for n, key in enumerate(keys, first)
    ]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(listed: list[Any], *keys: Path, request: str | None = None) -> tuple[int, list[dict[str, str]], str]:
        path = tmp_path / "list.ndjson"
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in listed))
        given = [part for key in keys for part in ("--key", str(key))]
        code = main([*given, "--list", str(path), *(["--request", request] if request else [])])
        told = capsys.readouterr()
        return code, list(csv.DictReader(io.StringIO(told.out, newline=""))), told.err

    return run


def test_the_ministry_opens_its_list(make: Any, run: Any) -> None:
    key, public = make()
    code, rows, told = run(lines(public, "890123-1", '=HYPERLINK("x")'), key, request=REQUEST)
    assert code == 0
    assert [row["key"] for row in rows] == ["890123-1", '\'=HYPERLINK("x")']
    assert rows[0] == {
        "key": "890123-1",
        "key_domain": "person",
        "score": "0.5",
        "codes": "low-income",
        "reasons_ko": "'=소득",
        "reasons_en": "'+low",
        "pseudonym": name(1),
    }
    assert told == f"request {REQUEST}: 2 opened, 0 not sealed, 0 refused\n"


def test_another_ministry_opens_nothing(make: Any, run: Any) -> None:
    _, public = make()
    other, _ = make("other.jwk")
    code, rows, told = run(lines(public, "890123-1"), other)
    assert (code, rows) == (1, [])
    assert "line 1: sealed-for-another-key" in told


def test_a_key_moved_to_another_line_is_refused(make: Any, run: Any) -> None:
    key, public = make()
    listed = lines(public, "a", "b", "c")
    listed[0]["sealed"], listed[1]["sealed"] = listed[1]["sealed"], listed[0]["sealed"]
    code, rows, told = run(listed, key)
    assert (code, [row["key"] for row in rows]) == (1, ["c"])
    assert told.count("sealed-for-another-line") == 2


def test_a_line_of_another_request_is_refused(make: Any, run: Any) -> None:
    key, public = make()
    listed = lines(public, "a") + lines(public, "b", request=OTHER, first=2)
    code, rows, told = run(listed, key)
    assert (code, [row["key"] for row in rows]) == (1, ["a"])
    assert "line 2: sealed-for-another-request" in told
    code, rows, _ = run(listed, key, request=OTHER)
    assert (code, [row["key"] for row in rows]) == (1, ["b"])


def test_after_a_rotation_both_keys_open_what_was_sealed_to_them(make: Any, run: Any) -> None:
    (old, public), (new, newer) = make("old.jwk"), make("new.jwk")
    listed = lines(public, "a") + lines(newer, "b", first=2)
    assert [row["key"] for row in run(listed, old, new)[1]] == ["a", "b"]
    assert [row["key"] for row in run(listed, old)[1]] == ["a"]


def test_what_was_not_sealed_or_cannot_be_read(make: Any, run: Any) -> None:
    key, public = make()
    unsealed = {"pseudonym": name(9), "score": 0.5, "reasons": [], "sealed": None}
    broken = lines(public, "a")[0] | {"sealed": "x"}
    code, rows, told = run([unsealed, broken, "not json", "[]", {"sealed": None}], key)
    assert (code, [(row["key"], row["pseudonym"]) for row in rows]) == (1, [("", name(9))])
    assert told.splitlines() == [
        "line 2: damaged",
        *(f"line {n}: unreadable" for n in (3, 4, 5)),
        "request unknown: 0 opened, 1 not sealed, 4 refused",
    ]


def test_a_key_is_private_and_never_written_over(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path, public = make()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert json.loads(before)["d"]
    assert main(["--make-key", str(path)]) == 2
    assert path.read_bytes() == before
    shown = capsys.readouterr()
    assert json.loads(before)["d"] not in shown.out + shown.err


def test_a_public_key_opens_nothing(make: Any, run: Any, tmp_path: Path) -> None:
    _, public = make()
    path = tmp_path / "public.jwk"
    path.write_text(public.model_dump_json())
    code, rows, told = run(lines(public, "a"), path)
    assert (code, rows) == (2, [])
    assert "no private key" in told
