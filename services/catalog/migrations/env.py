"""How this service's database is brought up to date."""

from services.catalog.models import Base
from shared.migrate import run

run(Base.metadata)
