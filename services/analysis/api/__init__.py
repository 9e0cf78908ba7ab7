"""The HTTP door for people."""

from services.analysis.api.following import router as followed
from services.analysis.api.grants import router as grants
from services.analysis.api.methods import router as methods
from services.analysis.api.models import router as models
from services.analysis.api.quotas import router as quotas
from services.analysis.api.runs import router as runs
from services.analysis.api.uploads import router as uploads

routers = [methods, uploads, models, grants, runs, followed, quotas]
