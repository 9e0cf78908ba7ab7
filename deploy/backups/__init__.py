"""Copies of a whole installation at one point, put back into an empty one (docs/backup.md)."""
