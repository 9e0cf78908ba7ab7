"""How this service's database is brought up to date."""

from services.requests.models import Base
from shared.migrate import run

run(Base.metadata)
