"""The HTTP door of the catalog."""

from services.catalog.api import datasets, files, ministries

routers = [ministries.router, datasets.router, files.router]
__all__ = ["routers"]
