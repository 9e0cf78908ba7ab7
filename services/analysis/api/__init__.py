"""The HTTP door for people."""

from services.analysis.api.methods import router as methods
from services.analysis.api.quotas import router as quotas
from services.analysis.api.runs import router as runs

routers = [methods, runs, quotas]
