"""The engine: one linked table worked on in partitions by key, in this process or on the machines of a Dask scheduler."""

from services.analysis.worker.engine.engines import Certificates, Engine, EngineLostError, InProcess, open_engine
from services.analysis.worker.engine.tasks import (
    Part,
    PartitionTask,
    TaskFailedError,
    TaskRefusedError,
    UnknownTaskError,
    partitions,
    perform,
)

__all__ = [
    "Certificates", "Engine", "EngineLostError", "InProcess", "Part", "PartitionTask", "TaskFailedError", "TaskRefusedError",
    "UnknownTaskError", "open_engine", "partitions", "perform",
]  # fmt: skip
