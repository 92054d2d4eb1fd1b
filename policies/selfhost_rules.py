"""Rules about a stack on your own hosts: what a container may do, use and publish, and what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath
from typing import Any

from policies.networks import is_inside
from policies.rule import AnyRule, Resource, ResourceCheck, ResourceRule
from policies.thresholds import NO_THRESHOLDS, Images, Nothing, Production, Published, Thresholds
from policies.unknown import UNKNOWN, elements, entries
from policies.variables import CONTAINER

IMAGE, VOLUME = "docker:index/remoteImage:RemoteImage", "docker:index/volume:Volume"
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_TAG = re.compile(r":[^:/@]*\d[^:/@]*$")  # with a version in it
_ID = re.compile(r"^sha256:[0-9a-f]{64}$")  # of an image that is on the engine: nothing is more exact
_ENGINE_SOCKET = "docker.sock"
_ABOVE_THE_SOCKET = ("/", "/run", "/var", "/var/run")
_NOT_ROOT = re.compile(r"^0*[1-9]\d*:0*[1-9]\d*$")  # user and group
_UNGUARDED = re.compile(r"^(?:seccomp|apparmor|systempaths)[=:]unconfined$|^label[=:]disable$")
_NAMESPACES = ("networkMode", "pidMode", "ipcMode", "usernsMode")
_SHARED = re.compile(r"^(?:host$|container:)")
_RESTARTS = ("always", "unless-stopped")
_SENT_BY_DOCKER, _KEPT_AS_WELL = ("syslog", "gelf", "fluentd"), "cache-"  # what is sent elsewhere is kept here, too
_FILES = "-files"  # ends the name of a volume that the program fills again; all others hold data


def _runs(resource: Resource) -> bool:
    """Whether a container is ever started: the holders of files are not."""
    return bool(resource.get("start", default=True))


def _serves(resource: Resource) -> bool:
    """Whether a container runs until it is stopped."""
    return _runs(resource) and bool(resource.get("mustRun", default=True))


def _pinned(resource: Resource, thresholds: Images) -> Iterator[str]:
    image = str(resource.get("image" if resource.type == CONTAINER else "name", default=""))
    if _DIGEST.search(image) or _ID.search(image):
        return
    if thresholds.digests:
        yield f"{image} has no digest"
    elif not _TAG.search(image):
        yield f"{image} has no tag with a version"


def _privileged(resource: Resource, _: Nothing) -> Iterator[str]:
    for option in elements(resource.raw("securityOpts")):
        if _UNGUARDED.search(str(option)):
            yield f"{resource.name} has {option}, which takes away what the engine keeps it in with"
    if elements(resource.raw("devices")):
        yield f"{resource.name} has devices of its host"
    yield from _socket(resource)
    if resource.get("privileged", default=False):
        yield f"{resource.name} is privileged"
    if _runs(resource) and "no-new-privileges:true" not in resource.get("securityOpts", default=[]):
        yield f"{resource.name} may get privileges from a program with the set-user-ID bit"


def _socket(resource: Resource) -> Iterator[str]:
    mounts = [(entries(one), "source") for one in elements(resource.raw("mounts"))]
    volumes = [(entries(one), "hostPath") for one in elements(resource.raw("volumes"))]
    for mount, key in (*mounts, *volumes):
        source = mount.get(key)
        if not isinstance(source, str) or not source.startswith("/"):
            continue
        path = re.sub("^/+", "/", normpath(source))
        if path.endswith(_ENGINE_SOCKET):
            yield f"{resource.name} has the socket of the Docker engine, which is as good as root on its host"
        elif path in _ABOVE_THE_SOCKET and not _only_looks(resource, mount):
            yield f"{resource.name} has {path} of its host, and so the socket of the Docker engine"


def _only_looks(resource: Resource, mount: dict[str, Any]) -> bool:
    """Whether a container cannot use a socket in a folder, or a preview does not know it.

    It can write nothing there, and is neither root nor in a group of its host, such as that of the socket.
    """
    user, groups, only_read = resource.raw("user"), resource.raw("groupAdds"), mount.get("readOnly")
    may_write = only_read is not UNKNOWN and not only_read
    is_root = user is not UNKNOWN and not _NOT_ROOT.search(str(user))
    return not (may_write or is_root or elements(groups))


def _namespaces(resource: Resource, _: Nothing) -> Iterator[str]:
    for name in _NAMESPACES:
        mode = resource.raw(name)
        if isinstance(mode, str) and _SHARED.search(mode):
            yield f"{resource.name} has {name} {mode}"
    for network in elements(resource.raw("networksAdvanced")):
        called = entries(network).get("name")
        if isinstance(called, str) and _SHARED.search(called):
            yield f"{resource.name} has the network {called}"


def _limits(resource: Resource, _: Nothing) -> Iterator[str]:
    if not _runs(resource):
        return
    if not resource.get("memory", default=0):
        yield f"{resource.name} has no limit of memory"
    if not float(resource.get("cpus", default=0) or 0):
        yield f"{resource.name} has no limit of CPUs"


def _health(resource: Resource, _: Nothing) -> Iterator[str]:
    tests = resource.get("healthcheck", "tests", default=[])
    if _serves(resource) and (not tests or tests[0] == "NONE"):
        yield f"{resource.name} has no health check"


def _restart(resource: Resource, _: Nothing) -> Iterator[str]:
    restart = resource.get("restart", default="no")
    if _serves(resource) and restart not in _RESTARTS:
        yield f"{resource.name} has the restart policy {restart}"


def _published(resource: Resource, thresholds: Published) -> Iterator[str]:
    if resource.raw("publishAllPorts") is True and resource.name not in thresholds.services:
        yield f"{resource.name} publishes every port of its image"
    for port in elements(resource.raw("ports")):
        address = entries(port).get("ip") or "0.0.0.0"  # noqa: S104 - what Docker takes
        if isinstance(address, str) and not is_inside(address) and resource.name not in thresholds.services:
            number = entries(port).get("external")
            yield f"{resource.name} publishes a port{_number(number)} at {address}"


def _number(value: Any) -> str:
    return f", {value:g}," if isinstance(value, int | float) else ""


def _kept(resource: Resource, thresholds: Production) -> Iterator[str]:
    if resource.name.endswith(_FILES):
        return
    fixed = f"{resource.stack}-{resource.name}"
    if resource.get("name") != fixed:
        yield f"{resource.name} is called {resource.get('name', default='by a random name')}, which is not {fixed}"
    kept = resource.options.protected or resource.options.retained is not False
    if thresholds.is_production(resource.stack) and not kept:
        yield f"{resource.name} goes with `pulumi destroy`"


def _logs(resource: Resource, _: Nothing) -> Iterator[str]:
    if not _runs(resource):
        return
    options = resource.get("logOpts", default={})
    kept = _KEPT_AS_WELL if resource.get("logDriver", default="") in _SENT_BY_DOCKER else ""
    lacking = [f"{kept}{name}" for name in ("max-size", "max-file") if not options.get(f"{kept}{name}")]
    if lacking:
        yield f"{resource.name} has logs without {' and '.join(lacking)}"


def _capabilities(resource: Resource, _: Nothing) -> Iterator[str]:
    if not _runs(resource):
        return
    if "ALL" not in [str(one).removeprefix("CAP_") for one in resource.get("capabilities", "drops", default=[])]:
        yield f"{resource.name} keeps the capabilities that Docker gives"
    if added := resource.get("capabilities", "adds", default=[]):
        yield f"{resource.name} has {', '.join(map(str, added))}"


def _of_a_container(
    name: str, why: str, remedy: str, check: ResourceCheck, thresholds: Thresholds = NO_THRESHOLDS
) -> ResourceRule:
    return ResourceRule(
        name=f"selfhost-{name}",
        why=why,
        remedy=remedy,
        check=check,
        types=(CONTAINER,),
        thresholds=thresholds,
    )


RULES: tuple[AnyRule, ...] = (
    ResourceRule(
        name="selfhost-images-pinned",
        why="An image without a version can be another one after the next pull.",
        remedy="Name a tag with a version, or a digest.",
        check=_pinned,
        types=(IMAGE, CONTAINER),
        thresholds=Images(),
    ),
    _of_a_container(
        "no-privileges",
        "A privileged container, or one with the engine's socket or a device, is as good as root on its host.",
        "Leave out privileged, devices, the socket and folders with it, and keep no-new-privileges and the profiles.",
        _privileged,
    ),
    _of_a_container(
        "no-host-namespaces",
        "In a namespace of the host or of another container it reaches what listens on loopback, or other processes.",
        "Leave the mode out, and give the container a network.",
        _namespaces,
    ),
    _of_a_container(
        "limits",
        "Without limits one container takes the memory and time of all others on its host.",
        "Set memory and cpus, as limits of the stack do.",
        _limits,
    ),
    _of_a_container(
        "health-checks",
        "What has no health check is taken as working, and what depends on it starts too early.",
        "Give the container a command that succeeds while it works.",
        _health,
    ),
    _of_a_container(
        "restarts",
        "After a crash, or a restart of the host, nothing else starts a container again.",
        "Set restart to unless-stopped.",
        _restart,
    ),
    _of_a_container(
        "published-ports",
        "Docker opens a published port in the firewall, and only the proxy has TLS and limits.",
        "Publish it by its number, on 127.0.0.1 or on the private network's address.",
        _published,
        Published(),
    ),
    ResourceRule(
        name="selfhost-volumes-kept",
        why="A volume with a name of its own, which `destroy` leaves, is found again by the next `up`.",
        remedy="Declare it with data_volume(), and leave keepData on.",
        check=_kept,
        types=(VOLUME,),
        thresholds=Production(),
    ),
    _of_a_container(
        "logs-bounded",
        "Logs without an end fill the disk of the host.",
        "Set max-size and max-file in log_opts.",
        _logs,
    ),
    _of_a_container(
        "capabilities-dropped",
        "Docker gives containers rights of root that none of these needs.",
        "Drop ALL, and add none.",
        _capabilities,
    ),
)
