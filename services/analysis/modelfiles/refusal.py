"""Why a model file is not taken."""

from shared.contracts import model_fault


class RefusedFileError(Exception):
    """A stable code, and a sentence that holds nothing of the file but its own names; `ko`: the same in Korean."""

    def __init__(self, code: str, detail: str, ko: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.ko = ko


def refused(code: str, **values: object) -> RefusedFileError:
    """With the sentence of this code."""
    detail = model_fault(code, **values).detail
    return RefusedFileError(code, detail.en, detail.ko)


def malformed(what: str) -> RefusedFileError:
    return RefusedFileError("malformed", f"The file is not well-formed: {what}.", "올바른 형식의 파일이 아닙니다.")
