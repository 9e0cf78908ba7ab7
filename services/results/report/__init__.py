"""What readers get: pages in Korean and English, pictures, and CSV files that no spreadsheet can be tricked by."""

from services.results.report.page import CONTENT_POLICY, render_page
from services.results.report.pictures import Picture, draw, localised, with_rows
from services.results.report.sheets import csv_line, csv_table

__all__ = ["CONTENT_POLICY", "Picture", "csv_line", "csv_table", "draw", "localised", "render_page", "with_rows"]
