"""Words by which a dataset is found."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from shared.texts import readable_line

Keyword = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(readable_line)]
