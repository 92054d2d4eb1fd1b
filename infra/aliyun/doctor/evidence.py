"""What is known of a function: what is stored of it, how it answers, what it logged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infra.aliyun.api.logs import Record
from infra.aliyun.doctor.asking import Answers
from infra.aliyun.doctor.known_failures import recognised
from infra.known_failures import Recognised

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """function: as Function Compute has it, None when it could not be asked; it holds secrets. records: of its logs."""

    answers: Answers
    function: Json | None = field(default=None, repr=False)
    triggers: Sequence[Json] | None = field(default=None, repr=False)
    records: Sequence[Record] | None = field(default=None, repr=False)

    @cached_property
    def failures(self) -> dict[str, Recognised]:
        """The known failures of the logs and of the answers, by id."""
        lines = [record.message for record in self.records or () if record.message]
        lines += [f"{one.code} {one.said}" for one in (self.answers.health, self.answers.sse) if one.code or one.said]
        return {one.id: one for one in recognised(lines)}

    @cached_property
    def affinity(self) -> Json:
        """The function's session affinity, read."""
        try:
            told = json.loads((self.function or {}).get("sessionAffinityConfig") or "{}")
        except ValueError:
            told = {}
        return told if isinstance(told, dict) else {}

    @cached_property
    def runtime_config(self) -> Json:
        """The command, the port and the health check."""
        return (self.function or {}).get("customRuntimeConfig") or {}

    def variable(self, name: str) -> str | None:
        """Return a variable of the function that is no secret."""
        return ((self.function or {}).get("environmentVariables") or {}).get(name)
