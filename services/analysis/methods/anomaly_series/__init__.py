"""Stretches of series that stand far from what was to be expected."""

from services.analysis.methods.anomaly_series.card import CARD
from services.analysis.methods.anomaly_series.run import run

__all__ = ["CARD", "run"]
