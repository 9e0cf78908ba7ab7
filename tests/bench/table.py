"""The table at the end: each figure with its ratio, its range over the rounds, and the promise beside it."""

from collections.abc import Iterator, Sequence

from tests.bench.figures import Figure

HEADINGS = ("figure", "ratio", "range", "promise", "", "measured")


def table(figures: Sequence[Figure], *, left_out: Sequence[str], failed: Sequence[str]) -> Iterator[str]:
    rows = [HEADINGS, *(row(figure) for figure in figures)]
    widths = [max(len(cells[at]) for cells in rows) for at in range(len(HEADINGS) - 1)]
    yield ""
    for number, cells in enumerate(rows):
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)), cells[-1]]).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in [*widths, len(HEADINGS[-1])])
    yield ""
    promised = [figure for figure in figures if figure.promise]
    missed = [figure for figure in promised if figure.missed]
    yield f"{len(promised) - len(missed)} of {len(promised)} promises kept. Ratios are medians, taken beside their references."
    for figure in missed:
        yield f"MISSED: {figure.title}: {figure.ratio:.2f}, promised {figure.promise}"
    yield from (f"LEFT OUT: {each}" for each in left_out)
    yield from (f"FAILED: {each} could not be measured" for each in failed)


def row(figure: Figure) -> tuple[str, ...]:
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else "reported"
    spread = f"{min(figure.ratios):.2f}-{max(figure.ratios):.2f}" if len(figure.ratios) > 1 else ""
    verdict = ("MISSED" if figure.missed else "kept") if figure.promise else ""
    return figure.title, ratio, spread, str(figure.promise or ""), verdict, figure.measured
