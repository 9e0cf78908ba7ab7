"""Parts of addresses, with examples."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

ResultId = Annotated[UUID, Path(examples=["01890a5d-ac96-774b-bcce-b302099a8057"])]
SubscriptionId = Annotated[UUID, Path(examples=["01890a5d-ac96-774b-bcce-b302099a8058"])]
DeliveryId = Annotated[UUID, Path(examples=["01890a5d-ac96-774b-bcce-b302099a8059"])]
AlarmNumber = Annotated[int, Path(ge=1, le=50, examples=[1])]
Name = Annotated[str, Path(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$", examples=["by_region"])]
