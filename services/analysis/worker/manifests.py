"""The manifest of a hosted model, and where the model stands if it is not in the folder."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contracts import HostingManifest
from shared.contracts.base import Value

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Remote(Value):
    """A model on a server that speaks the Open Inference Protocol. Only the operator of a worker names one, never a client."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$", max_length=300)]
    model: Word
    version: Word | None = None
    input: Word = Field(default="input", description="The name of the model's one input, a row of features each.")
    seconds: float = Field(default=30, gt=0, le=600, description="How long one answer may take.")


class HostedManifest(HostingManifest):
    """`remote`: the scores come from there; without it the folder holds `model.onnx`."""

    remote: Remote | None = None
