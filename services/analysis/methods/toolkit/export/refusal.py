"""Why a fitted estimator is not kept as ONNX."""

from shared.contracts import Reason


class RefusedError(Exception):
    """It is kept as a skops file instead: a stable code, and a sentence that names steps and parameters, never a value."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail

    @property
    def reason(self) -> Reason:
        return Reason(code=self.code, detail=self.detail)
