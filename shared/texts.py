"""Text that comes in over HTTP: bounded, without control characters, on one line where it is a line."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from shared.contracts import Text, Title


def no_controls(value: str) -> str:
    if any((ord(letter) < 32 and letter not in "\n\t\r") or ord(letter) == 127 for letter in value):
        raise ValueError("it holds a control character")
    return value


def one_line(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError("it has more than one line")
    return no_controls(value)


Line = Annotated[Title, AfterValidator(one_line)]
Prose = Annotated[Text, AfterValidator(no_controls)]


class In(BaseModel):
    """What comes in holds no field that we do not know."""

    model_config = ConfigDict(extra="forbid")
