"""Why an input cannot be prepared: a code, and a sentence that holds no cell value."""

from shared.contracts import Reason


class PrepareError(Exception):
    """The inputs as approved cannot become a bundle; trying again would not help."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail

    @property
    def reason(self) -> Reason:
        return Reason(code=self.code, detail=self.detail)
