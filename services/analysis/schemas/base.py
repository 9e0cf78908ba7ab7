"""What all bodies have in common."""

from shared.texts import In, Prose

__all__ = ["In", "Prose"]
