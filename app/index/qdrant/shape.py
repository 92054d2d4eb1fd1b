"""The shape of a collection: its parameters at creation, as recorded in PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from app.memory.bm25 import VECTORS_VERSION
from app.memory.change_log import Space

if TYPE_CHECKING:
    from app.settings.fields import Settings

FORMAT = 2  # of points and payloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The parameters of a collection at creation; a collection of another shape is replaced by a new one.

    model, size: of its vectors; None if it has none.
    shard_keys: number of keys that the users are spread over. shards: per collection, or per key.
    format, vectors: versions of the code that makes its points.
    """

    model: str | None = None
    size: int | None = None
    shards: int = 1
    shard_keys: int = 0
    replication_factor: int = 1
    write_consistency_factor: int = 1
    on_disk: bool = False
    format: int = FORMAT
    vectors: int = VECTORS_VERSION

    @property
    def space(self) -> Space | None:
        """The space of its vectors."""
        return None if self.model is None or self.size is None else Space(self.model, self.size)

    def with_vectors(self, space: Space | None) -> Shape:
        """Return this shape with other vectors, or without any."""
        model, size = (None, None) if space is None else (space.model, space.size)
        return replace(self, model=model, size=size)

    def to_json(self) -> dict[str, Any]:
        """Return it as recorded in PostgreSQL."""
        return asdict(self)

    @classmethod
    def read(cls, recorded: Mapping[str, Any]) -> Self:
        """Return the shape recorded in PostgreSQL; ignore fields that a newer version added."""
        return cls(**{field.name: recorded[field.name] for field in fields(cls) if field.name in recorded})

    def key_of(self, user: str) -> str | None:
        """Return the shard key of a user's points; None without shard keys."""
        if not self.shard_keys:
            return None
        return f"users-{int.from_bytes(hashlib.sha256(user.encode()).digest()[:8]) % self.shard_keys}"

    def all_keys(self) -> list[int | str]:
        """Return all shard keys."""
        return [f"users-{number}" for number in range(self.shard_keys)]


def shape_of(settings: Settings) -> Shape:
    """Return the shape that the settings ask for, without vectors."""
    return Shape(
        shards=settings.qdrant_shards,
        shard_keys=settings.qdrant_shard_keys,
        replication_factor=settings.qdrant_replication_factor,
        write_consistency_factor=settings.qdrant_write_consistency_factor,
        on_disk=settings.qdrant_on_disk,
    )
