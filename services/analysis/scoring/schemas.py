"""What the door takes and gives, with examples."""

from typing import Annotated, Any, Final

from fastapi import Header, Path
from pydantic import BaseModel, ConfigDict, Field

from shared.openapi import PROBLEMS

NAME, VERSION = "shop_closures.risk_model", "2"
X: Final[dict[str, Any]] = {"name": "X", "datatype": "FP32", "shape": [-1, 3]}
SCORES: Final[dict[str, Any]] = {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}
CALL: Final[dict[str, Any]] = {
    "id": "42",
    "inputs": [{"name": "X", "shape": [2, 3], "datatype": "FP32", "data": [0.4, 12, 1, 0.1, 30, 0]}],
    "outputs": [{"name": "probabilities"}],
}
ANSWER: Final[dict[str, Any]] = {
    "model_name": NAME,
    "model_version": VERSION,
    "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [2, 2], "data": [0.125, 0.875, 0.75, 0.25]}],
    "id": "42",
}
BINARY_CALL = (
    '{"inputs":[{"name":"X","shape":[2,3],"datatype":"FP32","parameters":{"binary_data_size":24}}],'
    '"parameters":{"binary_data_output":true}} and 24 bytes'
)
BINARY_ANSWER = (
    '{"model_name":"shop_closures.risk_model","model_version":"2","outputs":[{"name":"probabilities","datatype":"FP32",'
    '"shape":[2,2],"parameters":{"binary_data_size":16}}]} and 16 bytes'
)
LENGTH: Final = {"description": "Where the JSON ends, if binary outputs follow.", "schema": {"type": "integer"}}
TAKEN: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["inputs"]}, "example": CALL},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": BINARY_CALL},
        },
    }
}
GIVEN: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The outputs.",
        "headers": {"Inference-Header-Content-Length": LENGTH},
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": ANSWER},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": BINARY_ANSWER},
        },
    },
    **PROBLEMS,
}
ModelName = Annotated[str, Path(max_length=130, examples=[NAME])]
ModelVersion = Annotated[str, Path(max_length=20, examples=[VERSION])]
HeaderLength = Annotated[
    int | None, Header(alias="Inference-Header-Content-Length", description="Where the JSON ends, if binary tensors follow.")
]


class ServerMetadata(BaseModel):
    """The server and the extensions of the protocol that it speaks."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "dure", "version": "0.1.0", "extensions": ["binary_tensor_data"]}]}
    )

    name: str = "dure"
    version: str = "0.1.0"
    extensions: list[str] = ["binary_tensor_data"]


class Live(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"live": True}]})

    live: bool = True


class Ready(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True}]})

    ready: bool = True


class ModelReady(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": NAME, "ready": True}]})

    name: str
    ready: bool = True


class TensorMetadata(BaseModel):
    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model with its versions, and what it takes and gives. Its features may also be sent one by one, as columns."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "name": NAME, "versions": [VERSION, "1"], "platform": "onnxruntime_onnx", "inputs": [X], "outputs": [SCORES],
                    "properties": {"features": "rent,age,owners", "missing_values": "false", "sha256": "5f2a" * 16},
                }
            ]
        },
    )  # fmt: skip

    name: str
    versions: list[str]
    platform: str = "onnxruntime_onnx"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    properties: dict[str, str] = Field(
        description="Names of the features in order, whether they may be missing, the file's digest."
    )
