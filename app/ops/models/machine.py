"""Says whether this machine can run a model, before anything is fetched. Running it is the proof; this says why not."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from app.embedding.local.catalogue import Model
from app.errors import ModelNotAdded

_CPU = Path("/proc/cpuinfo")
_INSTEAD = "EMBEDDING_MODEL takes a service instead, also one on this machine"


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """What a model's program depends on. libc: such as `glibc 2.36`; None for another. features: of the processor."""

    system: str
    processor: str
    libc: str | None
    features: frozenset[str]

    @classmethod
    def now(cls) -> ThisMachine:
        """Return this one."""
        return cls(sys.platform, platform.machine().lower(), _glibc(), _features(_CPU))

    def check(self, model: Model) -> None:
        """Raise ModelNotAdded when the model's program does not run here."""
        if self.system != "linux":
            raise ModelNotAdded(f"{model.name} runs on Linux alone, and this is {self.system}; {_INSTEAD}")
        if self.processor not in ("x86_64", "amd64"):
            raise ModelNotAdded(f"{model.name} runs on x86-64 alone, and this is {self.processor}; {_INSTEAD}")
        if self.libc is None:
            raise ModelNotAdded(
                f"{model.name} needs glibc, and this system has another C library, such as Alpine's musl; {_INSTEAD}"
            )
        if missing := [feature for feature in model.needs if feature not in self.features]:
            raise ModelNotAdded(f"{model.name} needs a processor with {', '.join(missing)}, as since 2015; {_INSTEAD}")


def _glibc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):  # of Windows, of macOS and musl
        return None


def _features(file: Path) -> frozenset[str]:
    try:
        found = re.search(r"^flags\s*:(.*)$", file.read_text(encoding="ascii", errors="replace"), re.M)
    except OSError:
        return frozenset()
    return frozenset(found[1].split()) if found else frozenset()
