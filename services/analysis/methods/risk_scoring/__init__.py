"""Risk scoring: the likelihood of a yes-or-no outcome, from any table."""

from services.analysis.methods.risk_scoring.card import CARD
from services.analysis.methods.risk_scoring.run import run

__all__ = ["CARD", "run"]
