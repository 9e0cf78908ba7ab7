"""Brings the results service's database up to date."""

from services.results.models import Base
from shared.migrate import run

run(Base.metadata)
