"""Realistic synthetic tables of the national tasks: documented, seeded, of known truth, 1e3 to 1e7 rows (see README.md)."""
