"""Welfare indicators: households that public support would reach, out of the monthly signs of need of many bodies."""

from services.analysis.methods.welfare_indicators.card import CARD
from services.analysis.methods.welfare_indicators.run import run

__all__ = ["CARD", "run"]
