"""Everything that changes the catalog."""

from services.catalog.actions.datasets import register_dataset, update_dataset, withdraw_dataset
from services.catalog.actions.files import attach_file, begin_check, postpone_check, record_check
from services.catalog.actions.keys import register_key, retire_key
from services.catalog.actions.ministries import announce_members, join_ministry, leave_ministry, seed_ministries
from services.catalog.actions.quotas import Quota

__all__ = [
    "Quota",
    "announce_members",
    "attach_file",
    "begin_check",
    "join_ministry",
    "leave_ministry",
    "postpone_check",
    "record_check",
    "register_dataset",
    "register_key",
    "retire_key",
    "seed_ministries",
    "update_dataset",
    "withdraw_dataset",
]
