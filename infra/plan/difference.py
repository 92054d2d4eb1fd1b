"""What is different between two plans of a stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.plan.document import Shown
from infra.plan.main_inputs import short

_NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """An input with another value. path: such as healthcheck.tests[1]."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """added, removed: resources that only one of both has. changed: inputs, by the resource."""

    added: Sequence[Shown]
    removed: Sequence[Shown]
    changed: Mapping[tuple[str, str], Sequence[Changed]]

    @property
    def is_empty(self) -> bool:
        """Whether both plans are the same."""
        return not (self.added or self.removed or self.changed)

    @property
    def summary(self) -> str:
        """Both plans compared, in one line."""
        if self.is_empty:
            return "no changes"
        return f"{len(self.added)} added, {len(self.changed)} changed, {len(self.removed)} removed"


def difference(before: Sequence[Shown], after: Sequence[Shown]) -> Difference:
    """Return what is different in `after`."""
    old, new = {one.key: one for one in before}, {one.key: one for one in after}
    both = {key: list(_changes(old[key].inputs, new[key].inputs)) for key in new if key in old}
    return Difference(
        added=[one for key, one in new.items() if key not in old],
        removed=[one for key, one in old.items() if key not in new],
        changed={key: changes for key, changes in both.items() if changes},
    )


def _changes(before: Any, after: Any, path: str = "") -> Iterator[Changed]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, other, f"{path}[{number}]")
    elif before != after:
        yield Changed(path=path, before=_said(before), after=_said(after))


def _said(value: Any) -> str:
    return _NOTHING if value is None else short(value) or '""'
