"""What Pulumi's state, as `pulumi stack export` prints it, knows of a stack's containers, networks and volumes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import pulumi_cli
from infra.command_errors import CannotDo
from infra.selfhost.labels import REASON

_CONTAINER, _NETWORK, _VOLUME = (
    f"docker:index/{one}" for one in ("container:Container", "network:Network", "volume:Volume")
)
_AFTER = " after "  # in a task's reason: the id of its run that failed follows
_KINDS = (_CONTAINER, _NETWORK, _VOLUME)


@dataclass(frozen=True, kw_only=True)
class State:
    """containers: resource names by id. networks, volumes: names in Docker.

    own: the networks and volumes whose names Pulumi made up, so that no other state has them.
    begun: names in Docker of what updates began to make and did not note as made. The engine keeps them until
    `pulumi refresh --clear-pending-creates`.
    again: by name of a task whose last run failed, what is added to its reason, so that it runs again; it stays there
    when the task has run, or it would run once more.
    """

    containers: Mapping[str, str] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    begun: frozenset[str] = frozenset()
    again: Mapping[str, str] = field(default_factory=dict)


def exported(folder: Path, stack: str) -> State:
    """Let the CLI export the state. folder: the project's. stack: with its organization, if it has one.

    Nothing is decrypted, and no lock is taken. Raises CannotDo.
    """
    return parsed(pulumi_cli.answer(folder, stack, "stack", "export"), stack.rpartition("/")[2])


def parsed(text: str, stack: str) -> State:
    """Read an export. Raises CannotDo for what is none, or one of another stack."""
    try:
        deployment = json.loads(text)["deployment"] or {}
        resources = list(_of_docker(deployment.get("resources") or [], stack))
        pending = [
            one["resource"] for one in deployment.get("pending_operations") or [] if one.get("type") == "creating"
        ]
        begun = list(_of_docker(pending, stack))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotDo(f"the state is not what `pulumi stack export` prints ({type(error).__name__})") from None
    networks, volumes = _names(resources, _NETWORK), _names(resources, _VOLUME)
    fixed = {f"{stack}-{_name_of(one)}" for one in resources if one["type"] == _VOLUME}
    return State(
        containers={one["id"]: _name_of(one) for one in resources if one["type"] == _CONTAINER and one.get("id")},
        networks=networks,
        volumes=volumes,
        own=(networks | volumes) - fixed,
        begun=frozenset(one["inputs"]["name"] for one in begun if one.get("inputs", {}).get("name")),
        again={_name_of(one): text for one in resources if one["type"] == _CONTAINER and (text := _again(one))},
    )


def _of_docker(resources: Iterable[dict[str, Any]], stack: str) -> Iterator[dict[str, Any]]:
    """Yield the resources that are something in Docker. Raises CannotDo for a resource of another stack."""
    for one in resources:
        of = one["urn"].split("::")[0].removeprefix("urn:pulumi:")
        if of != stack:
            raise CannotDo(f"the state is that of stack {of}, not of {stack}")
        if one["type"] in _KINDS:
            yield one


def _name_of(resource: Mapping[str, Any]) -> str:
    """Return the name that the program gave a resource."""
    return str(resource["urn"].rpartition("::")[2])


def _names(resources: Iterable[Mapping[str, Any]], kind: str) -> frozenset[str]:
    """Return the names in Docker of all resources of a kind."""
    given = (
        (one.get("outputs") or {}).get("name") or one["inputs"].get("name") for one in resources if one["type"] == kind
    )
    return frozenset(filter(None, given))


def _again(container: Mapping[str, Any]) -> str:
    """Return what is added to a task's reason."""
    inputs, outputs = container.get("inputs") or {}, container.get("outputs") or {}
    if inputs.get("attach") and outputs.get("exitCode"):
        return f"{_AFTER}{container['id'][:12]}"
    reasons = (one.get("value", "") for one in inputs.get("labels") or [] if one.get("label") == REASON)
    _, after, id_ = next(reasons, "").rpartition(_AFTER)
    return after and f"{after}{id_}"
