"""Rows of any table that stand far from what their other columns let expect."""

from services.analysis.methods.anomaly_tables.card import CARD
from services.analysis.methods.anomaly_tables.run import run

__all__ = ["CARD", "run"]
