"""Very many statements in parts: facilities come in an order that is as good as a lot, so that each part is like
the whole, and only one stands in memory."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags
from services.analysis.methods.ghg_anomalies.baseline import strangeness, strangest
from services.analysis.methods.ghg_anomalies.ledger import join
from services.analysis.methods.ghg_anomalies.lessons import join as lessons_together
from services.analysis.methods.ghg_anomalies.panel import Panel, Span, read
from services.analysis.methods.ghg_anomalies.parameters import Parameters
from services.analysis.methods.ghg_anomalies.periods import Periods, make_calendar
from services.analysis.methods.ghg_anomalies.study import Study, conduct, rank, reach
from services.analysis.worker.sdk import Bundle, MethodError, Report

MOST_ROWS = 500_000
NUMBERS, TEXTS = ("reported_tco2e",), ("ksic_code",)
"""What of a part is still asked for when its findings are known."""


def conduct_all(bundle: Bundle, parameters: Parameters, report: Report, most: int = MOST_ROWS) -> tuple[Study, Flags]:
    """The study of all facilities, and the rows that the forest finds strangest."""
    cuts = spans(bundle, most)
    calendar = None if len(cuts) == 1 else whole_calendar(bundle)
    parts: list[Study] = []
    strange = []
    for at, span in enumerate(cuts):
        panel = read(bundle, None if calendar is None else span, calendar)
        check_order(parts, panel)
        report(0.1 + 0.8 * at / len(cuts), "holding the layers against the statements")
        parts.append(without_columns(conduct(panel, parameters), most // len(cuts)))
        strange.append(strangeness(panel))
    study = together(parts, parameters)
    return study, strangest(np.concatenate(strange), parameters.places(study.panel.rows))


def spans(bundle: Bundle, most: int) -> list[Span]:
    """Parts of about equal size; each begins with a facility."""
    rows = int(bundle.sql("SELECT count(*) AS rows FROM linked")["rows"][0])
    many, cuts = -(-rows // most) or 1, {0, rows}
    query = """SELECT min(file_row_number) AS cut FROM numbered WHERE file_row_number >= $1
               AND pseudonym <> (SELECT pseudonym FROM numbered WHERE file_row_number = $1 - 1)"""
    for part in range(1, many):
        found = bundle.sql(query, [rows * part // many])["cut"][0]
        cuts |= {int(found)} if np.isfinite(found) else set()
    ordered = sorted(cuts)
    return list(pairwise(ordered)) or [(0, 0)]


def whole_calendar(bundle: Bundle) -> Periods:
    query = "SELECT coalesce(CAST(statements__period AS VARCHAR), '') AS name, count(*) AS rows FROM linked GROUP BY 1 ORDER BY 1"
    found = bundle.sql(query)
    return make_calendar(found["name"].tolist(), found["rows"].astype(np.int64))


def without_columns(study: Study, cells: int) -> Study:
    """What is still asked for; at most so many cells to learn from."""
    panel = study.panel
    numbers = {name: values for name, values in panel.numbers.items() if name in NUMBERS}
    texts = {name: values for name, values in panel.texts.items() if name in TEXTS}
    return replace(study, panel=replace(panel, numbers=numbers, texts=texts), lessons=study.lessons.drawn(cells))


def together(parts: list[Study], parameters: Parameters) -> Study:
    """One study out of those of the parts: findings are ranked among all, and the budget is that of all rows."""
    if len(parts) == 1:
        return parts[0]
    panels = [part.panel for part in parts]
    starts = np.cumsum([0, *(len(panel.facility) for panel in panels)])
    moved = [replace(part.findings, stream=part.findings.stream + start) for part, start in zip(parts, starts, strict=False)]
    findings, panel = rank(join(moved), parameters.minimum_probability), joined(panels, starts)
    off = {test: lacking for test, lacking in parts[0].off.items() if all(test in part.off for part in parts)}
    used = Counter(part.potentials for part in parts).most_common(1)[0][0]
    lessons = lessons_together([part.lessons for part in parts])
    return Study(panel, parameters, findings, reach(findings, parameters.places(panel.rows)), off, used, lessons)


def check_order(before: list[Study], panel: Panel) -> None:
    """A facility that stands in two parts would be judged by half of what it says."""
    known = [each.panel.pseudonyms.astype(str) for each in before]
    if before and np.isin(panel.pseudonyms.astype(str), np.concatenate(known)).any():
        raise MethodError("not-in-order", "The rows of a facility are not neighbours in the linked table.")


def joined(panels: list[Panel], starts: Codes) -> Panel:
    facilities = np.cumsum([0, *(panel.facilities for panel in panels)])
    return Panel(
        periods=panels[0].periods,
        pseudonyms=np.concatenate([panel.pseudonyms for panel in panels]),
        facility=np.concatenate([panel.facility + start for panel, start in zip(panels, facilities, strict=False)]),
        names=np.concatenate([panel.names for panel in panels]),
        row_stream=np.concatenate([panel.row_stream + start for panel, start in zip(panels, starts, strict=False)]),
        row_period=np.concatenate([panel.row_period for panel in panels]),
        first=np.concatenate([panel.first for panel in panels]),
        outside=np.concatenate([panel.outside for panel in panels]),
        numbers={name: np.concatenate([panel.numbers[name] for panel in panels]) for name in NUMBERS},
        texts={name: joined_texts(panels, name) for name in TEXTS if any(panel.has(name) for panel in panels)},
    )


def joined_texts(panels: list[Panel], name: str) -> tuple[Codes, list[str]]:
    """Codes of one list of texts; -1 where there is none."""
    told = [panel.texts.get(name, (np.full(panel.rows, -1), [])) for panel in panels]
    names = sorted({each for _, own in told for each in own})
    place = {each: at for at, each in enumerate(names)}
    return np.concatenate([np.array([*(place[each] for each in own), -1])[codes] for codes, own in told]), names
