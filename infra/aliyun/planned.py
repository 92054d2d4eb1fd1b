"""A bundle that was never built, for plans, which need neither packages nor a Python of the function's version."""

from __future__ import annotations

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.build import Bundle, BundleOptions

_HASH = "0" * 64


def planned_bundle(options: BundleOptions) -> Bundle:
    """Return a stand-in for the bundle with these options."""
    layer = _archive("dependencies") if options.dependencies == "layer" else None
    return Bundle(code=_archive("code"), layer=layer)


def _archive(name: str) -> Archive:
    return Archive(path=f"build/aliyun/{name}.zip", sha256=_HASH, crc64="0", bytes=0, unpacked_bytes=0, files=0)
