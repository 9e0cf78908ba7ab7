"""The HTTP door of the catalog."""

from services.catalog.api import datasets, files, keys, ministries

routers = [ministries.router, keys.router, datasets.router, files.router]
__all__ = ["routers"]
