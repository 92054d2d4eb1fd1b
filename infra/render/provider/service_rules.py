"""What Render refuses of services, and what it takes but never does: found before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from infra.render.provider.checking import Problem
from infra.render.provider.values import UNKNOWN, Json, Values, known

NATIVE = ("elixir", "go", "node", "python", "ruby", "rust")


def paid_only(what: str, values: Values) -> Iterator[Problem]:
    """Yield that a type has no free plan."""
    if values.get("plan") == "free":
        yield Problem("plan", f"A {what} has no free plan, only a web service has one; use starter.")


def source(what: str, values: Values) -> Iterator[Problem]:
    """Yield problems with where the service's code comes from."""
    runtime, image, repo = (values.get(name) or None for name in ("runtime", "image", "repo"))
    given = known(values).keys()
    if {"image", "repo"} <= given:
        yield Problem("", f"A {what} comes from a repo or from an image, not from both; remove repo or image.")
    elif runtime == "image" and image is None:
        yield Problem("runtime", "The runtime image needs image.imagePath, such as docker.io/library/nginx:1.27.")
    elif runtime not in ("image", None, UNKNOWN) and repo is None:
        yield Problem("runtime", f"The runtime {runtime} builds from a repo, and repo is missing.")
    elif runtime not in ("image", None, UNKNOWN) and "image" in given:
        yield Problem("runtime", f"An image needs the runtime image, not {runtime}.")
    yield from _commands(runtime, values)


def _commands(runtime: Json, values: Values) -> Iterator[Problem]:
    if runtime in NATIVE:
        for name in ("buildCommand", "startCommand"):
            if name not in values:
                yield Problem("runtime", f"The runtime {runtime} needs {name}.")
        for name in ("dockerCommand", "dockerContext", "dockerfilePath"):
            if name in known(values):
                yield Problem(name, f"{name} is for the runtimes docker and image, not for {runtime}.")
    if runtime in ("docker", "image"):
        for name in ("buildCommand", "startCommand"):
            if name in known(values):
                yield Problem(name, f"{name} is for native runtimes; with {runtime}, use dockerCommand.")


def scaling(values: Values) -> Iterator[Problem]:
    """Yield problems with the number of instances."""
    auto, disk, count = (known(values).get(name) for name in ("autoscaling", "disk", "numInstances"))
    if isinstance(auto, dict) and auto:
        least, most = auto.get("min"), auto.get("max")
        if isinstance(least, int) and isinstance(most, int) and least > most:
            yield Problem("autoscaling", f"autoscaling.min is {least} and autoscaling.max is {most}; swap them.")
        if auto.get("cpuPercent") is None and auto.get("memoryPercent") is None:
            yield Problem("autoscaling", "autoscaling needs a target: cpuPercent, memoryPercent, or both.")
        if disk:
            yield Problem("autoscaling", "A service with a disk runs one instance: remove autoscaling, or the disk.")
    if disk and isinstance(count, int) and count > 1:
        yield Problem("numInstances", f"A service with a disk runs one instance, not {count}.")


def free_web(values: Values) -> Iterator[Problem]:
    """Yield what a free web service cannot have."""
    values = known(values)
    if values.get("plan") != "free":
        return
    if values.get("disk"):
        yield Problem("disk", "A free web service has no disk; choose a paid plan, or remove the disk.")
    if values.get("autoscaling"):
        yield Problem("autoscaling", "A free web service runs one instance; choose a paid plan, or remove autoscaling.")
    if isinstance(count := values.get("numInstances"), int) and count > 1:
        yield Problem("numInstances", f"A free web service runs one instance, not {count}.")


def addresses(values: Values, name: str = "ipAllowList") -> Iterator[Problem]:
    """Yield what is no block of addresses."""
    for one in known_items(values.get(name)):
        block = one.get("cidrBlock")
        if isinstance(block, str):
            try:
                ip_network(block, strict=False)
            except ValueError:
                yield Problem(name, f"{name} has {block!r}, which is no block of addresses such as 203.0.113.0/24.")


def known_items(value: Json) -> list[Values]:
    """Return the objects of a list that are known."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def growing(old: Values, new: Values) -> Iterator[Problem]:
    """Yield that a disk would shrink."""
    was, will = (known_size(values.get("disk")) for values in (old, new))
    if was and will and will < was:
        yield Problem(
            "disk",
            f"disk.sizeGB cannot go from {was} to {will}: a disk only grows. Keep at least {was}, or remove the disk "
            "in one update and add the smaller one in the next, which deletes what is on it.",
        )


def known_size(disk: Json) -> int | None:
    """Return the size of a disk, None if there is none or it is unknown."""
    size = disk.get("sizeGB") if isinstance(disk, dict) else None
    return size if isinstance(size, int) else None
