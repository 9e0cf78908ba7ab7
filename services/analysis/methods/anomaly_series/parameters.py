"""The parameters of a run, as a JSON schema with defaults and bounds."""

from services.analysis.methods.deviation.parameters import schema

SCHEMA = schema(
    0.05,
    "Share of all points that people can look at again; a finding over twelve points takes twelve.",
    "How many usual spreads a window's mean residual has to be from what was expected.",
)
