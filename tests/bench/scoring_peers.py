"""The plain handler that the scoring door is measured against: FastAPI, orjson, NumPy and onnxruntime, and nothing checked.

`uvicorn --factory tests.bench.scoring_peers:plain`, told by the environment where the model is."""

import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
import orjson
from fastapi import FastAPI, Request, Response

MODEL = "BENCH_MODEL"
INPUT, OUTPUT, FEATURES = "X", "probabilities", 23


def plain() -> FastAPI:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(Path(os.environ[MODEL]).read_bytes(), options, providers=["CPUExecutionProvider"])
    app = FastAPI(openapi_url=None)

    @app.post("/v2/models/bench/infer")
    async def infer(request: Request) -> Response:
        body = await request.body()
        header = request.headers.get("inference-header-content-length")
        if header is None:
            given = orjson.loads(body)["inputs"][0]
            rows = np.array(given["data"], dtype=np.float32).reshape(given["shape"])
        else:
            given = orjson.loads(body[: int(header)])["inputs"][0]
            rows = np.frombuffer(body, dtype=np.float32, offset=int(header)).reshape(given["shape"])
        found = session.run([OUTPUT], {INPUT: rows})[0]
        told = {"name": OUTPUT, "datatype": "FP32", "shape": found.shape}
        answer = {"model_name": "bench", "outputs": [told]}
        if header is None:
            told["data"] = found.ravel()
            return Response(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
        raw = found.tobytes()
        told["parameters"] = {"binary_data_size": len(raw)}
        head = orjson.dumps(answer)
        length = {"Inference-Header-Content-Length": str(len(head))}
        return Response(head + raw, media_type="application/octet-stream", headers=length)

    return app


# Triton's own Python client, unmodified, against the door: prints the scores as it reads them, binary and JSON.
TRITON = """
import sys
import numpy as np
import tritonclient.http as triton

address, model, token, file = sys.argv[1:]
rows = np.load(file)
client = triton.InferenceServerClient(address)
headers = {"Authorization": f"Bearer {token}"}
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model, headers=dict(headers))
name = client.get_model_metadata(model, headers=dict(headers))["inputs"][0]["name"]
for binary in (True, False):
    given = triton.InferInput(name, list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=binary)
    asked = triton.InferRequestedOutput("probabilities", binary_data=binary)
    print(client.infer(model, [given], outputs=[asked], headers=dict(headers)).as_numpy("probabilities").tobytes().hex())
"""

# The same model in MLServer, which has no runtime of its own for ONNX.
RUNTIME = """
import numpy as np
import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class OrtModel(MLModel):
    async def load(self):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        path = self.settings.parameters.uri
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32, copy=False)
        found = self.session.run(["probabilities"], {"X": rows})[0]
        output = NumpyCodec.encode_output("probabilities", found)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])
"""
