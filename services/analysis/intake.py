"""A model file on its way in: judged in a private folder first, so that nothing of a refused one is ever stored."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from services.analysis import messages
from services.analysis.modelfiles import Inspected, RefusedFileError, inspect_file
from shared.contracts import ModelManifest, StoredObject
from shared.contracts.wording import Sentence
from shared.errors import FieldError, TooLarge, Unprocessable
from shared.messages import FILE_TOO_LARGE
from shared.storage import Storage

CHUNK: Final = 1 << 20


async def take_model(
    storage: Storage, stream: AsyncIterator[bytes], media_type: str, limit: int, scratch: Path | None
) -> tuple[StoredObject, ModelManifest]:
    """Store the file if it is a plain ONNX or skops file of at most `limit` bytes; else TooLarge or Unprocessable."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="dure-model-", dir=scratch))
    try:
        path = folder / "model"
        await receive(stream, path, limit)
        found = await asyncio.to_thread(inspected, path, limit)
        stored = await storage.put_stream(chunks(path), media_type=media_type, limit=limit)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return stored, found.manifest


def inspected(path: Path, limit: int) -> Inspected:
    try:
        return inspect_file(path, limit)
    except RefusedFileError as refused:
        error = FieldError("#", refused.code, Sentence(refused.detail, ko=refused.ko))
        raise Unprocessable(messages.MODEL_FILE_NOT_TAKEN, errors=[error]) from None


async def receive(stream: AsyncIterator[bytes], path: Path, limit: int) -> None:
    size = 0
    with path.open("wb") as file:
        async for chunk in stream:
            size += len(chunk)
            if size > limit:
                raise TooLarge(FILE_TOO_LARGE(limit=limit), limit_bytes=limit)
            await asyncio.to_thread(file.write, chunk)


async def chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
