"""What was found, by reason, layer, industry and budget; every count is of facilities unless it says otherwise."""

from collections.abc import Sequence

import numpy as np

from services.analysis.methods.deviation.layout import (
    LABELS,
    MINIMUM_CELL,
    OTHER,
    Cell,
    Table,
    Words,
    count,
    dimension,
    grouped,
    measured,
    rate,
    significant,
    table,
    text,
)
from services.analysis.methods.deviation.robust import Codes
from services.analysis.methods.ghg_anomalies import titles
from services.analysis.methods.ghg_anomalies.ledger import Findings
from services.analysis.methods.ghg_anomalies.reasons import LAYER_WORDS, LAYERS, REASONS, WORDS
from services.analysis.methods.ghg_anomalies.study import Study

FOUND = count("facilities", "사업장 수", "Facilities")
SIZES = [
    FOUND,
    measured("findings", "이상 징후 수", "Findings", of="facilities"),
    measured("rows", "해당 명세 행", "Statement rows", of="facilities"),
    measured(
        "tco2e", "의심 배출량 (확률 가중, tCO2e)", "Emissions in question, weighted by probability (tCO2e)", of="facilities"
    ),
]
NOTES = text(
    "검토 규모 안에 든 이상 징후만 셉니다. 10개 미만의 사업장에 근거한 행은 합쳐서 보입니다.",
    "Only findings within the review budget are counted. Rows that would stand on fewer than 10 facilities are drawn together.",
)
SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)


def by_reason(study: Study) -> Table:
    words = {reason.value: WORDS[reason] for reason in REASONS}
    rows = _cut(study, study.within.reason, [reason.value for reason in REASONS], words)
    return table(
        "findings_by_reason",
        titles.TABLES["findings_by_reason"],
        [dimension("reason", "유형", "Reason"), *LABELS, *SIZES],
        rows,
        NOTES,
    )


def by_layer(study: Study) -> Table:
    words = {layer.value: LAYER_WORDS[layer] for layer in LAYERS}
    rows = _cut(study, study.within.layer, [layer.value for layer in LAYERS], words)
    return table(
        "findings_by_layer", titles.TABLES["findings_by_layer"], [dimension("layer", "층", "Layer"), *LABELS, *SIZES], rows, NOTES
    )


def _cut(study: Study, codes: Codes, names: list[str], words: dict[str, Words]) -> list[list[Cell]]:
    """A row for each code, or for those drawn together, that stands on enough facilities."""
    within = study.within
    sizes = {name: _facilities(study, within.take(codes == at)) for at, name in enumerate(names)}
    rows = []
    for name, parts in grouped(sizes).items():
        part = within.take(np.isin(codes, [names.index(one) for one in parts]))
        if (facilities := _facilities(study, part)) >= MINIMUM_CELL:
            rows.append([name, *words.get(name, OTHER), facilities, *_measures(part)])
    return sorted(rows, key=lambda row: -float(row[-1]))


def _facilities(study: Study, findings: Findings) -> int:
    return len(np.unique(study.panel.facility[findings.stream]))


def _measures(findings: Findings) -> list[Cell]:
    return [len(findings), int(findings.periods.sum()), significant(findings.weight.sum())]


def by_sector(study: Study) -> Table:
    """Industries with enough facilities on either side; the rest together."""
    sector, names = facility_sector(study)
    hit = np.zeros(study.panel.facilities, dtype=bool)
    hit[study.panel.facility[study.within.stream]] = True
    weight = np.bincount(study.panel.facility[study.within.stream], study.within.weight, study.panel.facilities)
    sides = {name: min(int((hit & (sector == at)).sum()), int((~hit & (sector == at)).sum())) for at, name in enumerate(names)}
    known = {name: max(side, 1) for name, side in sides.items()}
    rows: list[list[Cell]] = []
    for name, parts in grouped(known).items():
        member = np.isin(sector, [names.index(one) for one in parts])
        every, found = int(member.sum()), int((member & hit).sum())
        if min(found, every - found) >= MINIMUM_CELL:
            label = OTHER if name == "other" else (name, name)
            rows.append([name, *label, every, found, round(found / every, 4), significant(weight[member].sum())])
    columns = [
        dimension("sector", "업종", "Industry"),
        *LABELS,
        count("facilities", "사업장 수", "Facilities"),
        count("with_finding", "이상 징후가 있는 사업장", "Facilities with a finding", of="facilities"),
        rate("share", "비율", "Share", numerator="with_finding", of="facilities"),
        measured("tco2e", "의심 배출량 (tCO2e)", "Emissions in question (tCO2e)", of="with_finding"),
    ]
    return table("findings_by_sector", titles.TABLES["findings_by_sector"], columns, rows, NOTES)


def facility_sector(study: Study) -> tuple[Codes, list[str]]:
    """The industry of each facility (of its first stream), cut to the level of the classification that a table can carry."""
    codes, names = study.panel.of_stream("ksic_code")
    short = [name[:3] for name in names] + ["unknown"]
    kinds = sorted(set(short))
    place = np.array([kinds.index(name) for name in short])
    sector = np.zeros(study.panel.facilities, dtype=np.int64)
    sector[study.panel.facility[::-1]] = place[codes[::-1]]
    return sector, kinds


def budget_curve(study: Study) -> Table:
    """How many facilities and how much a smaller or a larger review would reach."""
    used = np.cumsum(study.findings.periods)
    rows: list[Sequence[Cell]] = []
    before = 0
    for share in SHARES:
        reached = int(np.searchsorted(used, share * study.panel.rows, side="right"))
        part, step = study.findings.take(np.arange(reached)), study.findings.take(np.arange(before, reached))
        facilities, more = _facilities(study, part), _facilities(study, step)
        if facilities >= MINIMUM_CELL and (more >= MINIMUM_CELL or not more):
            before = reached
            rows.append([share, facilities, *_measures(part)])
    return table(
        "budget_curve",
        titles.TABLES["budget_curve"],
        [dimension("budget", "검토 비율", "Share of rows reviewed"), *SIZES],
        rows,
        NOTES,
    )
