"""The parameters of a run, as a JSON schema with defaults and bounds."""

from services.analysis.methods.deviation.parameters import schema

SCHEMA = schema(
    0.02,
    "Share of all rows that people can look at again.",
    "How many usual spreads a row's strangest columns have to be from what was expected, together.",
)
