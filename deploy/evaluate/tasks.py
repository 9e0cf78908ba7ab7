"""The tasks that `make evaluate` goes through: one line a task."""

from collections.abc import Callable

from deploy.evaluate.anomalies import cells, emissions, plant
from deploy.evaluate.findings import Asked, Found
from deploy.evaluate.real import polish, survey
from deploy.evaluate.synthetic import business_task, welfare_task

Task = Callable[[Asked], Found | None]

TASKS: dict[str, Task] = {
    "welfare": welfare_task,
    "business": business_task,
    "bankruptcy": polish,
    "survey": survey,
    "emissions": emissions,
    "plant": plant,
    "cells": cells,
}
"""A task answers None where its data are not at hand."""
