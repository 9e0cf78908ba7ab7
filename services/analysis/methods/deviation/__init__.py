"""How far a value stands from what was to be expected: robust statistics, residuals out of fold, isolation forest."""
