"""Clustering: kinds of subjects that the numbers of a table tell apart, if they do."""

from services.analysis.methods.clustering.card import CARD
from services.analysis.methods.clustering.run import run

__all__ = ["CARD", "run"]
