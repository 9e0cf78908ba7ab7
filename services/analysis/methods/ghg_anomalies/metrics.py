"""The headline figures of a study, each with the number of facilities or rows it stands on."""

from typing import Any

import numpy as np

from services.analysis.methods.deviation.layout import Text, metric, text
from services.analysis.methods.deviation.robust import Flags
from services.analysis.methods.ghg_anomalies.baseline import rows_found
from services.analysis.methods.ghg_anomalies.standards import sources
from services.analysis.methods.ghg_anomalies.study import Study

NAME = "summary"


def make_metrics(study: Study, forest: Flags, untold: Text | None = None) -> dict[str, Any]:
    """`untold`: why there is no model, if there is none."""
    panel, within = study.panel, study.within
    found = rows_found(study)
    reported = float(np.nansum(np.abs(panel.numbers["reported_tco2e"])))
    weight = float(within.weight.sum())
    hit = len(np.unique(panel.facility[within.stream]))
    shared = float((found & forest).sum() / max(int(found.sum()), 1))
    every = panel.facilities
    figures = [
        metric("facilities", ("사업장", "Facilities"), every, every, "facilities"),
        metric("rows", ("명세 행", "Statement rows"), panel.rows, every, "rows"),
        metric(
            "review_places", ("검토 가능한 행", "Rows that can be reviewed"), study.parameters.places(panel.rows), every, "rows"
        ),
        metric("findings", ("검토 규모 안의 이상 징후", "Findings within the budget"), len(within), every),
        metric("tco2e_in_question", ("의심 배출량", "Emissions in question"), weight, every, "tCO2e"),
        metric(
            "share_in_question",
            ("보고 배출량 대비 비율", "Share of reported emissions"),
            weight / reported if reported else 0.0,
            every,
        ),
        metric("forest_agrees", ("격리 숲도 가리킨 비율", "Share of rows that the forest also points at"), shared, every),
    ]
    if 10 <= hit <= every - 10:
        figures.append(metric("share_listed", ("명단에 오른 사업장 비율", "Share of facilities listed"), hit / every, hit))
    split = {
        "kind": "none",
        "potentials": study.potentials or "none",
        "periods": [panel.periods.label(0), panel.periods.label(panel.periods.count - 1)],
        "tests_off": sorted(study.off),
    }
    return {"name": NAME, "figures": figures, "split": split, "notes": _notes(study, untold)}


def _notes(study: Study, untold: Text | None) -> Text:
    more = {language: f" {words}" for language, words in (untold or {}).items()}
    unheld = ", ".join(name for one in sources() for name in (one.unheld if one.checked else (one.table,))) or "-"
    off = ", ".join(sorted(study.off)) or "-"
    return text(
        f"수행하지 못한 검사: {off}. 원문과 대조하지 못한 기준값: {unheld}. 이상 징후는 오류의 증거가 아니라 다시 볼 이유입니다."
        + more.get("ko", ""),
        f"Tests not held: {off}. Table values not held against a source: {unheld}. A finding is a reason to look again, "
        "no proof of an error." + more.get("en", ""),
    )
