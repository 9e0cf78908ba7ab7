"""What a call and its answer are on the wire: JSON, and the binary tensor data extension."""

from services.analysis.scoring.codec.answers import Body, encode
from services.analysis.scoring.codec.calls import Call, Limits, decode
from services.analysis.scoring.codec.layouts import Layouts
from services.analysis.scoring.codec.tensors import DATATYPES, Array, Signature, TensorSpec

__all__ = ["DATATYPES", "Array", "Body", "Call", "Layouts", "Limits", "Signature", "TensorSpec", "decode", "encode"]
