"""Why a model file is not taken."""


class RefusedFileError(Exception):
    """A stable code, and a sentence that holds nothing of the file but its own names."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def malformed(what: str) -> RefusedFileError:
    return RefusedFileError("malformed", f"The file is not well-formed: {what}.")
