"""The result of one check, as `doctor` reports it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.ops.upkeep import Finding

LAG_WARNING_S = 60.0  # of an index: thousands of changes right after an import are normal, old ones are not


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One part: what was tried, what was found, and what to do about it; remedy None: nothing."""

    name: str
    state: State
    found: str
    remedy: str | None = None

    @classmethod
    def of(cls, finding: Finding) -> Check:
        """Return a finding as a check: it warns when there is something to do."""
        state = State.OK if finding.remedy is None else State.WARNING
        return cls(finding.name, state, finding.found, finding.remedy)

    @classmethod
    def failed(cls, name: str, sentence: str, remedy: str) -> Check:
        """Return a failed check from a message of ours: what was found, and after the first semicolon what to do.

        remedy: for a message that only says what was found.
        """
        found, _, to_do = sentence.partition("; ")
        return cls(name, State.FAILED, found, to_do or remedy)

    def to_json(self) -> dict[str, str | None]:
        """Return the check as JSON values."""
        return {"name": self.name, "state": self.state, "found": self.found, "mend": self.remedy}
