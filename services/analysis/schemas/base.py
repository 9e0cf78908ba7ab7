"""What all bodies have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from shared.contracts import Text


def no_controls(value: str) -> str:
    if any((ord(letter) < 32 and letter not in "\n\t\r") or ord(letter) == 127 for letter in value):
        raise ValueError("it holds a control character")
    return value


Prose = Annotated[Text, AfterValidator(no_controls)]


class In(BaseModel):
    """What comes in holds no field that we do not know."""

    model_config = ConfigDict(extra="forbid")
