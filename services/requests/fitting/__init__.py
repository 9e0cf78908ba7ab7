"""Whether what is asked fits the method's card, and what is decided fits what is asked. Pure; every misfit is a FieldError."""

from services.requests.fitting.columns import Fitted, cut, find_dataset, fit_inputs
from services.requests.fitting.decision import changed_since, decision_faults
from services.requests.fitting.named import named_columns
from services.requests.fitting.parameters import fit_parameters

__all__ = [
    "Fitted", "changed_since", "cut", "decision_faults", "find_dataset", "fit_inputs", "fit_parameters", "named_columns",
]  # fmt: skip
