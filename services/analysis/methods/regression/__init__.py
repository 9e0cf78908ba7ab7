"""Regression: an expected number, from any table."""

from services.analysis.methods.regression.card import CARD
from services.analysis.methods.regression.run import run

__all__ = ["CARD", "run"]
