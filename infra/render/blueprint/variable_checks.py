"""What is wrong with a Blueprint's environment variables: their form, and what they refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from infra.render.blueprint.scopes import DATABASES, GROUPS, SERVICES, Found, Tree, items

_FORMS = ("value", "generateValue", "sync", "fromDatabase", "fromService")
_OF_DATABASES = ("connectionString", "host", "port", "user", "password", "database")
_OF_SERVICES = ("host", "port", "hostport", "connectionString")


def variable_problems(everything: Iterable[Found]) -> list[str]:
    """Return every problem of the variables of these resources."""
    everything = list(everything)
    known = _Known(everything)
    found = []
    for one in everything:
        if one.section in (GROUPS, SERVICES):
            entries = items(one.entry.get("envVars"))
            problems = [problem for entry in entries for problem in _problems(one, entry, known)]
            found += [f"{one.label}: {problem}" for problem in [*problems, *_repeated(entries)]]
    return found


def _repeated(entries: Iterable[Tree]) -> Iterator[str]:
    for key, count in Counter(entry["key"] for entry in entries if "key" in entry).items():
        if count > 1:
            yield f"{key}: is there {count} times; keep one"


class _Known:
    """What variables can refer to. services: by name, type and names of variables."""

    def __init__(self, everything: Iterable[Found]) -> None:
        everything = list(everything)
        self.databases = {one.name for one in everything if one.section == DATABASES}
        self.groups = {one.name for one in everything if one.section == GROUPS}
        self.services = {one.name: one.entry for one in everything if one.section == SERVICES}


def _problems(one: Found, entry: Tree, known: _Known) -> Iterator[str]:
    if "fromGroup" in entry:
        if one.section == GROUPS:
            yield "fromGroup: a group cannot take in another"
        elif entry["fromGroup"] not in known.groups:
            yield f"fromGroup: there is no group {entry['fromGroup']}"
        return
    key = entry.get("key", "(without a key)")
    forms = [form for form in _FORMS if form in entry]
    if len(forms) != 1:
        yield f"{key}: takes one of {', '.join(_FORMS)}, and has {', '.join(forms) or 'none'}"
    if "sync" in entry and one.section == GROUPS:
        yield f"{key}: a group cannot ask for a value (sync: false); put it in a service"
    elif entry.get("sync") is True:
        yield f"{key}: sync: true means nothing; give a value, or sync: false to be asked for it"
    if isinstance(entry.get("value"), bool) or ("value" in entry and entry["value"] is None):
        yield f"{key}: the value {entry['value']} is no text; write it in quotes"
    for form in ("fromDatabase", "fromService"):
        if form in entry and one.section == GROUPS:
            yield f"{key}: a group takes plain values, not {form}; put it in a service"
    if isinstance(reference := entry.get("fromDatabase"), Mapping):
        yield from _database(key, reference, known)
    if isinstance(reference := entry.get("fromService"), Mapping):
        yield from _service(key, reference, known)


def _database(key: str, reference: Tree, known: _Known) -> Iterator[str]:
    if reference.get("name") not in known.databases:
        yield f"{key}: there is no database {reference.get('name')}"
    if reference.get("property") not in _OF_DATABASES:
        yield f"{key}: fromDatabase.property is one of {', '.join(_OF_DATABASES)}"


def _service(key: str, reference: Tree, known: _Known) -> Iterator[str]:
    name, variable = reference.get("name"), reference.get("envVarKey")
    service = known.services.get(str(name))
    if service is None:
        yield f"{key}: there is no service {name}"
        return
    if reference.get("type") != service.get("type"):
        yield f"{key}: {name} is a {service.get('type')}, not a {reference.get('type')}"
    if ("property" in reference) == ("envVarKey" in reference):
        yield f"{key}: fromService takes either property or envVarKey"
    elif "property" in reference and reference["property"] not in _OF_SERVICES:
        yield f"{key}: fromService.property is one of {', '.join(_OF_SERVICES)}"
    elif variable is not None and variable not in [entry.get("key") for entry in items(service.get("envVars"))]:
        yield f"{key}: {name} has no variable {variable}"
