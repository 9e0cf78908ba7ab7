"""The scenes of three services, for what a hostile or unlucky user would try."""

from tests.analysis.conftest import centre, live_centre, open_centre
from tests.catalog.conftest import desk, heard, open_desk
from tests.results.conftest import house

__all__ = ["centre", "desk", "heard", "house", "live_centre", "open_centre", "open_desk"]
