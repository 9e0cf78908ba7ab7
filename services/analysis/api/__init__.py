"""The HTTP door for people."""

from services.analysis.api.grants import router as grants
from services.analysis.api.methods import router as methods
from services.analysis.api.runs import router as runs

routers = [grants, methods, runs]
