"""Welfare blind spots: households in need that no benefit reaches, found out of three ministries' linked tables."""

from services.analysis.methods.welfare_blind_spots.card import CARD
from services.analysis.methods.welfare_blind_spots.run import run

__all__ = ["CARD", "run"]
