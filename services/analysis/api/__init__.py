"""The HTTP door for people."""

from services.analysis.api.following import router as followed
from services.analysis.api.methods import router as methods
from services.analysis.api.quotas import router as quotas
from services.analysis.api.runs import router as runs

routers = [methods, runs, followed, quotas]
