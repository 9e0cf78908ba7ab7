"""Prepare's data work, done on files that a test made: what comes out, or why nothing does."""

import hashlib
import hmac
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.analysis.prepare.bundle import Builder
from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.linkage import Linked
from services.analysis.prepare.plan import plan_linkage
from services.analysis.prepare.readers import Limits
from shared.contracts import ApprovedInput, MethodCard
from tests.analysis.examples import METERS_FILE, SITES_FILE, card, inputs

KEY = b"\x07" * 32
FILES = {"site": SITES_FILE, "meter": METERS_FILE}


def pseudonym_of(text: str, key: bytes = KEY, domain: str = "facility") -> str:
    return hmac.new(key, domain.encode() + b"\0" + text.encode(), hashlib.sha256).hexdigest()


def build(
    folder: Path,
    files: dict[str, bytes] | None = None,
    *,
    of: tuple[ApprovedInput, ...] | None = None,
    method: MethodCard | None = None,
    key: bytes = KEY,
) -> tuple[Path, Linked]:
    plan = plan_linkage(method or card(), of or inputs())
    paths = {}
    for role, data in (FILES | (files or {})).items():
        paths[role] = folder / f"{role}.input"
        paths[role].write_bytes(data)
    target, linked, _ = Builder(folder, Limits(memory_mb=256, threads=2)).build(plan, paths, key)
    return target, linked


def rows_of(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        result = connection.execute("SELECT * FROM read_parquet($1)", [str(path)])
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def refusal(folder: Path, *args: Any, **kwargs: Any) -> PrepareError:
    with pytest.raises(PrepareError) as caught:
        build(folder, *args, **kwargs)
    return caught.value
