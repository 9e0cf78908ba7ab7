"""Brings the analysis service's database up to date."""

from services.analysis.models import Base
from shared.migrate import run

run(Base.metadata)
