"""The types of arguments: one type for each rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.memory.folding import composed
from app.memory.moments import parsed
from app.memory.types import (
    EXPIRES_LIMIT_DAYS,
    METADATA_LIMIT_BYTES,
    METADATA_LIMIT_DEPTH,
    NAME_LIMIT_CHARACTERS,
    QUERY_LIMIT_CHARACTERS,
    TAGS_LIMIT,
    TEXT_LIMIT_CHARACTERS,
)

# A character decomposes into up to four, so a longer text is longer than a name in any form.
_NAME_LIMIT_DECOMPOSED = 4 * NAME_LIMIT_CHARACTERS
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def name_form(value: str) -> str:
    """Return a name in the one form in which names are stored and compared; what is too long for one as it is."""
    stripped = value.strip()
    return composed(stripped).strip() if len(stripped) <= _NAME_LIMIT_DECOMPOSED else value


def _form_of_text(value: Any) -> Any:
    return name_form(value) if isinstance(value, str) else value


def _with_content(value: str) -> str:
    """Reject a NUL, which PostgreSQL cannot store, and text that is only white space."""
    if "\x00" in value:
        raise PydanticCustomError("unsound", "holds a NUL character")
    if not value.strip():
        raise PydanticCustomError("unsound", "is empty")
    return value


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("unsound", "holds a control character")
    return value.strip()


def _moment(value: Any) -> datetime:
    """Parse an ISO 8601 date, or date and time; without an offset it has no zone yet (app/memory/moments.py)."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = parsed(value)
        except ValueError:
            raise PydanticCustomError("moment", "is not an ISO 8601 date") from None
        except OverflowError:
            raise PydanticCustomError("moment", "is out of range") from None
    else:
        raise PydanticCustomError("moment", "is not an ISO 8601 date")
    try:
        moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "is out of range") from None
    return moment


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise PydanticCustomError("id", "is not the id of a memory") from None


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    for text in _strings(value):
        if _NO_TEXT.search(text):
            raise PydanticCustomError("metadata", "holds a NUL character or a lone surrogate")
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise PydanticCustomError("metadata", "is not JSON") from None
    if size > METADATA_LIMIT_BYTES:
        raise PydanticCustomError("metadata", "is too large")
    return value


def _strings(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, including keys; reject a value that is nested too deeply."""
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > METADATA_LIMIT_DEPTH:
            raise PydanticCustomError("metadata", "is nested too deeply")
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += ((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            pending += ((part, depth + 1) for part in item)


def _without_repeats(value: list[str]) -> list[str]:
    return list(dict.fromkeys(value))


Text = Annotated[str, Field(strict=True, max_length=TEXT_LIMIT_CHARACTERS), AfterValidator(_with_content)]
Query = Annotated[str, Field(strict=True, max_length=QUERY_LIMIT_CHARACTERS), AfterValidator(_with_content)]
# An id that a client chose: its characters stay as they are.
ClientId = Annotated[
    str, Field(strict=True, max_length=NAME_LIMIT_CHARACTERS), AfterValidator(_with_content), AfterValidator(_one_line)
]
Name = Annotated[ClientId, BeforeValidator(_form_of_text)]
Tags = Annotated[list[Name], Field(max_length=TAGS_LIMIT, fail_fast=True), AfterValidator(_without_repeats)]
Metadata = Annotated[dict[str, Any], AfterValidator(_metadata)]
Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
MemoryId = Annotated[UUID, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
Days = Annotated[float, Field(strict=True, gt=0, le=EXPIRES_LIMIT_DAYS, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
