"""The HTTP door for people."""

from services.analysis.api.methods import router as methods
from services.analysis.api.models import router as models
from services.analysis.api.runs import router as runs

routers = [methods, models, runs]
