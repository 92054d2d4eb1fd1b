"""A rotation under way, on disk: whatever ends this process, the next one knows where it was and has the old value.

The file is this user's alone (mode 600) and goes away with the rotation's end.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from platformdirs import user_state_path

from infra.command_errors import CannotDo


class Phase(StrEnum):
    """How far it came, in words."""

    SETTING = "while the new value was being set"
    DEPLOYING = "while the new value was being deployed"
    VERIFYING = "while the new value was being verified"
    PUTTING_BACK = "while the old value was being put back"


@dataclass(frozen=True)
class Target:
    """A variable in a place: a service, or an environment group; or a secret file of a service."""

    place: str
    is_group: bool
    name: str
    variable: str
    is_file: bool = False


@dataclass
class Unfinished:
    """A rotation. services: ids of those that run with it."""

    secret: str
    old: str = field(repr=False)
    targets: list[Target]
    services: list[str]
    phase: Phase = Phase.SETTING

    def save(self, path: Path) -> None:
        """Write it. Raises CannotDo."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(asdict(self), file)
            new.replace(path)
        except OSError as error:
            raise CannotDo(f"{path} cannot be written ({error.strerror}); it keeps the old value meanwhile") from None


def path_of(owner: str, stack: str, secret: str) -> Path:
    """Return where the rotation of a stack's secret is noted while it is under way."""
    name = f"{owner}-{stack.replace('/', '_')}-{secret}.json"
    return user_state_path("claude-memory") / "render-rotations" / name


def load(path: Path) -> Unfinished | None:
    """Return what a rotation left that was interrupted. Raises CannotDo."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        targets = [Target(**one) for one in found.pop("targets")]
        return Unfinished(**(found | {"targets": targets, "phase": Phase(found["phase"])}))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CannotDo(f"{path} cannot be read ({type(error).__name__}); it has the state of a rotation") from None
