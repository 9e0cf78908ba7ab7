"""Methods that a stock worker hosts out of the box: pure functions, each with a method card."""

BUILT_IN: tuple[str, ...] = (
    "services.analysis.methods.welfare_blind_spots",
    "services.analysis.methods.ghg_anomalies",
    "services.analysis.methods.anomaly_tables",
    "services.analysis.methods.anomaly_series",
    "services.analysis.methods.welfare_indicators",
    "services.analysis.methods.small_business_crisis",
    "services.analysis.methods.risk_scoring",
    "services.analysis.methods.regression",
    "services.analysis.methods.cross_tabulation",
    "services.analysis.methods.clustering",
    "services.analysis.methods.forecasting",
    "services.analysis.methods.record_linkage",
)
