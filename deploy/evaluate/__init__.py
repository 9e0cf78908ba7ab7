"""`make evaluate`: every method on data of known truth and on real data at hand, beside plain baselines."""
