"""The engine: one linked table worked on in partitions by key, in this process or on the machines of a Dask scheduler."""

from services.analysis.worker.engine.engines import Engine, InProcess, Pending, open_engine
from services.analysis.worker.engine.tasks import Part, PartitionTask, TaskFailedError, UnknownTaskError, partitions, perform

__all__ = [
    "Engine", "InProcess", "Part", "PartitionTask", "Pending", "TaskFailedError", "UnknownTaskError", "open_engine", "partitions",
    "perform",
]  # fmt: skip
