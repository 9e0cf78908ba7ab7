"""The figures as Vega-Lite specifications that name their table: no value stands in a specification."""

from typing import Any

from services.analysis.methods.toolkit import figures
from services.analysis.methods.welfare_blind_spots import titles


def make_figures(tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those whose table is there."""
    named = titles.FIGURES
    made = {
        "calibration_figure": figures.calibration(
            "calibration_figure", named["calibration_figure"], ("실제 수급률", "Observed share")
        ),
        "capacity_figure": figures.capacity("capacity_figure", named["capacity_figure"]),
        "group_figure": figures.groups("group_figure", named["group_figure"]),
        "coverage_figure": figures.shares(
            "coverage_figure", named["coverage_figure"], "coverage", "coverage", ("수급률", "Coverage")
        ),
        "drift_figure": figures.bars(
            "drift_figure", named["drift_figure"], "drift", "psi", ("PSI", "Population stability index")
        ),
    }
    return {name: spec for name, spec in made.items() if spec["data"]["name"] in tables}
