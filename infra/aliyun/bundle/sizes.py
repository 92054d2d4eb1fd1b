"""How large a bundle is, against what Function Compute takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.errors import BundleTooLarge

# Function Compute 3.0, "Quotas and limits": a code package or a layer that comes from OSS holds at most 500 MB zipped.
ZIPPED_BYTES = 500 * 1_000_000
# The same: the smallest disk of an instance, `diskSize`, which is the default. Unpacked files count towards it.
DISK_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """A size and its limit, both in bytes."""

    what: str
    bytes: int
    limit_bytes: int

    @property
    def share(self) -> float:
        """How much of the limit is used: 1 is all of it."""
        return self.bytes / self.limit_bytes


def sizes_of(code: Archive, layer: Archive | None) -> list[Size]:
    """Return the sizes that the service limits."""
    found = [Size("code package, zipped", code.bytes, ZIPPED_BYTES)]
    unpacked = code.unpacked_bytes
    if layer is not None:
        found.append(Size("layer, zipped", layer.bytes, ZIPPED_BYTES))
        unpacked += layer.unpacked_bytes
    return [*found, Size("unpacked, on the instance's disk", unpacked, DISK_BYTES)]


def check(sizes: Sequence[Size]) -> None:
    """Raise BundleTooLarge for the first that exceeds its limit."""
    for size in sizes:
        if size.bytes > size.limit_bytes:
            raise BundleTooLarge(size.what, size.bytes, size.limit_bytes)
