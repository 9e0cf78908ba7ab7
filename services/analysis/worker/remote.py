"""Scores from a model on another server, by the Open Inference Protocol v2: the child has no network, so its worker asks.

What leaves is the matrix of features, without pseudonyms; what comes back is one number a row, checked like a stranger's word.
Source: Open Inference Protocol v2, REST (`POST v2/models/{model}/versions/{version}/infer`).
"""

from typing import Any, Final

import httpx
import numpy as np
from numpy.typing import NDArray

from services.analysis.worker.manifests import HostedManifest, Remote
from services.analysis.worker.onnx_scores import scorable

ROWS: Final = 2000
TRIES: Final = 3
LARGEST: Final = 64 * 1024 * 1024
Floats = NDArray[np.float32]


class RemoteError(Exception):
    """The server did not answer as it should; the sentence says how, and holds nothing that it said."""


async def scores(manifest: HostedManifest, remote: Remote, matrix: Floats) -> Floats:
    """One score for each row of `matrix` [rows, features], asked for in blocks; NaN for rows that are not scored."""
    chosen = np.flatnonzero(scorable(manifest, matrix))
    found = np.full(len(matrix), np.nan, dtype=np.float32)
    version = f"/versions/{remote.version}" if remote.version else ""
    path = f"{remote.url.rstrip('/')}/v2/models/{remote.model}{version}/infer"
    async with httpx.AsyncClient(timeout=remote.seconds, trust_env=False, follow_redirects=False) as http:
        for start in range(0, len(chosen), ROWS):
            block = chosen[start : start + ROWS]
            found[block] = read(await ask(http, path, asked(manifest, remote, matrix[block])), manifest, len(block))
    return found


def asked(manifest: HostedManifest, remote: Remote, rows: Floats) -> dict[str, Any]:
    # JSON has no NaN: the protocol's servers take null for what is missing.
    data = [None if value != value else value for value in rows.astype(float).ravel().tolist()]
    tensor = {"name": remote.input, "shape": list(rows.shape), "datatype": "FP32", "data": data}
    return {"inputs": [tensor], "outputs": [{"name": manifest.output}]}


async def ask(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    for attempt in range(1, TRIES + 1):
        try:
            answer = await http.post(path, json=body)
            if answer.status_code == 200 and len(answer.content) <= LARGEST:
                return answer.json()
            if answer.status_code < 500 or attempt == TRIES:
                raise RemoteError(f"It answered {answer.status_code}.")
        except (httpx.TransportError, httpx.InvalidURL):
            if attempt == TRIES:
                raise RemoteError("It could not be reached.") from None
        except ValueError:
            raise RemoteError("Its answer is not JSON.") from None
    raise AssertionError("the last try answers or raises")


def read(answer: Any, manifest: HostedManifest, rows: int) -> Floats:
    """The output that the manifest names, as one finite number a row."""
    try:
        tensor = next(one for one in answer["outputs"] if one["name"] == manifest.output)
        values = np.asarray(tensor["data"], dtype=np.float64).reshape([int(size) for size in tensor["shape"]])
    except (StopIteration, KeyError, TypeError, ValueError):
        raise RemoteError("Its answer has not the shape that the protocol asks for.") from None
    if values.ndim == 2 and values.shape[1] > manifest.position:
        values = values[:, manifest.position]
    elif values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (rows,) or not np.isfinite(values).all():
        raise RemoteError("It did not give one finite score for each row.")
    return values.astype(np.float32)
