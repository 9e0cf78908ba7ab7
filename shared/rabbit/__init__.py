"""The bus over RabbitMQ. The only package that knows aio-pika."""

from shared.rabbit.bus import RabbitBus

__all__ = ["RabbitBus"]
