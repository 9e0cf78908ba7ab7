"""Copies of a whole installation at one consistent point, put back into an empty one (docs/backup.md)."""
