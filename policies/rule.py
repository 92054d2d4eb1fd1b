"""The form of a rule, what it judges, and what it reports; nothing here knows a provider or how rules are run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.thresholds import NO_THRESHOLDS, Thresholds
from policies.unknown import UNKNOWN, NotKnown, Unknown, look


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a resource. protected: nothing may delete it. retained: `destroy` leaves it in place.

    secret_outputs: names of outputs that the state holds encrypted.
    """

    protected: bool = False
    retained: bool | Unknown = UNKNOWN
    secret_outputs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as a program declares it: properties by its provider's names, UNKNOWN where a preview knows no value.

    secrets: names of properties that hold a secret; None when it is not known, since the engine unwraps them.
    provider: the properties of its provider.
    """

    type: str
    name: str
    stack: str
    props: Mapping[str, Any]
    secrets: frozenset[str] | None = None
    options: Options = Options()
    provider: Mapping[str, Any] = field(default_factory=dict)
    urn: str = ""

    def get(self, *path: str | int, default: Any = None) -> Any:
        """Return the property at a path, or the default when there is none. Raises NotKnown."""
        return look(self.props, *path, default=default)

    def raw(self, name: str) -> Any:
        """Return a property, UNKNOWN among others; None when there is none."""
        return self.props.get(name)

    def holds_secretly(self, name: str) -> bool:
        """Whether what is in a property stays secret: by the program, or in the outputs where only those are known."""
        return name in (self.options.secret_outputs if self.secrets is None else self.secrets)


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule that is broken. resource: by which; None: by the stack. message: what is wrong and what to do."""

    rule: str
    message: str
    resource: Resource | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """name: as reports and the configuration spell it. why, remedy: one sentence each.

    thresholds: what a configuration can change, with defaults.
    """

    name: str
    why: str
    remedy: str
    thresholds: Thresholds = NO_THRESHOLDS

    def message(self, found: str) -> str:
        """Return what is wrong and what to do."""
        return f"{found}; {self.remedy[:1].lower()}{self.remedy[1:]}"


# What is wrong with a resource, a sentence each. The last argument is the rule's thresholds.
ResourceCheck = Callable[[Resource, Any], Iterator[str]]
# What is wrong with a stack, and by which resource.
StackCheck = Callable[[Sequence[Resource], Any], Iterator[tuple[Resource | None, str]]]


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule about one resource at a time. types: those it is about; none: all."""

    check: ResourceCheck
    types: tuple[str, ...] = ()

    def violations(self, resource: Resource, thresholds: Thresholds) -> list[Violation]:
        """Return how a resource breaks the rule; nothing about what is unknown."""
        found: list[Violation] = []
        if not self.types or resource.type in self.types:
            try:
                for sentence in self.check(resource, thresholds):
                    found.append(Violation(rule=self.name, message=self.message(sentence), resource=resource))  # noqa: PERF401
            except NotKnown:
                pass  # what was found before stays
        return found


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule about resources together."""

    check: StackCheck

    def violations(self, resources: Sequence[Resource], thresholds: Thresholds) -> list[Violation]:
        """Return how a stack breaks the rule; nothing about what is unknown."""
        found: list[Violation] = []
        try:
            for resource, sentence in self.check(resources, thresholds):
                found.append(Violation(rule=self.name, message=self.message(sentence), resource=resource))
        except NotKnown:
            pass  # what was found before stays
        return found


AnyRule = ResourceRule | StackRule
