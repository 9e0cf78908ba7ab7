"""The result tables: every rate names the counts that it stands on, so that the disclosure check sees them."""

from services.analysis.methods.toolkit.layout import Table
from services.analysis.methods.welfare_blind_spots.study import Study
from services.analysis.methods.welfare_blind_spots.tables.groups import blind_spots, coverage, coverage_by_area, group_rates
from services.analysis.methods.welfare_blind_spots.tables.models import calibration, capacity_curve, drivers, model_comparison
from services.analysis.methods.welfare_blind_spots.tables.population import population

MAKERS = (
    population,
    model_comparison,
    calibration,
    capacity_curve,
    group_rates,
    coverage,
    coverage_by_area,
    blind_spots,
    drivers,
)


def make_tables(study: Study) -> dict[str, Table]:
    """Those that have a row."""
    return {made["name"]: made for made in (maker(study) for maker in MAKERS) if made["rows"]}
