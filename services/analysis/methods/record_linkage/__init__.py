"""Record linkage: rows that are likely the same subject under different keys, found by what they agree on."""

from services.analysis.methods.record_linkage.card import CARD
from services.analysis.methods.record_linkage.run import run

__all__ = ["CARD", "run"]
