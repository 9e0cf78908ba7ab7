"""Forecasting: what a sum or mean of many subjects will be in the coming periods, beside what a naive look says."""

from services.analysis.methods.forecasting.card import CARD
from services.analysis.methods.forecasting.run import run

__all__ = ["CARD", "run"]
