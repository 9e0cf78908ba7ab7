"""Vega-Lite specifications become SVG and PNG in a child process, which a hostile specification can neither hang nor fill."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FONT_FAMILIES = "Dure Hangul, Noto Sans KR, Malgun Gothic, Apple SD Gothic Neo, sans-serif"
TONGUES = ("ko", "en")
STALL_SECONDS = 20.0
TOTAL_SECONDS = 120.0
CHUNK = 1024 * 1024
MAX_OUTPUT = 64 * 1024 * 1024
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """One figure in one language; `fault` is a reason code where it could not be drawn."""

    svg: str = ""
    png: bytes = b""
    fault: str | None = None


def localised(value: Any, tongue: str) -> Any:
    """The specification with each {ko, en} replaced by the words of one language."""
    if isinstance(value, dict):
        if set(value) == set(TONGUES):
            return value[tongue]
        return {key: localised(child, tongue) for key, child in value.items()}
    return [localised(child, tongue) for child in value] if isinstance(value, list) else value


def with_rows(spec: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]], tongue: str) -> dict[str, Any]:
    """The specification in one language, with the rows of the tables that it names."""
    named = tables_named(spec)
    datasets = {
        name: [dict(zip([column["name"] for column in table["columns"]], row, strict=True)) for row in table["rows"]]
        for name, table in tables.items()
        if name in named
    }
    drawn: dict[str, Any] = localised(dict(spec), tongue)
    meta = drawn.pop("usermeta", {})
    drawn.setdefault("description", meta.get("title") or ", ".join(tables[name]["title"][tongue] for name in sorted(datasets)))
    config = drawn.get("config")
    styled = {**config, "font": FONT_FAMILIES} if isinstance(config, dict) else {"font": FONT_FAMILIES}
    return drawn | {"datasets": datasets, "config": styled}


def tables_named(value: Any) -> set[str]:
    """The tables that a specification draws."""
    if isinstance(value, list):
        return set().union(*map(tables_named, value))
    if not isinstance(value, dict):
        return set()
    data = value.get("data")
    own = {data["name"]} if isinstance(data, dict) and isinstance(data.get("name"), str) else set()
    return own.union(*map(tables_named, value.values()))


async def draw(
    specs: Mapping[str, Mapping[str, Any]], *, stall: float = STALL_SECONDS, total: float = TOTAL_SECONDS
) -> dict[str, Picture]:
    """Draw full specifications, by key. One that hangs or ends the child costs only itself."""
    end = asyncio.get_running_loop().time() + total
    waiting, drawn = dict(specs), dict[str, Picture]()
    while waiting and asyncio.get_running_loop().time() < end:
        answers, ended = await draw_together(waiting, stall)
        drawn |= answers
        waiting = {key: spec for key, spec in waiting.items() if key not in answers}
        if waiting and not (ended and answers):  # the child works in order, so the first without an answer is at fault
            culprit = next(iter(waiting))
            drawn[culprit] = Picture(fault="drawing-failed")
            del waiting[culprit]
    return drawn | {key: Picture(fault="drawing-timed-out") for key in waiting}


async def draw_together(specs: Mapping[str, Mapping[str, Any]], stall: float) -> tuple[dict[str, Picture], bool]:
    """What one child draws until it ends by itself, or answers nothing for too long (False)."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(HERE / "child.py"),
        str(HERE / "fonts"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    assert child.stdin
    assert child.stdout
    output, ended = bytearray(), False
    try:
        child.stdin.write(json.dumps(dict(specs), ensure_ascii=False).encode())
        child.stdin.write_eof()
        while len(output) < MAX_OUTPUT:
            async with asyncio.timeout(stall):
                chunk = await child.stdout.read(CHUNK)
            if ended := not chunk:
                break
            output += chunk
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass  # what it has answered so far counts
    finally:
        if not ended:
            with suppress(ProcessLookupError):
                child.kill()
        await child.wait()
    return dict(filter(None, map(read_answer, bytes(output).splitlines()))), ended


def read_answer(line: bytes) -> tuple[str, Picture] | None:
    try:
        answer = json.loads(line)
        return answer["key"], Picture(svg=answer["svg"], png=bytes.fromhex(answer["png"]), fault=answer["fault"])
    except (ValueError, KeyError, TypeError):
        return None
