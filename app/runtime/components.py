"""Defines the components of a process and their states, as /health shows them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

# An absolute path of two parts or more, and not the path of a URL or the name of an endpoint.
_PATH = re.compile(r"(?<![\w/:.\]])/(?:[^\s/:;,'\"()]+/)+[^\s/:;,'\"()]*|(?<!\w)[A-Za-z]:\\[^\s;,'\"]+")


class Status(StrEnum):
    """State of one component, or of the process as a whole."""

    STARTING = "starting"
    OK = "ok"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component as /health shows it; `detail` is one line, without secrets."""

    name: str
    status: Status
    detail: str | None = None

    @classmethod
    def of(cls, name: str, problem: str | None) -> Self:
        """Return a component that works (problem None), or is degraded by a problem."""
        return cls(name=name, status=Status.DEGRADED if problem else Status.OK, detail=problem)


def without_paths(text: str, data_dir: Path) -> str:
    """Return a message without paths of this machine, for whoever asks over the network."""
    for folder in sorted({os.fspath(data_dir), os.path.realpath(data_dir)}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w/.]){re.escape(folder)}(?:/[^\s:;,'\"()]*|(?!\w))", "the data directory", text)
    return _PATH.sub("a file of the server", text)
