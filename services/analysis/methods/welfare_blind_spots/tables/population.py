"""Who the study is about, year by year."""

import numpy as np

from services.analysis.methods.toolkit.disclosure import wide
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import Cell, Table, count, dimension, rate_with_interval, shares, text
from services.analysis.methods.welfare_blind_spots.study import Study
from services.analysis.methods.welfare_blind_spots.tables.layout import HOUSEHOLDS, RECEIVERS, table

COLUMNS = [
    dimension("survey_year", "조사 연도", "Survey year"),
    HOUSEHOLDS,
    count("known", "수급 여부가 확인된 가구", "Households with a known outcome"),
    RECEIVERS,
    *rate_with_interval("receipt", "수급률", "Share receiving", numerator="receivers", of="known"),
]
NOTES = text(
    "급여 자료와 연결되지 않은 가구는 비수급이 아니라 '모름'이므로 제외했습니다. "
    "그런 가구가 한 해에 10 미만이면 가구 수에도 넣지 않았습니다. 가중치 없는 표본 수입니다.",
    "Households that no benefits record was linked to are unknown, not non-receiving, and are left out; also of the households "
    "where they are fewer than ten in a year. Counts of the sample, without weights.",
)


def population(study: Study) -> Table:
    label, year = study.linked.receives, study.linked.year
    rows: list[list[Cell]] = []
    for each in (*study.parameters.train_years, study.parameters.test_year):
        part = label[year == each]
        known = part[np.isfinite(part)]
        if wide(int(known.sum()), len(known)):
            households = len(known) if len(part) - len(known) < MINIMUM_CELL else len(part)
            rows.append([str(each), households, len(known), int(known.sum()), *shares(int(known.sum()), len(known))])
    return table("population", COLUMNS, rows, NOTES)
