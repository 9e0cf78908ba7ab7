"""What was looked at, with which tests, and what an unsupervised model alone would have pointed at."""

import numpy as np

from services.analysis.methods.deviation.layout import (
    LABELS,
    MINIMUM_CELL,
    Cell,
    Table,
    count,
    dimension,
    measured,
    significant,
    table,
    text,
)
from services.analysis.methods.deviation.robust import Flags
from services.analysis.methods.ghg_anomalies import titles
from services.analysis.methods.ghg_anomalies.baseline import rows_found
from services.analysis.methods.ghg_anomalies.study import NEEDS, Study

STATEMENT_ROWS = measured("rows", "명세 행", "Statement rows", of="facilities")
FACILITIES = count("facilities", "사업장 수", "Facilities")


def population(study: Study) -> Table:
    panel = study.panel
    years = np.array([panel.periods.year(at) for at in range(panel.periods.count)])[panel.row_period]
    rows: list[list[Cell]] = []
    for year in np.unique(years[~panel.outside]):
        part = (years == year) & ~panel.outside
        facilities = len(np.unique(panel.facility[panel.row_stream[part]]))
        streams = len(np.unique(panel.row_stream[part]))
        reported = significant(np.nansum(panel.numbers["reported_tco2e"][part]))
        if facilities >= MINIMUM_CELL:
            rows.append([str(year), facilities, streams, int(part.sum()), reported])
    columns = [
        dimension("year", "연도", "Year"),
        FACILITIES,
        measured("streams", "배출원 수", "Source streams", of="facilities"),
        STATEMENT_ROWS,
        measured("tco2e", "보고 배출량 (tCO2e)", "Reported emissions (tCO2e)", of="facilities"),
    ]
    return table("population", titles.TABLES["population"], columns, rows)


def baseline(study: Study, forest: Flags) -> Table:
    """Rows pointed at by the layers, by an isolation forest with the same budget, and by both."""
    layers = rows_found(study)
    cuts = (
        ("layers", "다섯 층의 검사", "the five layers", layers),
        ("forest", "격리 숲 (원자료)", "isolation forest on raw columns", forest),
        ("both", "둘 다", "both", layers & forest),
    )
    rows: list[list[Cell]] = []
    for name, ko, en, found in cuts:
        facilities = len(np.unique(study.panel.facility[study.panel.row_stream[found]]))
        if facilities >= MINIMUM_CELL:
            rows.append([name, ko, en, facilities, int(found.sum())])
    notes = text(
        "격리 숲은 검토 규모를 항상 모두 채웁니다. 이유를 말하지 못하므로 명단에는 쓰이지 않습니다.",
        "The forest always fills the budget. It gives no reason, so the list does not use it.",
    )
    return table(
        "baseline", titles.TABLES["baseline"], [dimension("by", "방법", "By"), *LABELS, FACILITIES, STATEMENT_ROWS], rows, notes
    )


def tests_held(study: Study) -> Table:
    rows: list[list[Cell]] = [
        [test, "no" if test in study.off else "yes", study.off.get(test, ""), study.panel.facilities]
        for test in NEEDS
        if study.panel.facilities >= MINIMUM_CELL
    ]
    columns = [
        dimension("test", "검사", "Test"),
        dimension("held", "수행", "Held"),
        dimension("lacking", "빠진 열", "Columns lacking"),
        FACILITIES,
    ]
    notes = text("빠진 열이 있으면 그 검사는 하지 않았습니다.", "A test with a column lacking was not held.")
    return table("tests_held", titles.TABLES["tests_held"], columns, rows, notes)
