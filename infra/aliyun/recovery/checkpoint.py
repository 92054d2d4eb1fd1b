"""Repairs the file of a state in a folder after Pulumi was killed while it wrote it.

Pulumi replaces the file at once, but not the small one beside it, `.attrs`, with its type and checksum: a kill can
leave that empty, and then no command can read the state. It can be left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

from infra import pulumi_cli
from infra.command_errors import CannotDo
from infra.stack_file import PROJECT

UNREADABLE = "failed to load checkpoint"


def repair(folder: Path, stack: str) -> bool:
    """Remove what is half written beside a stack's state; return whether there was anything. Raises CannotDo."""
    try:
        url = str(json.loads(pulumi_cli.answer(folder, None, "whoami", "--json")).get("url", ""))
    except (ValueError, AttributeError):
        raise CannotDo("pulumi whoami: printed something that is no JSON") from None
    if not url.startswith("file://"):
        return False
    place, _, _ = url.removeprefix("file://").partition("?")  # `file://~` is Pulumi's default, and no host
    state = folder / Path(unquote(place)).expanduser() / ".pulumi" / "stacks" / PROJECT
    broken = [file for file in state.glob(f"{stack.rpartition('/')[2]}.json*.attrs") if not _whole(file)]
    for file in broken:
        file.unlink()
    return bool(broken)


def _whole(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
