"""Synthetic data with known truth for the national tasks: seeded, documented, of any size."""
