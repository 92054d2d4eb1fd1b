"""Who publishes: the repository in pyproject.toml, and the names that follow from it. Standard library only."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ci.errors import CiError

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"https://github\.com/(?P<owner>[A-Za-z0-9-]+)/(?P<name>[A-Za-z0-9._-]+)")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A repository at GitHub, and what the project says of itself. version: of app/__init__.py."""

    owner: str
    name: str
    description: str
    version: str

    @property
    def repository(self) -> str:
        """`OWNER/NAME`."""
        return f"{self.owner}/{self.name}"

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"https://github.com/{self.repository}"

    @property
    def server(self) -> str:
        """The server's name in the MCP registry; its owner is proved by a job of the repository."""
        return f"io.github.{self.owner}/{self.name}"

    @property
    def image(self) -> str:
        """The image's name, without a tag."""
        return f"ghcr.io/{self.repository}".lower()


def identity(root: Path = ROOT) -> Identity:
    """Return what a checkout says. Raises CiError."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    url = _URL.fullmatch(project["urls"]["Repository"])
    if url is None:
        raise CiError("pyproject.toml: Repository under [project.urls] takes https://github.com/OWNER/NAME")
    return Identity(owner=url["owner"], name=url["name"], description=project["description"], version=version_of(root))


def version_of(root: Path = ROOT) -> str:
    """Return the version of a checkout. Raises CiError."""
    found = re.search(r'^__version__ = "(.+)"$', (root / "app" / "__init__.py").read_text(encoding="utf-8"), re.M)
    if found is None:
        raise CiError('app/__init__.py has no line `__version__ = "X.Y.Z"`')
    return found[1]


def check_origin(identity: Identity, tag: str, repository: str) -> None:
    """Check that a tag in a repository may publish this checkout. Raises CiError."""
    if tag != f"v{identity.version}":
        raise CiError(
            f"the tag is {tag}, but app/__init__.py says {identity.version};"
            f" run `./dev release {tag.removeprefix('v')}`, commit, and move the tag"
        )
    if repository != identity.repository:
        raise CiError(
            f"this runs in {repository}, but pyproject.toml names {identity.repository} as the repository;"
            f" set it there, run `./dev release server`, and commit"
        )
