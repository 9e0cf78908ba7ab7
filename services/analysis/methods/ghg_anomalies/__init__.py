"""Greenhouse-gas statements that should be looked at again, layer by layer, each finding with its reason and its tCO2e."""

from services.analysis.methods.ghg_anomalies.card import CARD
from services.analysis.methods.ghg_anomalies.run import run

__all__ = ["CARD", "run"]
