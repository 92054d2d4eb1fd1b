"""What a stack tells when it is up, as `pulumi stack output` prints it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra import pulumi_cli
from infra.command_errors import CannotDo


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """releases: versions of the function by the name of the release. canary: percent of the requests, 0 without one."""

    url: str
    region: str
    account_id: str
    function: str
    log_project: str
    log_store: str
    release: str
    serving: str
    canary: int = 0
    releases: Mapping[str, str] = field(default_factory=dict)


def read(folder: Path, stack: str) -> Outputs:
    """Return the outputs of a stack of the project in a folder. Raises CannotDo."""
    try:
        told = json.loads(pulumi_cli.answer(folder, stack, "stack", "output", "--json"))
    except ValueError:
        raise CannotDo("pulumi stack output: printed something that is no JSON") from None
    if not told:
        raise CannotDo(f"the stack {stack} is not up; run `python -m infra.aliyun up --stack {stack}` first")
    missing = [name for name in ("url", "region", "function", "release", "serving") if not told.get(name)]
    if missing:
        raise CannotDo(
            f"the stack {stack} has no output {missing[0]}; is its target aliyun, and has `pulumi up -s {stack}` run?"
        )
    known = {name: told[name] for name in Outputs.__dataclass_fields__ if told.get(name) is not None}
    known["releases"] = {str(name): str(version) for name, version in (told.get("releases") or {}).items()}
    return Outputs(**known)
