"""Methods that a stock worker hosts out of the box: pure functions, each with a method card."""

BUILT_IN: tuple[str, ...] = (
    "services.analysis.methods.welfare_blind_spots",
    "services.analysis.methods.ghg_anomalies",
    "services.analysis.methods.anomaly_tables",
    "services.analysis.methods.anomaly_series",
)
