"""Record linkage in parts gives what a plain comparison of every pair gives, and says what it left out."""

import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analysis.methods import record_linkage
from services.analysis.methods.record_linkage import pairs, weighing
from services.analysis.methods.record_linkage.fields import LARGEST_BLOCK, as_text
from services.analysis.methods.record_linkage.matching import learn, probability
from services.analysis.methods.record_linkage.pairs import AGREES, DIFFERS, MISSING, Patterns
from services.analysis.worker import sdk
from services.analysis.worker.sdk import MethodError, Outputs
from tests.analysis.linked import check_passes, pseudonyms, records, silent, value, write

RUN = sys.modules["services.analysis.methods.record_linkage.run"]
ROWS = 1600


def register(more: int = 0, sources: bool = False) -> dict[str, Any]:
    """Some records are there twice; texts in several spellings, numbers without a value, two rows of one pseudonym."""
    rng = np.random.default_rng(11)
    birth = rng.integers(0, 900, ROWS).astype(float)
    name = np.array([f"{'Kim' if at % 2 else ' kim'} {at // 2}" for at in rng.integers(0, 700, ROWS)], dtype=object)
    height = rng.choice([*np.linspace(-3, 3, 150), 0.0, -0.0, np.inf, -np.inf, np.nan], ROWS)
    sex = rng.choice(np.array(["f", "M", "m ", None, ""], dtype=object), ROWS)
    columns = {"birth": birth, "name": name, "height": height, "sex": sex}
    columns |= {f"x{at}": rng.integers(0, 4, ROWS).astype(float) for at in range(more)}
    again = rng.choice(ROWS // 2, 300, replace=False)
    for values in columns.values():
        values[ROWS // 2 + np.arange(300)] = values[again]
    names = pseudonyms(ROWS)
    names[100:200] = names[:100]
    if sources:
        columns["source"] = np.where(np.arange(ROWS) < ROWS // 2, "nts", "NTS").astype(object)
        columns["source"][::50] = None
    order = np.argsort(names, kind="stable")
    return {name: values[order] for name, values in {"pseudonym": names, **columns}.items()}


def plain(value: Any) -> str | None:
    if isinstance(value, str) or value is None:
        return (value or "").strip().casefold() or None
    return None if np.isnan(value) else f"{value + 0.0:.15g}"


def compared(fields: dict[str, list[str | None]], block: list[str], source: Any) -> Any:
    found = set()
    for name in block:
        groups = defaultdict(list)
        for row, told in enumerate(fields[name]):
            groups[told].append(row)
        groups.pop(None, None)
        found |= {pair for group in groups.values() if len(group) <= LARGEST_BLOCK for pair in combinations(group, 2)}
    return np.array(sorted(pair for pair in found if source is None or source[pair[0]] != source[pair[1]]))


def plainly(columns: dict[str, Any], block: list[str], certain: float) -> dict[str, Any]:
    """All pairs at once, value by value."""
    names, source = columns["pseudonym"], columns.get("source")
    fields = {name: list(map(plain, told.tolist())) for name, told in columns.items() if name not in ("pseudonym", "source")}
    made = compared(fields, block or list(fields), source)
    seen = np.array([[seen_of(told[one], told[other]) for told in fields.values()] for one, other in made.tolist()])
    share = [{one: told.count(one) / sum(each is not None for each in told) for one in set(told)} for told in fields.values()]
    apart = np.array([sum(shared**2 for told, shared in each.items() if told is not None) for each in share])
    patterns, counts = np.unique(seen, axis=0, return_counts=True)
    rows = len(names)
    sizes = [] if source is None else [sum(source == told) for told in ("nts", "NTS")]
    possible = (rows**2 - (sum(size**2 for size in sizes) or rows)) // 2
    weights = learn(Patterns(np.arange(len(counts), dtype=np.uint64), patterns, counts), apart, possible)
    rare = np.array([[each[told[one]] for each, told in zip(share, fields.values(), strict=True)] for one in made[:, 0]])
    likely = probability(seen, weights, np.where(seen == AGREES, rare, weights.u))
    best: dict[str, tuple[float, str]] = {}
    for at in np.argsort(-likely, kind="stable"):
        if likely[at] >= certain:
            for row, other in (made[at], made[at][::-1]):
                best.setdefault(names[row], (round(float(likely[at]), 6), names[other][:12]))
    sure = made[likely >= certain]
    return {"list": best, "pairs": len(made), "sure": (len(sure), len(np.unique(sure))), "weights": weights, "likely": likely}


def banded(likely: Any) -> list[int]:
    """Those between two edges, with those before if they are fewer than ten."""
    found = [0]
    for low, high in zip((0.0, *weighing.EDGES), (*weighing.EDGES, 2.0), strict=True):
        found[-1] += int(((likely >= low) & (likely < high)).sum())
        found += [0] if found[-1] >= 10 else []
    return found[:-1]


def seen_of(one: str | None, other: str | None) -> int:
    return MISSING if one is None or other is None else AGREES if one == other else DIFFERS


def listed(outputs: Outputs) -> dict[str, tuple[float, str]]:
    return {row["pseudonym"]: (row["score"], row["reasons"][0]["code"][8:]) for row in outputs.restricted_list or []}


@pytest.mark.fit
@pytest.mark.parametrize("cells", [400, 1 << 20])
@pytest.mark.parametrize(
    ("more", "sources", "block"), [(0, False, []), (1, True, []), (0, True, ["birth", "name"]), (41, False, ["birth"])]
)
def test_in_parts_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: int, more: int, sources: bool, block: list[str]
) -> None:
    monkeypatch.setattr(pairs, "CELLS", cells)
    monkeypatch.setattr(sdk, "PIECE", cells)
    columns = register(more, sources)
    expected = plainly(columns, block, 0.6)
    bundle = write(tmp_path, dict(columns), parameters={"block": block, "certain": 0.6})
    outputs = record_linkage.run(bundle, silent)
    check_passes(outputs)
    assert listed(outputs) == expected["list"]
    assert len(expected["list"]) > 100
    assert value(outputs, "compared") == expected["pairs"] == sum(row["pairs"] for row in records(outputs.tables["pairs"]))
    (figure,) = [each for each in outputs.metrics["summary"]["figures"] if each["name"] == "likely_pairs"]
    assert (figure["value"], figure["count"]) == expected["sure"]
    for at, row in enumerate(records(outputs.tables["fields"])):
        assert row["m"] == pytest.approx(expected["weights"].m[at], abs=1e-4)
        assert row["u"] == pytest.approx(expected["weights"].u[at], abs=1e-4)
    assert [row["pairs"] for row in records(outputs.tables["pairs"])] == banded(expected["likely"])


def test_a_list_that_is_cut_holds_the_likeliest_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = register()
    bundle = write(tmp_path, dict(columns), parameters={"block": ["name", "height"]})
    whole = record_linkage.run(bundle, silent)
    assert whole.metrics["summary"]["notes"] is None
    monkeypatch.setattr(pairs, "CELLS", 4000)
    for most in (20, 150):
        monkeypatch.setattr(weighing, "MOST_LISTED", most)
        cut = record_linkage.run(bundle, silent)
        known, found = whole.restricted_list or [], cut.restricted_list or []
        assert most * 0.8 < len(found) <= most
        assert all(row in known for row in found)
        assert [row["score"] for row in found] == [row["score"] for row in known[: len(found)]]
        assert "likeliest" in cut.metrics["summary"]["notes"]["en"]
        assert cut.metrics["summary"]["figures"] == whole.metrics["summary"]["figures"]
        check_passes(cut)


def test_blocks_that_are_too_large_are_left_out_and_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = 2 * LARGEST_BLOCK + 1 + 40
    group = np.repeat([0.0, 1.0, 2.0], [LARGEST_BLOCK, LARGEST_BLOCK + 1, 40])
    columns = {"group": group, "other": rng.integers(0, 2, rows).astype(float)}
    outputs = record_linkage.run(write(tmp_path, columns, parameters={"block": ["group"]}), silent)
    assert value(outputs, "compared") == LARGEST_BLOCK * (LARGEST_BLOCK - 1) // 2 + 40 * 39 // 2
    assert value(outputs, "blocks_left_out") == 1
    check_passes(outputs)


def test_more_pairs_than_there_is_time_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before any is compared; the number is of pairs and fields."""
    columns = {"group": np.repeat(np.arange(20.0), 10), "other": np.arange(200.0) % 3}
    bundle = write(tmp_path, columns, parameters={"block": ["group"]})
    monkeypatch.setattr(RUN, "MOST_COMPARED", 20 * 45 * 2)
    assert value(record_linkage.run(bundle, silent), "compared") == 20 * 45
    monkeypatch.setattr(RUN, "MOST_COMPARED", 20 * 45 * 2 - 1)
    with pytest.raises(MethodError) as refused:
        record_linkage.run(bundle, silent)
    assert refused.value.code == "too-many-pairs"


def test_a_day_that_is_written_as_a_number_is_told_from_the_next() -> None:
    assert [as_text(value) for value in (19800101.0, 19800109.0, 0.1 + 0.2, 0.3, -0.0)] == [
        "19800101",
        "19800109",
        "0.3",
        "0.3",
        "0",
    ]
