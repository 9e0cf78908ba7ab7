"""The order of deliveries of one result to one subscription, as conditions in SQL."""

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from services.results.models import Delivery
from shared.due import db_now


def overtaken() -> ColumnElement[bool]:
    """Whether a later event of the same result is on its way, or was sent, to the same subscription."""
    later = aliased(Delivery)
    same = (later.subscription_id == Delivery.subscription_id, later.result_id == Delivery.result_id)
    return select(later.id).where(*same, col(later.sequence) > Delivery.sequence).correlate(Delivery).exists()


def free_to_go() -> ColumnElement[bool]:
    """Whether no earlier event of the same result is being sent to the same subscription: it could arrive second."""
    earlier = aliased(Delivery)
    same = (earlier.subscription_id == Delivery.subscription_id, earlier.result_id == Delivery.result_id)
    sending = (col(earlier.calling), col(earlier.due_at) > db_now(), col(earlier.sequence) < Delivery.sequence)
    return ~select(earlier.id).where(*same, *sending).correlate(Delivery).exists()
