"""What readers get: pages in Korean and English, and pictures."""

from services.results.report.page import CONTENT_POLICY, render_page
from services.results.report.pictures import Picture, draw, localised, with_rows

__all__ = ["CONTENT_POLICY", "Picture", "draw", "localised", "render_page", "with_rows"]
