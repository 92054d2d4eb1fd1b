"""Environment variables and secret files of a service: the fewest calls from what is there to what shall be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from infra.render.api.errors import NotFound
from infra.render.provider.fingerprints import FINGERPRINT, GENERATE, KEY, WRITE_ONLY, fingerprint_of
from infra.render.provider.sealing import opened
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json, Values

# Up to so many changes go one by one. More go as a whole list, which is read first: two calls, however many there are.
ONE_BY_ONE = 2


@dataclass(frozen=True)
class Calls:
    """How values by name are read and written. set and replace return what Render then has, as far as it says.

    replace: None where Render takes them only one by one.
    """

    all: Callable[[], dict[str, str]]
    set: Callable[[str, Json], str | None]
    unset: Callable[[str], None]
    replace: Callable[[dict[str, Json]], Mapping[str, str] | None] | None = None


def variable_calls(turn: Turn, service_id: str) -> Calls:
    """Return the calls for the environment variables of a service."""
    api = turn.api.variables
    return Calls(
        all=lambda: api.all(service_id),
        replace=lambda values: api.replace(service_id, values),
        set=lambda name, value: api.set(service_id, name, value),
        unset=lambda name: api.unset(service_id, name),
    )


def file_calls(turn: Turn, service_id: str) -> Calls:
    """Return the calls for the secret files of a service."""
    api = turn.api.secret_files
    return Calls(
        all=lambda: api.all(service_id),
        replace=lambda values: api.replace(service_id, values),
        set=lambda name, value: api.set(service_id, name, value),
        unset=lambda name: api.unset(service_id, name),
    )


class Set:
    """Values by name, on their way from `old` to `new`; both as the state has them. where: the property's name."""

    def __init__(self, turn: Turn, calls: Calls, where: str, old: Values, new: Values, key: str | None) -> None:
        self._turn, self._calls, self._where, self._key = turn, calls, where, key
        self._old, self._new = old, new
        self._there: dict[str, str] | None = None

    def apply(self) -> Iterator[dict[str, str]]:
        """Make the change; yield after each call what Render generated in it."""
        # In an order of their own: on the wire, names have none.
        changed = [name for name in sorted(self._new) if not self._alike(name, self._old.get(name), self._new[name])]
        gone = sorted(self._old.keys() - self._new.keys())
        if self._calls.replace and len(changed) + len(gone) > ONE_BY_ONE:
            # What no program names stays, and so does what others changed.
            kept = {name: value for name, value in self._all().items() if name not in gone}
            values = kept | {name: self._sent(name) for name in changed}
            yield generated(self._new, self._calls.replace(values) or {})
            return
        for name in gone:
            with suppress(NotFound):
                self._calls.unset(name)
            yield {}
        for name in changed:
            answer = self._calls.set(name, self._sent(name))
            yield generated(self._new, {name: answer} if answer else {})

    def _all(self) -> dict[str, str]:
        """Return what Render has, with one call."""
        if self._there is None:
            self._there = self._calls.all()
        return self._there

    def _alike(self, name: str, old: Json, new: Json) -> bool:
        """Whether Render has the value already, however the state keeps it."""
        if old is None or old == new:
            return bool(old == new)
        if GENERATE in _parts(old) or GENERATE in _parts(new):
            return GENERATE in _parts(old) and GENERATE in _parts(new)
        prints = [self._print(name, one) for one in (old, new)]
        return None not in prints and prints[0] == prints[1]

    def _print(self, name: str, value: Json) -> str | None:
        if isinstance(value, Mapping):
            return value.get(FINGERPRINT)
        return fingerprint_of(self._key, f"{self._where}.{name}", value) if self._key else None

    def _sent(self, name: str) -> Json:
        """Return a value as a request has it; one that the state does not hold is sent back as it is."""
        value = self._new[name]
        if GENERATE in _parts(value) and GENERATE not in _parts(self._old.get(name)):
            return {GENERATE: True}
        known = None if GENERATE in _parts(value) else opened(value, self._turn.memory.vault)
        if known is not None:
            return known
        if name in self._all():
            return self._all()[name]
        if GENERATE in _parts(value):
            return {GENERATE: True}
        raise ProviderError(f"The value of {self._where}.{name} is not known here; give it in the program.")


def _parts(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def generated(values: Values, there: Mapping[str, str]) -> dict[str, str]:
    """Return the values that Render generated and that the state may hold."""
    return {
        name: there[name]
        for name, value in values.items()
        if name in there and GENERATE in _parts(value) and WRITE_ONLY not in _parts(value)
    }


def sent_first(turn: Turn, values: Values, where: str) -> Values:
    """Return values as the body of a first POST has them. Raises ProviderError for one that is not known."""
    found: Values = {}
    for name, value in values.items():
        if GENERATE in _parts(value):
            found[name] = {GENERATE: True}
        elif (known := opened(value, turn.memory.vault)) is not None:
            found[name] = known
        else:
            raise ProviderError(f"The value of {where}.{name} is not known here; give it in the program.")
    return found


def key_of(inputs: Values) -> str | None:
    """Return the key of a resource's fingerprints, if it has one."""
    return inputs.get(KEY)
