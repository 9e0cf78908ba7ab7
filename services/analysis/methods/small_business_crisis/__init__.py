"""Small-business crisis: which businesses may close within a year, early enough to help."""

from services.analysis.methods.small_business_crisis.card import CARD
from services.analysis.methods.small_business_crisis.run import run

__all__ = ["CARD", "run"]
