"""Compares the running app's report with this machine: revision, Python, packages, schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.counted import counted
from infra.finding import Finding, failed, ok, warning
from infra.render.doctor.here import Here, declared, locked, normalised

Json = dict[str, Any]

_REBUILD = "commit requirements/ and `deploy --mode rebuild`"
_INSTALL = "what is locked runs there; any `./dev` command installs it here"
_SHORT = 7  # letters of a commit


def compare(here: Here, report: Json, live: Json | None) -> Iterator[Finding]:
    """Yield what differs, and what is the same in one line each. live: the deploy that runs."""
    yield from _version(here, report)
    yield from _revision(here, live)
    yield from _python(here, report)
    yield from _packages(here, report)
    yield from _schema(here, report)


def _version(here: Here, report: Json) -> Iterator[Finding]:
    there = str(report.get("version"))
    if there == here.version:
        yield ok("version", there)
    else:
        yield failed(
            "version", f"{here.version} here, {there} there", "`deploy --mode rebuild` or `deploy --image REF`"
        )


def _revision(here: Here, live: Json | None) -> Iterator[Finding]:
    commit = (live or {}).get("commit") or {}
    if not commit:  # an image; its version has told
        return
    there = str(commit["id"])
    if here.commit is None:
        yield warning("revision", f"{there[:_SHORT]} there; git does not tell which is here")
    elif there != here.commit:
        found = f"{here.commit[:_SHORT]} here, {there[:_SHORT]} there"
        yield warning("revision", found, "push, then `deploy --mode rebuild`; or check out what runs there")
    elif here.changed_files:
        found = f"{there[:_SHORT]} on both sides, but {counted(here.changed_files, 'file')} changed here"
        yield warning("revision", found, "commit and push them: Render builds what is pushed")
    else:
        yield ok("revision", there[:_SHORT])


def _python(here: Here, report: Json) -> Iterator[Finding]:
    there = str(report.get("python"))
    if there == here.python:
        yield ok("Python", there)
        return
    found = f"{here.python} here, {there} there"
    if there.split(".")[:2] == here.python.split(".")[:2]:
        yield warning("Python", found)
    else:
        remedy = "`./dev` with PYTHON=/path/to/python of that version, to see here what happens there"
        yield warning("Python", found, remedy)


def _packages(here: Here, report: Json) -> Iterator[Finding]:
    there = {normalised(name): str(version) for name, version in (report.get("packages") or {}).items()}
    wanted = locked(str(report.get("python") or here.python))  # a version of Python may need other packages
    mine, side = (here.packages, "here") if here.installed else (wanted, "locked")
    different = [name for name in sorted(mine.keys() & there.keys()) if mine[name] != there[name]]
    for name in different:
        found = f"{mine[name]} {side}, {there[name]} there"
        if there[name] == wanted.get(name):
            yield warning(f"package {name}", found, _INSTALL)
        else:
            yield failed(f"package {name}", found, _REBUILD)
    missing = sorted((declared() & mine.keys()) - there.keys())
    for name in missing:
        yield failed(f"package {name}", f"{mine[name]} {side}, none there", _REBUILD)
    alike = len(mine.keys() & there.keys()) - len(different)
    yield ok("packages", f"{alike} the same as {'installed here' if here.installed else 'locked here'}")


def _schema(here: Here, report: Json) -> Iterator[Finding]:
    there = report.get("schema_files")
    if there is None:
        yield failed("schema", "the database is not connected yet", "see PostgreSQL below")
        return
    for name in sorted(here.schema_files.keys() - there.keys()):
        yield failed(f"schema {name}", "here, not there", "`deploy --mode rebuild`: it is applied at the start")
    for name in sorted(there.keys() - here.schema_files.keys()):
        yield warning(f"schema {name}", "there, not here: this checkout is older", "git pull")
    changed = [
        name for name in sorted(here.schema_files.keys() & there.keys()) if here.schema_files[name] != there[name]
    ]
    for name in changed:
        yield failed(f"schema {name}", "differs from what was applied there", "never change a file that was applied")
    if here.schema_files == there:
        yield ok("schema", f"{counted(len(there), 'file')}, the same")
