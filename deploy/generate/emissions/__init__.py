"""Facilities' greenhouse-gas statements, month by month, with eleven kinds of planted anomalies."""
