"""Cross-tabulation: counts, shares and means by one or two groupings, with what is too small joined or left out."""

from services.analysis.methods.cross_tabulation.card import CARD
from services.analysis.methods.cross_tabulation.run import run

__all__ = ["CARD", "run"]
