"""The result tables: aggregates whose every row stands on enough facilities; a table without such a row is left out."""

from services.analysis.methods.deviation.layout import Table
from services.analysis.methods.deviation.robust import Flags
from services.analysis.methods.ghg_anomalies.study import Study
from services.analysis.methods.ghg_anomalies.tables.findings import budget_curve, by_layer, by_reason, by_sector
from services.analysis.methods.ghg_anomalies.tables.population import baseline, population, tests_held


def make_tables(study: Study, forest: Flags) -> dict[str, Table]:
    made = (
        population(study),
        by_reason(study),
        by_layer(study),
        by_sector(study),
        budget_curve(study),
        baseline(study, forest),
        tests_held(study),
    )
    return {table["name"]: table for table in made if table["rows"]}
