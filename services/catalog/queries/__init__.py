"""Everything that reads the catalog, each question scoped to its caller."""

from services.catalog.queries.datasets import DatasetFilter, find_dataset, find_file, list_datasets, live_file, own_dataset
from services.catalog.queries.keys import find_key, key_in_use, list_keys
from services.catalog.queries.ministries import anything_to_announce, find_ministry, list_ministries, unannounced
from services.catalog.queries.turns import Usage, next_file, usage

__all__ = [
    "DatasetFilter",
    "Usage",
    "anything_to_announce",
    "find_dataset",
    "find_file",
    "find_key",
    "find_ministry",
    "key_in_use",
    "list_datasets",
    "list_keys",
    "list_ministries",
    "live_file",
    "next_file",
    "own_dataset",
    "unannounced",
    "usage",
]
