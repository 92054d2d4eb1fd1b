"""Releases: which get the requests, and what the stack's key `release` has to say so that others do.

The program refuses no name: one that does not exist would be given to the present code. So a name is written only if
the stack has a release of that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.aliyun.deployed.outputs import Outputs
from infra.command_errors import WrongUsage, meant

ALL = 100  # percent


@dataclass(frozen=True)
class Wanted:
    """The key `release` of a stack: see infra/aliyun/config.py."""

    serving: str | None = None
    canary: int | None = None
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A release. share: of the requests, in percent."""

    release: str
    version: str
    share: int
    note: str


def rows(outputs: Outputs) -> list[Row]:
    """Return the releases of a stack, the newest first."""
    found = []
    for release in by_age(outputs):
        note = "serving" if release == outputs.serving else "kept"
        share = ALL - canary_share(outputs) if release == outputs.serving else 0
        if release == canary_of(outputs):
            note, share = "canary", outputs.canary
        found.append(Row(release, outputs.releases[release], share, note))
    return found


def by_age(outputs: Outputs) -> list[str]:
    """Return the names of the stack's releases, the newest first: versions are numbered in turn."""

    def number(release: str) -> tuple[int, str]:
        version = outputs.releases[release]
        return (int(version) if version.isdigit() else 0, version)

    return sorted(outputs.releases, key=number, reverse=True)


def canary_of(outputs: Outputs) -> str | None:
    """Return the release that gets a share beside the serving one; None without one."""
    return outputs.release if outputs.canary and outputs.release != outputs.serving else None


def canary_share(outputs: Outputs) -> int:
    """Return the canary's percent of the requests."""
    return outputs.canary if canary_of(outputs) else 0


def full(outputs: Outputs, keep: int) -> Wanted:
    """Return what gives all requests to the release that the program describes. keep: how many earlier ones stay."""
    return Wanted(keep=_kept(outputs, [outputs.serving], keep))


def canary(outputs: Outputs, percent: int, keep: int) -> Wanted:
    """Return what gives a share to the release that the program describes, and the rest to the serving one."""
    serving = existing(outputs, outputs.serving)
    return Wanted(serving, percent, _kept(outputs, [serving], keep))


def promoted(outputs: Outputs, keep: int) -> Wanted:
    """Return what gives all requests to the canary. Raises WrongUsage when there is none."""
    chosen = canary_of(outputs)
    if chosen is None:
        raise WrongUsage("--promote: there is no canary; `release --canary 10` begins with one")
    return Wanted(existing(outputs, chosen), None, _kept(outputs, [outputs.serving, chosen], keep + 1))


def rolled_back(outputs: Outputs, release: str | None, keep: int) -> Wanted:
    """Return what gives all requests to an earlier release, the one before the serving one unless it is named.

    The release that serves now stays, so that one can go forward again. Raises WrongUsage.
    """
    target = existing(outputs, release) if release is not None else _before(outputs)
    if target == outputs.serving and canary_of(outputs) is None:
        raise WrongUsage(f"{target} serves already; `release` shows which others there are")
    return Wanted(target, None, _kept(outputs, [outputs.serving, target], keep + 1))


def _before(outputs: Outputs) -> str:
    """Return the release before the serving one; the serving one itself while a canary has a share beside it."""
    if canary_of(outputs) is not None:
        return existing(outputs, outputs.serving)
    aged = by_age(outputs)
    older = aged[aged.index(existing(outputs, outputs.serving)) + 1 :]
    if not older:
        raise WrongUsage(f"there is no release before {outputs.serving}; one is kept from the next `release` on")
    return older[0]


def existing(outputs: Outputs, release: str) -> str:
    """Return a release that the stack has. Raises WrongUsage."""
    if release not in outputs.releases:
        known = f"; it has {', '.join(by_age(outputs))}" if outputs.releases else ""
        raise WrongUsage(f"the stack has no release {release}{meant(release, outputs.releases)}{known}")
    return release


def _kept(outputs: Outputs, first: Iterable[str], keep: int) -> tuple[str, ...]:
    """Return the releases to keep: some first, then the newest of the others; at most so many, and only what exists."""
    canary_name = canary_of(outputs)
    others = [release for release in by_age(outputs) if release != canary_name]
    names = [release for release in dict.fromkeys([*first, *others]) if release in outputs.releases]
    return tuple(names[:keep])


def settings(wanted: Wanted, present: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """Return the paths to set and then those to remove, so that the key says what is wanted.

    present: the key as it is. The serving release is removed last: cut off in between, the key is valid, and requests
    stay where they are.
    """
    put = {f"release.keep[{index}]": release for index, release in enumerate(wanted.keep)}
    if wanted.serving is not None:
        put["release.serving"] = wanted.serving
    if wanted.canary is not None:
        put["release.canary"] = str(wanted.canary)
    kept = present.get("keep")
    count = len(kept) if isinstance(kept, list) else 0
    gone = [f"release.keep[{index}]" for index in range(count - 1, len(wanted.keep) - 1, -1)]
    if wanted.canary is None and "canary" in present:
        gone.append("release.canary")
    if wanted.serving is None and "serving" in present:
        gone.append("release.serving")
    return put, gone
