"""Reads one text file of a run's artifact. A stranger may have made it, so nothing is unpacked."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib

from ci.errors import CiError
from ci.github.api import Api

_MOST_BYTES_PACKED = 5_000_000
_MOST_BYTES = 1_000_000
# What unpacking raises: zipfile's own errors, and those of each way to compress.
_BROKEN = (
    zipfile.BadZipFile,
    KeyError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
)


class BadArtifact(CiError):
    """An artifact is missing, or is not what our job makes."""


def text_of(api: Api, run_id: int, artifact: str, file: str) -> str:
    """Return a file's text, its first megabyte if it is longer. Raises BadArtifact, GitHubError."""
    found = [one for one in api.pages(f"actions/runs/{run_id}/artifacts", name=artifact) if one["name"] == artifact]
    if not found:
        raise BadArtifact(f"run {run_id} has no artifact {artifact!r}; see why its job made none")
    packed = api.download(f"actions/artifacts/{int(found[-1]['id'])}/zip", _MOST_BYTES_PACKED)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as content, content.open(file) as stream:
            return stream.read(_MOST_BYTES).decode("utf-8", errors="replace")
    except _BROKEN as error:
        raise BadArtifact(f"artifact {artifact!r} of run {run_id} has no readable {file} ({error})") from None
