"""The catalog listens to nobody."""

from shared.service import Consumers

consumers = Consumers()
